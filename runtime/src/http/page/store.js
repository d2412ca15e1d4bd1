// ---- the store: all that the page knows, and when it is drawn again ----

const store = {
  token: "", scope: "read", name: "", session: 0, signedIn: false, live: "off",
  status: null, etag: "", lockSeen: 0, rows: [], byVersion: new Map(),
  run: null, steps: new Map(), runEnded: 0, dismissed: "", heard: new Set(), hears: false,
  server: null, readMs: 0,
};

/** So many runs are remembered as heard of. */
const HEARD_MAX = 100;

const mayWrite = () => store.scope === "write" && !(store.run && store.run.state === "running");
const keyOf = (one) => String(one.version);
const farOf = (step) => isOver(step) ? 2 : step.state === "running" ? 1 : 0;
const isOver = (step) => step.state !== "waiting" && step.state !== "running";

/** The state that is shown of a migration: one each, so that the counts add up. */
const shownState = (one) => one.state === "pending" && one.linked === false ? "orphaned" : one.state;
const isAhead = (one) => one.linked === false && !one.replaced_by && one.state === "applied";

// ---- drawing: at most once per frame, whatever comes in ----
const views = [];
const dirty = new Set();
let frame = 0;

/** Calls `redraw` after each change of one of these: `status`, `run`, `route`, `live`. */
const onChange = (names, redraw) => { views.push({ names, redraw }); };

function changed(...names) {
  for (const name of names) dirty.add(name);
  if (!frame) frame = document.hidden ? setTimeout(redrawAll, 50) : requestAnimationFrame(redrawAll);
}
function redrawAll() {
  frame = 0;
  if (!store.signedIn) { dirty.clear(); return; }
  const due = views.filter(({ names }) => names.some((name) => dirty.has(name)));
  dirty.clear();
  for (const { redraw } of due) {
    // A part that cannot be drawn does not take the others with it.
    try { redraw(); } catch (error) { reportError(error); }
  }
}
/** A frame that was asked for while the tab was shown does not come while it is hidden. */
document.addEventListener("visibilitychange", () => {
  if (frame) { cancelAnimationFrame(frame); clearTimeout(frame); frame = 0; changed(); }
});

// ---- the status: whole at first, then only what has changed ----
function takeStatus(answer, etag) {
  const { since } = answer;
  if (since && store.status) {
    for (const version of answer.gone ?? []) store.byVersion.delete(String(version));
    for (const one of answer.migrations) store.byVersion.set(keyOf(one), one);
  } else store.byVersion = new Map(answer.migrations.map((one) => [keyOf(one), one]));
  const differs = !since || answer.migrations.length > 0 || (answer.gone ?? []).length > 0;
  if (differs) store.rows = [...store.byVersion.values()].sort((a, b) => byVersion(a.version, b.version));
  store.status = answer;
  store.etag = etag;
  store.lockSeen = performance.now();
}

let reading = null;
let again = false;

/** Reads the status. Requests for it while one is under way become one more. */
async function refresh() {
  if (reading) { again = true; return reading; }
  reading = readStatus();
  try { await reading; } finally {
    reading = null;
    if (again) { again = false; soon(); }
  }
}
async function readStatus() {
  const began = performance.now();
  const since = store.status && store.etag;
  const response = await send(since ? `status?since=${encodeURIComponent(since)}` : "status", since ? { headers: { "if-none-match": `"${since}"` } } : {});
  // The lease is as it was: it has not been renewed.
  if (response.status === 304) {
    for (const one of waitingForStatus.splice(0)) one();
    return;
  }
  const etag = (response.headers.get("etag") ?? "").replace(/^W\//, "").replaceAll('"', "");
  takeStatus(await body(response), etag);
  store.readMs = performance.now() - began;
  for (const one of waitingForStatus.splice(0)) one();
  changed("status");
}
const waitingForStatus = [];

let due = 0;
/** Reads the status soon; the longer reading takes, the less often. */
function soon() {
  if (due || !store.signedIn) return;
  const { session } = store;
  due = setTimeout(() => {
    due = 0;
    if (store.signedIn && session === store.session) refresh().catch(() => {});
  }, Math.max(300, Math.min(5_000, store.readMs * 8)));
}

/** Seconds that the lease of the lock still runs. */
const leaseLeft = () => Math.max(0, Math.ceil((store.status.lock.remaining_ms - (performance.now() - store.lockSeen)) / 1000));

// ---- the run that this server knows to be under way, or that ended last ----
const stepKey = (step) => `${step.direction}${step.version}`;

/** How many migrations a run has: its events come without the list of a long run. */
const totalOf = (run) => Math.max(run.counts?.total ?? 0, Array.isArray(run.steps) ? run.steps.length : 0);

/** Takes a run; at the beginning of a stream (`anew`), events of its steps may have come before the stream. */
function takeRun(run, anew = false) {
  if (!run) return;
  const before = store.run;
  const isSame = before?.id === run.id;
  const isBare = !run.steps?.length;
  if (isBare && isSame) run = { ...run, steps: before.steps };
  run.steps ??= [];
  store.run = run;
  store.heard.add(run.id);
  if (store.heard.size > HEARD_MAX) store.heard.delete(store.heard.values().next().value);
  store.began = performance.now() - (run.elapsed_ms ?? 0);
  store.steps = new Map(run.steps.map((step, at) => [stepKey(step), at]));
  store.over = run.steps.filter(isOver).length;
  // What has not been tried is known at the end, and comes as no event.
  if (isBare && totalOf(run) && (anew || run.state !== "running" || totalOf(run) > run.steps.length)) loadSteps(run.id);
  changed("run");
}

let loadingSteps = "";
let loadAgain = false;
async function loadSteps(id) {
  if (loadingSteps === id) { loadAgain = true; return; }
  loadingSteps = id;
  try {
    // Not kept: it may be long, and no answer comes twice.
    const { steps = [] } = await body(await send(`runs/${encodeURIComponent(id)}`));
    const { run } = store;
    if (run?.id !== id || !steps.length) return;
    // Events that came meanwhile know more; what was known before knows less.
    const known = run.steps;
    takeRun({ ...run, steps });
    if (run.state !== "running") return;
    for (const step of known) {
      const at = store.steps.get(stepKey(step));
      if (at === undefined || farOf(step) > farOf(steps[at])) takeStep({ run: id, step });
    }
  } catch { /* the next event of the run asks again */ } finally {
    loadingSteps = "";
    if (loadAgain) { loadAgain = false; loadSteps(id); }
  }
}

function takeStep({ run: id, step }) {
  const { run } = store;
  if (!run || run.id !== id) return;
  const at = store.steps.get(stepKey(step));
  if (at === undefined) {
    store.steps.set(stepKey(step), run.steps.length);
    run.steps.push(step);
    if (isOver(step)) store.over += 1;
  } else {
    store.over += Number(isOver(step)) - Number(isOver(run.steps[at]));
    run.steps[at] = step;
  }
  changed("run");
}
