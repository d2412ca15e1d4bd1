// ---- runs: the list, one run, and the run in flight as a strip above everything ----

const verbText = (run) => ({ up: "Apply", down: "Roll back" })[run.verb ?? run.direction] ?? "Run";
const dryText = { run: "dry run", shadow: "shadow run", plan: "plan" };
const runTitle = (run) => run.dry_run ? `${verbText(run)}: ${dryText[run.dry_run] ?? "dry run"}` : verbText(run);

// ---- the list ----
const runs = { all: [], next: null, loaded: false, failed: null };

async function loadRuns(more = false) {
  try {
    const answer = await read(`runs?limit=50${more && runs.next ? `&before=${encodeURIComponent(runs.next)}` : ""}`);
    Object.assign(runs, { all: more ? runs.all.concat(answer.runs) : answer.runs, next: answer.next ?? null, loaded: true, failed: null });
  } catch (error) {
    if (error instanceof SignedOut) return;
    runs.failed = error;
  }
  changed("runs");
}

/** What a run has, as one text, so that it is cut where its cell ends. */
function whatRan({ first, last }) {
  if (!first) return "";
  if (!last || String(last.version) === String(first.version)) return `${versionText(first)} ${first.name}`;
  return `${versionText(first)} – ${isRepeatable(last) ? last.name : last.version}`;
}
const runList = new Rows(byId("run-list"), {
  keyOf: (run) => run.id,
  height: () => matchMedia("(max-width: 45rem)").matches ? 60 : 36,
  open: (run) => goTo("runs", run.id),
  create: () => make("div", { class: "row run-row", role: "row" }),
  update: (run, row) => {
    const { steps = {} } = run;
    row.dataset.tone = looks[run.state]?.[0] ?? "calm";
    row.setAttribute("aria-label", `${runTitle(run)}, ${words(run.state)}`);
    const cell = (name, ...children) => make("div", { class: `cell ${name}`, role: "gridcell" }, children);
    const total = Number(steps.total ?? 0);
    return [
      cell("state", badge(run.state)),
      cell("title", make("span", { class: "run-title" }, runTitle(run)), nameOf(whatRan(run), { class: "name faint" })),
      cell("steps", make("span", {}, run.dry_run ? plural(total, "migration") : `${count(steps.done ?? 0)} of ${plural(total, "migration")}`, Number(steps.failed ?? 0) ? make("span", { class: "bad-text" }, `, ${count(steps.failed)} failed`) : null)),
      cell("time", when(run.began_at ?? run.ended_at)),
      cell("took", make("span", { class: "mono" }, took(run.duration_ms))),
      cell("by", make("bdi", { class: "name faint", title: who(run.by) }, shortWho(run.by)), run.here === false ? make("span", { class: "chip" }, "elsewhere") : null),
    ];
  },
});
function drawRuns() {
  if (route().view !== "runs") return;
  if (!runs.loaded) { if (!runs.failed) say(byId("runs-note"), "Loading…"); }
  say(byId("runs-note"), runs.failed ? runs.failed.message : !runs.loaded ? "Loading…" : !runs.all.length ? "No run yet." : "Of every process, newest first.");
  show(byId("runs-table"), runs.all.length > 0);
  byId("runs-table").setAttribute("aria-rowcount", runs.next ? -1 : runs.all.length + 1);
  runList.set(runs.all);
  show(byId("older-runs"), Boolean(runs.next));
}

// ---- one run ----
const stepState = (step) => badge(step.state === "running" && step.direction === "down" ? "running" : step.state);
const runStepView = (step) => make("li", { class: "step" },
  make("div", { class: "step-head" }, stepState(step), make("span", { class: "step-name" }, linkTo(step.version, step.name)), make("span", { class: "faint step-kind" }, took(step.duration_ms))),
  step.failure ? make("p", { class: "bad-text" }, failureText(step.failure)) : null, backfills(step.backfills ?? step.progress));

/** The migration at which a run has failed. */
const failedStep = (run) => (Array.isArray(run.steps) ? run.steps : []).find((step) => ["failed", "interrupted", "unknown"].includes(step.state ?? step.outcome));

function problemOf(run) {
  const step = failedStep(run);
  const version = step?.version ?? run.problem?.migrations?.[0]?.version;
  const problem = run.problem ?? (run.failure ? { detail: failureText(run.failure) } : null);
  if (!problem && !step) return null;
  const tone = run.state === "cancelled" ? "warn" : "bad";
  const one = version === undefined ? null : store.byVersion.get(String(version));
  return make("div", { class: `note ${tone} failure` }, icon(tone === "warn" ? "stop" : "cross"), make("div", {},
    problem ? problemParts(problem) : null,
    make("div", { class: "buttons" },
      version !== undefined && !run.dry_run && run.state === "failed" ? [
        button(`Try again from ${one ? versionText(one) : version}…`, () => openChange((run.verb ?? run.direction) === "down" ? "down" : "up"), { kind: "main", picture: "play", writes: true, focus: "again" }),
        button(`Show ${one ? versionText(one) : version}`, () => goTo("migrations", one?.repeatable ? one.name : String(version)), { focus: "show" })] : null)));
}

const groupsOf = (steps) => {
  const is = (...names) => steps.filter((step) => names.includes(step.state ?? step.outcome));
  return [["failed", is("failed", "interrupted", "unknown", "conflict", "timed_out"), true], ["running", is("running"), true],
    ["finished", is("applied", "reverted", "ran", "unnecessary"), false], ["waiting", is("waiting"), false], ["not run", is("not_run", "aborted"), false]]
    .filter(([, all]) => all.length);
};
/** A long list of steps: what is finished, or waits, is folded. */
const stepGroups = (steps, folded) => groupsOf(steps).map(([name, all, open]) => {
  if (open || (!folded && all.length <= 12)) return make("div", {}, make("p", { class: "group-title faint" }, `${count(all.length)} ${name}`), atMost(100, all, runStepView, { class: "plain steps" }));
  const box = make("details", { "data-group": name }, make("summary", { "data-focus": `fold ${name}` }, `${count(all.length)} ${name}`));
  // What is folded is drawn when it is opened.
  box.addEventListener("toggle", () => { if (box.open && box.childElementCount === 1) box.append(atMost(100, all, runStepView, { class: "plain steps" })); });
  return box;
});

const runPanel = {
  key: "", run: null, failed: null, loading: false,
  async load(id) {
    const isNew = this.key !== id;
    this.key = id;
    if (isNew) this.run = this.failed = null;
    this.loading = true;
    this.etag = store.etag;
    try {
      const found = await read(`runs/${encodeURIComponent(id)}`);
      if (this.key !== id) return;
      Object.assign(this, { run: found, failed: null });
    } catch (error) {
      if (this.key !== id || error instanceof SignedOut) return;
      if (!this.run) this.failed = error;
    } finally { this.loading = false; }
    changed("panel");
  },
  draw(id) {
    if (this.key !== id) this.load(id);
    const isCurrent = store.run?.id === id;
    // The stream knows more of the run under way; the answer has the reports.
    if (isCurrent && this.run && this.run.state === "running" && store.run.state !== "running" && !this.loading) this.load(id);
    // Of a run of another process, the status tells when there is news.
    else if (!isCurrent && this.run?.state === "running" && this.etag !== store.etag && !this.loading) this.load(id);
    const run = isCurrent && (!this.run || store.run.state === "running") ? store.run : this.run;
    if (!run) {
      panelHead("", "Run", []);
      part(byId("panel-body"), ["none", id, String(this.failed)], () => this.failed ? make("div", { class: "note warn" }, icon("alert"), make("div", {}, this.failed.problem?.detail ? problemParts(this.failed.problem) : this.failed.message)) : make("p", { class: "faint" }, "Loading…"));
      return;
    }
    const steps = Array.isArray(run.steps) ? run.steps : [];
    panelHead(run.id, runTitle(run), [badge(run.state)]);
    const done = steps.filter(isOver).length;
    // Once a second is enough for a run of thousands of steps.
    const pace = run.state === "running" && steps.length > 200 ? Math.floor(performance.now() / 1000) : [done, steps.map((step) => step.backfills)];
    part(byId("panel-body"), [run.id, run.state, pace, run.problem, run.hold, store.scope, Boolean(run.report), Boolean(run.dry_run_report)], () => [
      problemOf(run),
      facts([
        ["Requested by", run.by ? make("bdi", {}, who(run.by)) : null], ["Process", run.process ? make("bdi", {}, who(run.process)) : null], ["Began", run.began_at ? when(run.began_at, { exact: true }) : null],
        ["Took", run.state === "running" ? null : took(run.elapsed_ms ?? run.duration_ms)], ["Fence", run.fence], ["Batch", run.report?.batch],
        ["Waited for the lock", run.report?.waited_ms > 100 ? took(run.report.waited_ms) : null], ["Migrations", run.dry_run ? null : steps.length ? `${count(done)} of ${count(steps.length)} finished` : totalOf(run) ? plural(totalOf(run), "migration") : "none: there was nothing to do"],
        ["Ended by", run.report?.cancelled_by ? `${who(run.report.cancelled_by.by)}${run.report.cancelled_by.why ? ` (“${run.report.cancelled_by.why}”)` : ""}` : null]]),
      run.dry_run_report ? dryRunView(run.dry_run_report) : run.plan ? planView(run.plan) : section("Migrations", stepGroups(steps, steps.length > 200)),
      (run.report?.skipped ?? []).length ? make("p", { class: "faint" }, "Recorded as skipped: ", names(run.report.skipped)) : null,
    ]);
  },
};

// ---- the strip ----
/** The backfills of a step, as its events or the status tell, whichever is further. */
function backfillsOf(step) {
  const row = store.byVersion.get(String(step.version));
  const listed = row?.state === "running" ? row.progress ?? [] : [];
  return (step.backfills ?? []).map((one) => {
    const { documents } = listed.find(({ name }) => name === one.name) ?? one;
    return documents > one.documents ? { ...one, documents } : one;
  });
}
const strip = { elapsed: () => took(performance.now() - (store.began ?? performance.now())) };

function drawStrip() {
  const { run, status } = store;
  const box = byId("strip");
  const isMine = run && (run.state === "running" || (store.dismissed !== run.id && !run.dry_run));
  const isOthers = !isMine && status?.lock.held && !status.lock.dead;
  show(box, Boolean(isMine || isOthers));
  if (isMine) drawMine(run); else if (isOthers) drawOthers(status);
}

function drawMine(run) {
  const total = totalOf(run);
  const at = run.state === "running" ? run.steps.find((step) => step.state === "running") : null;
  const walks = at ? backfillsOf(at) : [];
  const fraction = at ? Math.max(0, ...walks.map((one) => one.total ? Math.min(1, one.documents / one.total) : 0)) : 0;
  const running = run.state === "running";
  byId("strip").dataset.tone = running ? "busy" : looks[run.state]?.[0] ?? "calm";
  part(byId("strip-icon"), [running, run.state], () => icon(running ? "ring" : looks[run.state]?.[1] ?? "dot"));
  byId("strip-icon").classList.toggle("turns", running);
  say(byId("strip-title"), running ? `${runTitle(run)} · ${count(store.over)} of ${plural(total, "migration")}` : `${runTitle(run)} ${words(run.state)} after ${took(run.elapsed_ms)}`);
  say(byId("strip-at"), at ? `${versionText(at)} ${at.name}` : running ? "" : total ? `${count(store.over)} of ${plural(total, "migration")} · requested by ${who(run.by)}` : run.state === "done" ? "there was nothing to do" : `requested by ${who(run.by)}`);
  const progress = byId("strip-bar");
  show(progress, running);
  progress.max = Math.max(1, total);
  progress.value = Math.min(store.over + fraction * 0.99, Math.max(1, total));
  say(byId("strip-time"), running ? strip.elapsed() : "");
  part(byId("strip-now"), [running && run.hold, walks, run.state, run.problem, store.scope], () => [
    running && run.hold ? make("p", {}, icon("pause"), ` Held back: ${run.hold.text}.`) : null,
    at ? backfills(walks) : null, running ? null : problemOf(run)]);
  const steps = groupsOf(run.steps).map(([name, all]) => `${count(all.length)} ${name}`).join(" · ");
  show(byId("strip-steps"), total > 0);
  say(byId("strip-counts"), steps);
  if (byId("strip-steps").open) drawStripSteps(run);
  drawStripButtons(running, run.id);
}
let stripDrawn = 0;
function drawStripSteps(run) {
  const wait = run.state === "running" && run.steps.length > 200 ? 1_000 - (performance.now() - stripDrawn) : 0;
  if (wait > 0) { strip.later ??= setTimeout(() => { strip.later = undefined; changed("run"); }, wait); return; }
  stripDrawn = performance.now();
  part(byId("strip-list"), [run.id, run.steps.length > 200 ? stripDrawn : run.steps], () => stepGroups(run.steps, true));
}

function drawOthers(status) {
  const { lock } = status;
  const { position } = lock;
  byId("strip").dataset.tone = "busy";
  part(byId("strip-icon"), "others", () => icon("lock"));
  byId("strip-icon").classList.remove("turns");
  say(byId("strip-title"), position ? `Another process is at migration ${count(position.at)} of ${count(position.of)}` : "Another process holds the lock");
  say(byId("strip-at"), `${who(lock.holder)} · fence ${lock.fence}`);
  const progress = byId("strip-bar");
  show(progress, Boolean(position));
  if (position) { progress.max = position.of; progress.value = Math.max(0, position.at - 1); }
  say(byId("strip-time"), `lease ${leaseLeft()} s`);
  const at = store.rows.filter((one) => one.state === "running");
  part(byId("strip-now"), [at.map((one) => [one.version, one.progress]), position?.hold], () => [
    at.map((one) => make("div", {}, make("p", {}, linkTo(one.version, one.name)), backfills(one.progress))),
    position?.hold ? make("p", {}, icon("pause"), ` Held back: ${position.hold.text}.`) : null]);
  show(byId("strip-steps"), false);
  drawStripButtons(true, "current");
}

function drawStripButtons(running, id) {
  const { lock } = store.status ?? { lock: {} };
  const may = store.scope === "write";
  show(byId("pause"), may && running && Boolean(lock.held) && !lock.paused);
  show(byId("resume"), may && Boolean(lock.paused));
  show(byId("tune"), may && running && Boolean(lock.held));
  show(byId("cancel"), may && running && Boolean(lock.held) && !lock.cancel_asked);
  byId("strip-open").dataset.run = id;
  show(byId("strip-dismiss"), !running);
}

function startRuns() {
  byId("pause").addEventListener("click", attempt(pauseRun));
  byId("hold").addEventListener("click", attempt(pauseRun));
  byId("resume").addEventListener("click", attempt(resumeRun));
  byId("tune").addEventListener("click", attempt(tuneRun));
  byId("cancel").addEventListener("click", attempt(cancelRun));
  byId("strip-open").addEventListener("click", () => goTo("runs", byId("strip-open").dataset.run));
  byId("strip-dismiss").addEventListener("click", () => { store.dismissed = store.run.id; changed("run"); byId("main").focus({ preventScroll: true }); });
  byId("strip-steps").addEventListener("toggle", () => { if (byId("strip-steps").open && store.run) drawStripSteps(store.run); });
  byId("older-runs").addEventListener("click", attempt(() => loadRuns(true)));
  let lastSeen = "";
  onChange(["route", "run", "runs", "status"], () => {
    if (route().view === "runs") {
      const seen = `${store.run?.id}${store.run?.state}${store.etag}`;
      if (seen !== lastSeen) { lastSeen = seen; loadRuns(); }
    }
    drawRuns();
  });
  onChange(["run", "status"], drawStrip);
}
