// ---- the panel: everything about one migration, or about one run ----

const section = (title, ...children) => {
  const shown = nodes(children);
  return shown.length ? make("section", { class: "part" }, make("h3", {}, title), shown) : null;
};
const facts = (pairs) => {
  const shown = pairs.filter(([, value]) => isShown(value) && !(Array.isArray(value) && !value.some(isShown)));
  return shown.length ? make("dl", { class: "facts" }, shown.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value)))) : null;
};
const chips = (all) => (all ?? []).length ? make("span", { class: "chips" }, all.map((one) => make("bdi", { class: "chip" }, typeof one === "object" ? `${one.version ?? ""} ${one.name ?? ""}`.trim() : one))) : null;
const link = (view, open, ...text) => make("a", { href: address(view, open) }, text);
const linkTo = (version, name) => isRepeatable({ version }) ? link("migrations", name ?? String(version), make("bdi", {}, name ?? "repeatable")) : [link("migrations", String(version), make("span", { class: "mono" }, String(version))), name ? [" ", make("bdi", {}, name)] : null];

const eventText = (name) => name === "running" ? "began" : words(name);
const eventBadge = (name) => badge(name === "running" ? "began" : name, eventText(name));

const eventView = (event, withMigration = false) => make("li", { class: "event" },
  make("div", { class: "event-head" }, eventBadge(event.event), event.direction === "down" && event.event !== "reverted" ? make("span", { class: "faint" }, "rollback") : null,
    withMigration && event.version !== undefined ? make("span", { class: "event-name" }, linkTo(event.version, event.name)) : null, when(event.at)),
  event.failure ? make("p", { class: "bad-text" }, failureText(event.failure)) : null,
  event.note ? make("p", {}, event.note) : null,
  make("p", { class: "faint" }, [make("bdi", {}, who(event.by)), event.fence === undefined ? "" : ` · fence ${event.fence}`, event.plan ? ` · plan ${event.plan.slice(0, 12)}` : ""]));

/** What fails, and the buttons that lead out of it. */
function failureView(failure, one, lints) {
  const details = lints.flatMap((lint) => lint.details ?? []);
  return make("div", { class: "note bad failure" }, icon("cross"), make("div", {},
    make("p", { class: "problem-text" }, failureText(failure)),
    failure.message && (failure.code_name || failure.code) ? make("p", { class: "faint" }, [failure.code_name, failure.code ? `code ${failure.code}` : null].filter(Boolean).join(", ")) : null,
    make("div", { class: "buttons" }, waysOut(one),
      (failure.documents ?? []).length ? button("Show the documents' ids", () => tell("Documents in the way", [make("p", {}, `The failure is about ${failure.documents.length < 20 ? plural(failure.documents.length, "document") : "at least 20 documents"}, by their _id:`), copyable(failure.documents.join("\n"))]), { focus: "documents" }) : null,
      details.length ? button("Show what is in the way now", () => tell("In the way", [make("p", {}, "Found now, in the database as it is:"), copyable(details.join("\n"))]), { focus: "ids" }) : null)));
}

/** Buttons for what can be done about a migration that is half-done, or has failed. */
function waysOut(one) {
  const half = one.half_done;
  const isStuck = ["failed", "interrupted"].includes(one.state);
  if (!isStuck && !half) return [];
  const to = one.repeatable ? "" : `to:${one.version}`;
  const again = half?.gives_up_rollback ? `Give up the rollback of ${versionText(one)}…` : one.state === "interrupted" ? `Resume ${versionText(one)}…` : `Try again from ${versionText(one)}…`;
  return [
    !half || half.up ? button(again, () => openChange("up", one.state === "interrupted" ? to : ""), { kind: "main", picture: "play", writes: true, focus: "again" }) : null,
    half?.down ? button(half.direction === "down" ? "Finish the rollback…" : "Remove what is half-done…", () => openChange("down"), { picture: "undo", writes: true, focus: "undo" }) : null];
}

function actionsOf(one) {
  if (["pending"].includes(one.state) && one.linked !== false) {
    return [button(one.repeatable ? "Apply…" : `Apply up to ${one.version}…`, () => openChange("up", one.repeatable ? "" : `to:${one.version}`), { kind: "main", picture: "play", writes: true, focus: "apply" })];
  }
  if (one.state !== "applied" || one.repeatable) return [];
  return [
    button("Roll back only this…", () => openChange("down", `only:${one.version}`), { picture: "undo", writes: true, focus: "only" }),
    button("Roll back all newer…", () => openChange("down", `to:${one.version}`), { picture: "undo", writes: true, focus: "newer" })];
}

const driftView = (one) => one.drifted ? make("div", { class: "note bad" }, icon("alert"), make("div", {},
  make("p", {}, make("strong", {}, "Changed after it was applied."), " The body of this migration in this build is not the one that was applied. The database still has what the old body did."),
  make("p", {}, "Restore the old body and write a new migration for the change; or, if the change has no effect, record the new checksum with ", make("code", {}, "repair"), " on the command line."))) : null;
const aheadView = (one) => isAhead(one) ? make("div", { class: "note warn" }, icon("alert"), make("p", {}, make("strong", {}, "Applied, but not in this build."), " A newer build has applied it. Deploy that build, or roll it back with that build.")) : null;

function stepsDone(one, found) {
  const done = one.finished_steps ?? [];
  const batches = (found?.backfills ?? []).map(({ batches: number, parts, parts_done: partsDone, positions, ...progress }) => make("div", { class: "backfill" },
    backfills([one.progress?.find(({ name }) => name === progress.name) ?? progress]),
    make("p", { class: "faint" }, `${plural(number, "batch", "batches")}${parts > 1 ? `, ${count(partsDone)} of ${count(parts)} parts finished` : ""}${(positions ?? []).length ? `; goes on after ${positions.join(", ")}` : ""}`)));
  return section("Steps and batches", done.length ? make("ul", { class: "plain" }, done.map((name) => make("li", {}, badge("done", "finished"), " ", make("bdi", {}, name)))) : null,
    batches.length ? batches : backfills(one.progress));
}

/** Draws the panel of a migration: what the list knows at once, and the rest when it has come. */
const migrationPanel = {
  key: "", more: null, events: null, failed: null,
  find(open) { return store.byVersion.get(open) ?? store.rows.find((one) => one.repeatable && one.name === open); },
  async load(open) {
    const one = this.find(open);
    const own = this.key = open;
    this.more = this.events = this.failed = null;
    await this.again(own, one);
  },
  async again(own, one) {
    this.loading = true;
    try {
      const name = one?.repeatable ? one.name : own;
      const more = await readIfThere(`migrations/${encodeURIComponent(name)}`);
      const events = [...more?.events ?? []].reverse();
      if (own !== this.key) return;
      Object.assign(this, { more: more ?? null, events, failed: null });
    } catch (error) {
      if (own !== this.key || error instanceof SignedOut) return;
      this.failed = error;
    } finally { this.loading = false; }
    changed("panel");
  },
  draw(open) {
    const listed = this.find(open);
    if (this.key !== open) { this.seen = JSON.stringify(listed); this.load(open); }
    else if (!this.loading && this.seen !== JSON.stringify(listed)) { this.seen = JSON.stringify(listed); this.again(open, listed); }
    const found = this.more;
    const one = listed ?? found;
    if (!one) {
      panelHead("", open, []);
      part(byId("panel-body"), ["none", open, String(this.failed), this.loading], () => this.failed || !this.loading ? make("p", { class: "empty" }, this.failed?.message ?? `There is no migration ${open}.`) : make("p", { class: "faint" }, "Loading…"));
      return;
    }
    panelHead(versionText(one), one.name, [badge(shownState(one), stateText(one)), marksOf(one).map((mark) => badge(mark)), make("span", { class: "chip" }, kindText(one.kind))]);
    const failure = found?.failure ?? one.failure;
    const stuck = ["failed", "interrupted"].includes(one.state);
    part(byId("panel-body"), [one, tagsOf(one), this.more, this.events, String(this.failed), store.scope, store.run?.state], () => [
      stuck && failure ? failureView(failure, one, found?.lints ?? []) : stuck ? make("div", { class: "note warn" }, icon("alert"), make("div", {}, make("p", {}, "It began, and no process runs it now. What its finished steps and batches did is in the database; it resumes after the last of them."), make("div", { class: "buttons" }, waysOut(one)))) : null,
      driftView(one), aheadView(one),
      make("div", { class: "buttons actions" }, actionsOf(one)),
      facts([
        ["Version", one.repeatable ? "none: it runs again when its body changes" : make("span", { class: "mono" }, String(one.version))],
        ["Recorded as", one.recorded_as ? make("bdi", {}, one.recorded_as) : null],
        ["Source", one.source ? make("code", {}, one.source) : null],
        ["Kind", [kindText(one.kind), one.reversible ? " · can be rolled back" : " · cannot be rolled back"]],
        ["Labels", chips(one.labels)], ["After", chips(one.after)], ["Replaces", one.replaces === undefined ? null : chips([one.replaces].flat().map(String))], 
        ["Group", one.group && one.group !== "default" ? one.group : null], ["Release", one.release],
        ["Applied", one.applied_at ? when(one.applied_at, { exact: true }) : null], ["Took", took(one.duration_ms)], ["Batch", one.batch], ["By", one.by ? make("bdi", {}, who(one.by)) : null],
        ["Crate", found?.crate_name ? make("code", {}, found.crate_name) : null], ["Tags", tagsOf(one).length ? make("span", { class: "chips" }, tagsOf(one).map(tagChip)) : null], ["Writes many of", chips(found?.writes)], ["Acknowledges", chips(found?.allows)],
        ...checksums(found)
      ]),
      stepsDone(one, found),
      section("Operations", (found?.operations ?? []).length ? atMost(50, found.operations, operationView, { class: "plain operations" }) : null),
      section("Touches", (found?.footprint ?? []).length ? footprintView(found.footprint) : null),
      section("Lints", (found?.lints ?? []).map(lintView)),
      section("Events", this.failed ? make("p", { class: "bad-text" }, this.failed.message) : !this.events ? make("p", { class: "faint" }, "Loading…")
        : this.events.length ? atMost(50, this.events, (event) => eventView(event), { class: "plain events" }) : make("p", { class: "faint" }, "Nothing has happened to it yet.")),
    ]);
  },
};

const footprintView = (footprint) => make("ul", { class: "plain" }, footprint.map((one) => make("li", { class: "touched" },
  make("span", { class: "chip" }, one.writes ? "writes" : "reads"), make("span", {}, one.collection ? [make("code", {}, one.collection), " · "] : null, one.what))));

function checksums(found) {
  const { checksum: here, recorded_checksum: recorded } = found ?? {};
  if (here && here === recorded) return [["Checksum", [make("code", {}, here), make("span", { class: "faint" }, " · as recorded")]]];
  return [["Checksum here", here ? make("code", {}, here) : null], ["Checksum recorded", recorded ? make("code", {}, recorded) : null]];
}

function panelHead(version, name, badges, note) {
  part(byId("panel-head"), [version, name, badges.flat(9).map((one) => one?.textContent), note], () => [
    version ? make("p", { class: "mono faint panel-version" }, version) : null,
    make("h2", { id: "panel-title", tabIndex: -1 }, make("bdi", {}, name)),
    note ? make("p", { class: "faint" }, note) : null,
    make("p", { class: "badges" }, badges.map((one) => [one, " "]))]);
}

/** Opens and closes the panel, as the address says. */
let panelOf = "";
function drawPanel() {
  const { view: at, open } = route();
  const isOpen = open !== "" && (at === "migrations" || at === "runs");
  show(byId("panel"), isOpen);
  byId("work").classList.toggle("split", isOpen);
  const key = isOpen ? address(at, open) : "";
  const isNew = key !== panelOf;
  panelOf = key;
  if (!isOpen) { migrationPanel.key = ""; runPanel.key = ""; return; }
  if (at === "migrations") migrationPanel.draw(open); else runPanel.draw(open);
  if (isNew) {
    byId("panel-scroll").scrollTop = 0;
    byId("panel-title")?.focus({ preventScroll: true });
    if (matchMedia("(max-width: 70rem)").matches) scrollTo({ top: 0 });
  }
}
function startPanel() {
  byId("panel-close").addEventListener("click", closePanel);
  onChange(["route", "status", "panel", "run", "tags"], drawPanel);
}
