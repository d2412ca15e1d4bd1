// ---- the list of migrations: counts that filter, search, order, one line each ----

// The newest first: what is pending or has just been applied is what people look for.
const STATES = ["failed", "interrupted", "running", "pending", "applied", "skipped", "replaced", "orphaned"];
const stateNames = { orphaned: "rolled back, not in this build" };
const view = { state: "", text: "", kind: "", label: "", sort: "version", down: true };

const marksOf = (one) => [one.drifted ? "drifted" : null, isAhead(one) ? "not in this build" : null].filter(Boolean);
const stateText = (one) => [
  ["running", "interrupted"].includes(one.state) && typeof one.percent === "number" ? `${one.state} at ${one.percent} %` : words(stateNames[shownState(one)] ? "not in build" : one.state),
  one.direction === "down" && one.state !== "applied" ? "(rollback)" : ""].filter(Boolean).join(" ");

const stateSign = (one) => {
  const sign = badge(shownState(one), stateText(one));
  sign.classList.add("sign");
  sign.title = stateText(one);
  return sign;
};

const list = new Rows(byId("list"), {
  keyOf,
  height: () => matchMedia("(max-width: 45rem)").matches ? 60 : 36,
  also: tagsOf,
  open: (one) => goTo("migrations", one.repeatable ? one.name : String(one.version)),
  create: () => make("div", { class: "row", role: "row" }),
  update: (one, row) => {
    row.setAttribute("aria-label", visible(`${versionText(one)} ${one.name}, ${stateText(one)}${marksOf(one).map((mark) => `, ${mark}`).join("")}`));
    row.dataset.tone = looks[shownState(one)]?.[0] ?? "calm";
    const cell = (name, ...children) => make("div", { class: `cell ${name}`, role: "gridcell" }, children);
    const touched = one.last_event_at ?? one.applied_at;
    return [
      // Beside a mark, the sign of the state is enough.
      cell("state", marksOf(one).length ? stateSign(one) : badge(shownState(one), stateText(one)), marksOf(one).map((mark) => [" ", badge(mark, mark === "not in this build" ? "not in build" : mark)])),
      cell("version", make("span", { class: "mono", title: String(one.version) }, versionText(one))),
      cell("title", nameOf(one.name, { title: one.recorded_as ? `${one.name} (recorded as ${one.recorded_as})` : one.name }), tagsOf(one).slice(0, 2).map(tagChip), (one.labels ?? []).slice(0, 2).map((label) => make("bdi", { class: "chip" }, label))),
      cell("kind", make("span", { title: one.reversible === false ? "It cannot be rolled back." : "" }, kindText(one.kind), one.reversible === false ? make("span", { class: "one-way" }, " · one-way") : "")),
      cell("time", touched ? when(touched) : make("span", { class: "faint" }, "–")),
      cell("took", make("span", { class: "mono" }, took(one.duration_ms))),
      cell("by", make("bdi", { class: "name faint", title: who(one.by) }, shortWho(one.by))),
    ];
  },
});

const sorts = {
  version: (a, b) => byVersion(a.version, b.version),
  name: (a, b) => a.name.localeCompare(b.name),
  state: (a, b) => STATES.indexOf(shownState(a)) - STATES.indexOf(shownState(b)),
  kind: (a, b) => String(a.kind).localeCompare(String(b.kind)),
  time: (a, b) => String(a.last_event_at ?? a.applied_at ?? "").localeCompare(String(b.last_event_at ?? b.applied_at ?? "")),
  took: (a, b) => (a.duration_ms ?? -1) - (b.duration_ms ?? -1),
};

/** Everything that a search looks into, in small letters. */
const searchedTexts = new WeakMap();
function searched(one) {
  let text = searchedTexts.get(one);
  if (text === undefined) searchedTexts.set(one, text = [one.version, one.name, one.recorded_as, one.source, one.kind && kindText(one.kind), one.release, one.group, ...(one.labels ?? []), who(one.by)].filter(isShown).join(" ").toLowerCase());
  return text;
}

function matches(one) {
  if (view.state === "drifted" ? !one.drifted : view.state === "ahead" ? !isAhead(one) : view.state && shownState(one) !== view.state) return false;
  if (view.kind && one.kind !== view.kind) return false;
  if (view.label && !(one.labels ?? []).includes(view.label)) return false;
  return !view.text || view.text.toLowerCase().split(/\s+/).every((word) => searched(one).includes(word) || tagsOf(one).some((name) => name.toLowerCase().includes(word)));
}

function drawList() {
  if (route().view !== "migrations") return;
  const shown = store.rows.filter(matches);
  if (view.sort !== "version") shown.sort((a, b) => sorts[view.sort](a, b) || byVersion(a.version, b.version));
  if (view.down) shown.reverse();
  const table = byId("table");
  table.setAttribute("aria-rowcount", shown.length + 1);
  show(byId("no-rows"), shown.length === 0);
  say(byId("no-rows"), store.rows.length ? "No migration matches." : "This build and this database have no migrations.");
  const filtered = shown.length !== store.rows.length;
  say(byId("shown"), filtered ? `${count(shown.length)} of ${plural(store.rows.length, "migration")}` : plural(store.rows.length, "migration"));
  list.set(shown);
  drawOpenRow();
}
function drawOpenRow() {
  const { view: at, open } = route();
  for (const row of list.made.values()) {
    const one = store.byVersion.get(row.key);
    const isOpen = at === "migrations" && open !== "" && (row.key === open || Boolean(one?.repeatable && one.name === open));
    row.classList.toggle("open", isOpen);
    if (isOpen) row.setAttribute("aria-current", "true"); else row.removeAttribute("aria-current");
  }
}

/** The counts: each migration is in one of them. */
function drawCounts() {
  const counts = new Map([["", store.rows.length]]);
  const marks = { drifted: 0, ahead: 0 };
  for (const one of store.rows) {
    const state = shownState(one);
    counts.set(state, (counts.get(state) ?? 0) + 1);
    if (one.drifted) marks.drifted += 1;
    if (isAhead(one)) marks.ahead += 1;
  }
  const always = ["applied", "pending", "failed"];
  const shown = [["", "all"], ...STATES.filter((name) => counts.get(name) || always.includes(name) || view.state === name).sort((a, b) => (always.indexOf(a) + 1 || 9) - (always.indexOf(b) + 1 || 9)).map((name) => [name, stateNames[name] ?? name])];
  const all = [...shown.map(([key, text]) => ({ key, text, number: counts.get(key) ?? 0 })),
    ...["drifted", "ahead"].filter((name) => marks[name] || view.state === name).map((key) => ({ key, text: key === "ahead" ? "not in this build" : key, number: marks[key], mark: true }))];
  keep(byId("counts"), all, (one) => one.key, (one) => {
    const made = make("button", { type: "button", class: "count" }, one.key ? icon((looks[one.key === "ahead" ? "not in this build" : one.key] ?? ["", "dot"])[1]) : null, make("b", {}), make("span", {}));
    made.dataset.count = one.key || "all";
    made.addEventListener("click", () => { view.state = view.state === one.key ? "" : one.key; changed("status"); });
    return make("li", { class: one.mark ? "mark" : "" }, made);
  }, (item, one) => {
    const made = item.firstElementChild;
    const tone = one.number > 0 && one.key ? (looks[one.key === "ahead" ? "not in this build" : one.key] ?? ["calm"])[0] : "calm";
    made.className = `count ${tone}`;
    made.setAttribute("aria-pressed", String(view.state === one.key));
    say(made.querySelector("b"), count(one.number));
    say(made.querySelector("b + span"), one.text);
  });
}

function choose(select, options) {
  part(select, options, () => options.map(([value, name]) => make("option", { value }, name)));
}
function drawFilters() {
  const kept = (select, options) => { const before = select.value; choose(select, options); select.value = options.some(([value]) => value === before) ? before : ""; };
  const kindsThere = [...new Set(store.rows.map((one) => one.kind).filter(Boolean))].sort();
  kept(byId("kind"), [["", "every kind"], ...kindsThere.map((kind) => [kind, kindText(kind)])]);
  const labels = [...new Set(store.rows.flatMap((one) => one.labels ?? []))].sort();
  kept(byId("label"), [["", "every label"], ...labels.map((label) => [label, visible(label)])]);
  show(byId("label-field"), labels.length > 0);
}
function drawHeads() {
  for (const head of document.querySelectorAll("[data-sort]")) {
    const isSorted = head.dataset.sort === view.sort;
    const cell = head.parentElement;
    if (isSorted) cell.setAttribute("aria-sort", view.down ? "descending" : "ascending"); else cell.removeAttribute("aria-sort");
    part(head.querySelector(".arrow"), isSorted ? view.down : null, () => isSorted ? icon(view.down ? "down" : "up") : null);
  }
}

function startList() {
  byId("search").addEventListener("input", () => { view.text = byId("search").value.trim(); drawList(); });
  byId("search").addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "Enter") { event.preventDefault(); list.focusAt(0); }
    if (event.key === "Escape" && byId("search").value) { event.stopPropagation(); byId("search").value = ""; view.text = ""; drawList(); }
  });
  for (const name of ["kind", "label"]) byId(name).addEventListener("change", () => { view[name] = byId(name).value; drawList(); });
  for (const head of document.querySelectorAll("[data-sort]")) {
    head.addEventListener("click", () => {
      if (view.sort === head.dataset.sort) view.down = !view.down;
      else Object.assign(view, { sort: head.dataset.sort, down: ["time", "took"].includes(head.dataset.sort) });
      drawHeads(); drawList();
    });
  }
  onChange(["status"], () => { drawCounts(); drawFilters(); drawHeads(); drawList(); });
  onChange(["route"], drawList);
}
