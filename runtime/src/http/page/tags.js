// ---- tags: names for states of the history, shown, given, moved and removed ----

const tags = { all: [], byVersion: new Map(), seen: "", failed: null };
const tagsOf = (one) => tags.byVersion.get(keyOf(one)) ?? [];

async function loadTags() {
  try {
    const answer = await readIfThere("tags");
    tags.all = answer?.tags ?? [];
    tags.failed = null;
  } catch (error) {
    if (error instanceof SignedOut) return;
    tags.failed = error;
  }
  tags.byVersion = new Map();
  for (const tag of tags.all) {
    const version = String(tag.last.version);
    tags.byVersion.set(version, (tags.byVersion.get(version) ?? []).concat(tag.name));
  }
  changed("tags");
}

/** Every change of a tag takes the lock; while a run is under way, there is none. */
function tagsMayDiffer() {
  const { lock, applied } = store.status;
  const seen = `${store.session} ${lock.fence} ${applied}`;
  if (lock.held || store.run?.state === "running" || tags.seen === seen) return;
  tags.seen = seen;
  loadTags();
}

const tagChip = (name) => make("bdi", { class: "chip tag", title: `The state named “${name}” ends with this migration.` }, icon("tag"), make("span", {}, name));

const farText = (tag) => tag.later === undefined ? badge("warning", "out of reach") : tag.later === 0 ? badge("ok", "the present state") : make("span", { class: "chip" }, `${plural(tag.later, "migration")} applied since`);

function tagView(tag) {
  const focus = (verb) => `${verb} ${tag.name}`;
  return make("li", { class: "step" },
    make("div", { class: "step-head" }, icon("tag"), make("span", { class: "step-name" }, make("strong", {}, make("bdi", {}, tag.name))), farText(tag)),
    tag.why ? make("p", {}, tag.why) : null,
    make("p", { class: "faint" }, `${plural(tag.applied, "migration")} applied, the last one `, linkTo(tag.last.version, tag.last.name), " · ", when(tag.at), " · ", make("bdi", {}, who(tag.by))),
    tag.later === undefined ? make("p", { class: "faint" }, "No rollback leads back to it: one of its migrations was rolled back, or an older one was applied since.") : null,
    store.scope === "write" ? make("div", { class: "buttons" },
      tag.later > 0 ? button("Roll back to it…", () => openChange("down", `to_tag:${tag.name}`), { picture: "undo", writes: true, focus: focus("back") }) : null,
      tag.later === 0 ? null : button("Move it here…", () => changeTag(tag, { move: true }), { picture: "tag", writes: true, focus: focus("move") }),
      button("Remove…", () => changeTag(tag, { remove: true }), { writes: true, kind: "danger", focus: focus("remove") })) : null);
}

/** Moves or removes a tag. What it named until then cannot be named again. */
async function changeTag(tag, change) {
  const name = make("strong", {}, make("bdi", {}, tag.name));
  const yes = await ask({
    title: change.move ? "Move the tag?" : "Remove the tag?",
    middle: [change.move ? make("p", {}, "“", name, "” is going to name the present state, and no longer the one after ", make("span", { class: "mono" }, String(tag.last.version)), " ", make("bdi", {}, tag.last.name), ".")
      : make("p", {}, "No rollback leads to “", name, "” any more. The migrations stay as they are."),
    make("p", { class: "faint" }, "Only the present state can be given a name, so this cannot be undone.")],
    buttons: [{ text: change.move ? "Move it" : "Remove it", value: true, kind: change.move ? "main" : "danger", id: "dialog-yes" }],
  });
  if (yes) {
    await post("tags", { name: tag.name, ...change });
    await loadTags();
  }
  openTags();
}

const whyNoTag = () => store.scope !== "write" ? "Your token may only read." : !mayWrite() || store.status.lock.held ? "While a run is under way, no state can be named." : store.status.applied ? "" : "Nothing is applied yet, so there is no state to name.";

/** The dialog with all tags, and the form for another one. */
async function openTags() {
  const box = make("div", { id: "tag-list" });
  const said = make("div", { id: "tag-said", role: "status" });
  const name = textInput({ maxLength: 100, dir: "auto" });
  const why = textInput({ maxLength: 500, dir: "auto" });
  const yes = make("button", { type: "submit", class: "main", id: "tag-yes" }, icon("tag"), "Name the present state");
  const drawTags = () => fill(box, tags.failed ? make("p", { class: "bad-text" }, tags.failed.message) : tags.all.length ? atMost(50, [...tags.all].reverse(), tagView, { class: "plain steps" }) : make("p", { class: "empty" }, "No state has a name yet."));
  const enable = () => { yes.disabled = !name.value.trim() || Boolean(whyNoTag()); };
  name.addEventListener("input", enable);
  const form = make("form", { id: "tag-form" },
    make("div", { class: "fields" }, field("tag-name", "Name", name, "For example the release that comes next."), field("tag-why", "Why", why, "Optional; for those who read the history.")), make("div", { class: "buttons" }, yes), said);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (yes.disabled) return;
    yes.disabled = true;
    fill(said);
    try {
      const reason = why.value.trim();
      const answer = await post("tags", { name: name.value.trim(), ...(reason ? { why: reason } : {}) });
      await loadTags();
      drawTags();
      fill(said, make("p", { class: "note good" }, icon("check"), make("span", {}, "“", make("bdi", {}, answer.name), answer.action === "unchanged" ? "” names the present state already." : "” names the present state.")));
      name.value = why.value = "";
      name.focus();
    } catch (error) {
      if (error instanceof SignedOut) return;
      if (error.status === 401) { closeDialog?.(); signOut(); alarm(error); return; }
      fill(said, make("div", { class: "note bad" }, icon("cross"), make("div", {}, error.problem?.detail ? problemParts(error.problem) : error.message)));
    }
    enable();
  });
  const reason = whyNoTag();
  enable();
  drawTags();
  const answered = ask({
    title: "Tags", wide: true, closing: "Close", buttons: [],
    middle: [make("p", {}, "A tag names the set of migrations that is applied at a moment. A rollback can lead back to it."),
      reason ? make("p", { class: "faint" }, reason) : form, make("h3", {}, "Named states, newest first"), box],
  });
  if (!reason) name.focus({ preventScroll: true });
  loadTags().then(drawTags);
  return answered;
}

function startTags() {
  byId("tags").addEventListener("click", attempt(openTags));
  onChange(["status", "run"], tagsMayDiffer);
  onChange(["tags"], () => { if (route().view === "migrations") list.place(); });
}
