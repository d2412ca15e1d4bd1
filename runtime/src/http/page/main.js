// ---- signing in and out, the header, the keyboard ----

/** Where a token is kept for this tab, if its user wants that. */
const KEPT = `mongrate-token ${base}`;
const kept = { get: () => { try { return sessionStorage.getItem(KEPT); } catch { return null; } }, set: (token) => { try { if (token) sessionStorage.setItem(KEPT, token); else sessionStorage.removeItem(KEPT); } catch { /* the browser keeps nothing */ } } };

function forget() {
  hush();
  clearTimeout(due);
  due = 0;
  Object.assign(store, {
    token: "", scope: "read", name: "", session: store.session + 1, signedIn: false, live: "off", status: null, etag: "", rows: [], byVersion: new Map(),
    run: null, steps: new Map(), dismissed: "", heard: new Set(), server: null,
  });
  Object.assign(runs, { all: [], next: null, loaded: false, failed: null });
  Object.assign(time, { events: [], next: null, loaded: false, failed: null });
  Object.assign(checks, { doctor: null, drift: null, failed: {}, loaded: false });
  Object.assign(tags, { all: [], byVersion: new Map(), seen: "", failed: null });
  Object.assign(migrationPanel, { key: "", more: null, events: null });
  Object.assign(runPanel, { key: "", run: null });
  remembered.clear();
  // Nothing of the database stays in the document.
  closeDialog?.();
  for (const id of ["counts", "banners", "panel-head", "panel-body", "picture", "events", "doctor", "schema", "policies", "strip-now", "strip-list", "dialog-body", "dialog-foot"]) { fill(byId(id)); delete byId(id).shown; }
  for (const id of ["strip-title", "strip-at", "strip-counts", "database", "shown"]) say(byId(id), "");
  list.set([]);
  runList.set([]);
  panelOf = "";
  document.title = "Migrations";
}

function signOut() {
  forget();
  kept.set(null);
  for (const id of ["board", "tools"]) show(byId(id), false);
  show(byId("sign-in"), true);
  byId(byApp ? "sign-in-button" : "token").focus();
  // A wrong token is replaced by what is typed or pasted next.
  byId("token").select();
}

async function signIn(token) {
  forget();
  store.token = token;
  if (!byApp && !store.token) throw new Error("Enter a token.");
  await refresh();
  store.signedIn = true;
  byId("token").value = "";
  show(byId("sign-in"), false);
  for (const id of ["board", "tools"]) show(byId(id), true);
  drawView();
  changed("status", "route", "live", "run");
  byId("main").focus({ preventScroll: true });
  listen();
  poll(store.session);
  serverOf(store.session);
}

/** What the header says of the server: once, and not before the rest is there. */
async function serverOf(session) {
  if (store.status.server) return;
  await pause(1_500);
  if (session !== store.session || checks.loaded) return;
  try {
    const { server } = await body(await send("doctor"));
    store.server = `${server.product} ${server.version}`;
    changed("live");
  } catch { /* the header goes without it */ }
}

const liveTexts = { live: ["Live", "Changes are shown as they happen."], connecting: ["Connecting", "The stream of events is being opened."], reconnecting: ["Reconnecting", "The stream of events broke off; what is shown may be a few seconds old."], offline: ["Offline", "This device has no network. What is shown is as it was; the page goes on when the network is back."], hidden: ["Asleep", "This tab is hidden."], off: ["Off", ""] };
function drawHeader() {
  const { status } = store;
  if (!status) return;
  say(byId("database"), status.database);
  show(byId("group"), status.group !== "default");
  say(byId("group"), status.group);
  say(byId("server"), [status.app ?? null, typeof status.server === "string" ? status.server : status.server?.version ? `${status.server.product ?? "MongoDB"} ${status.server.version}` : store.server].filter(Boolean).join(" · "));
  const [text, hint] = liveTexts[store.live];
  say(byId("live-text"), text);
  byId("live").title = hint;
  byId("live").dataset.live = store.live;
  say(byId("who-text"), `${store.name || "signed in"}, may ${store.scope}`);
  byId("who-text").title = visible(store.name ?? "");
  const may = store.scope === "write";
  show(byId("read-only"), !may);
  // While nothing runs, too, the history can be paused.
  show(byId("hold"), may && !status.lock.paused && !status.lock.held && store.run?.state !== "running");
  for (const made of document.querySelectorAll("[data-writes]")) made.disabled = !mayWrite();
  say(byId("up-text"), may ? "Apply…" : "Plan…");
  say(byId("down-text"), may ? "Roll back…" : "Plan a rollback…");
}

function drawView() {
  const { view: at } = route();
  for (const name of VIEWS) {
    show(byId(`view-${name}`), at === name);
    const tab = byId(`to-${name}`);
    if (at === name) tab.setAttribute("aria-current", "page"); else tab.removeAttribute("aria-current");
  }
}

// ---- the keyboard ----
const KEYS = [["/", "search"], ["↑ ↓, Home, End, Page up, Page down", "move in a list"], ["← →", "move in the timeline"], ["Enter", "open the row"], ["Esc", "close what is open"], ["a", "apply"], ["t", "tags"], ["1 2 3 4", "migrations, runs, timeline, checks"], ["?", "this help"]];
const showKeys = () => tell("Keys", make("dl", { class: "keys" }, KEYS.map(([key, text]) => make("div", {}, make("dt", {}, key.split(" ").length > 4 ? key : key.split(" ").map((one) => [make("kbd", {}, one), " "])), make("dd", {}, text)))));

function pressed(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented || !store.signedIn || byId("dialog").open) return;
  if (event.key === "Escape") { closePanel(); return; }
  if (event.target.closest?.("input, select, textarea")) return;
  if (event.key === "/") {
    event.preventDefault();
    const isThere = route().view === "migrations";
    if (!isThere) goTo("migrations");
    // At once if it can be: what is typed next belongs into the field.
    byId("search").focus();
    if (!isThere) requestAnimationFrame(() => byId("search").focus());
  }
  else if (event.key === "?") attempt(showKeys)(event);
  // The key opens a field, and is not typed into it.
  else if (event.key === "t") attempt(openTags)(event);
  else if (event.key === "a") attempt(() => openChange("up"))(event);
  else if (/^[1-4]$/.test(event.key)) goTo(VIEWS[event.key - 1]);
}

// ---- the beginning ----
show(byId("by-token"), !byApp);
show(byId("by-app"), byApp);
// A user who signed in to the app signs out there, too.
show(byId("sign-out"), !byApp);
if (byApp) say(byId("sign-in-button"), "Try again");
byId("sign-in").addEventListener("submit", attempt(async () => {
  // As it is often copied: with the name of its header.
  const token = byId("token").value.trim().replace(/^Bearer\s+/i, "");
  const keepIt = byId("keep").checked;
  await signIn(token);
  kept.set(!byApp && keepIt ? token : null);
}));
byId("sign-out").addEventListener("click", () => { alarm(null); signOut(); });
byId("up").addEventListener("click", attempt(() => openChange("up")));
byId("down").addEventListener("click", attempt(() => openChange("down")));
byId("help").addEventListener("click", attempt(showKeys));
addEventListener("keydown", pressed);
startList();
startRuns();
startTimeline();
startChecks();
startBanners();
startPanel();
startTags();
startTitle();
onChange(["status", "live", "run"], drawHeader);
onChange(["route"], drawView);

(async () => {
  const token = byApp ? "" : kept.get();
  if (byApp || token) {
    try { await signIn(token); return; } catch (error) {
      signOut();
      if (!(error instanceof SignedOut)) alarm(error);
      return;
    }
  }
  signOut();
})();
