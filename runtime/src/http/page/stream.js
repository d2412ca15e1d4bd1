// ---- server-sent events, read by hand because the browser's EventSource cannot send a token ----
// A tab that is hidden has no stream: it closes the stream, and reads everything again when it is shown. Of
// the tabs that are shown, one has a stream (see share.js).

let stream = null;
let lastEvent = "";
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

function live(state) {
  if (store.live === state) return;
  store.live = state;
  changed("live");
}

/** Gives the browser a chance to draw and to take input. */
const breathe = () => new Promise((done) => { const { port1, port2 } = new MessageChannel(); port1.onmessage = done; port2.postMessage(null); });
/** Events are taken for so long at once, in milliseconds. */
const SLICE_MS = 12;

async function listen() {
  if (stream || document.hidden || !store.signedIn) return;
  const own = stream = new AbortController();
  const isOurs = () => stream === own;
  let tries = 0;
  while (isOurs()) {
    if (!share.leads) {
      if (!tries) live("connecting");
      await follow(isOurs);
      if (!isOurs()) return;
    }
    const connection = new AbortController();
    own.signal.addEventListener("abort", () => connection.abort(), { once: true });
    lead(() => connection.abort());
    try {
      live(tries ? "reconnecting" : "connecting");
      const response = await send("events?steps=none", { signal: connection.signal, headers: lastEvent ? { "last-event-id": lastEvent } : {} });
      if (!response.ok) throw new Refused({}, response.status);
      live("live");
      beat();
      if (tries) { soon(); answered(); }
      tries = 0;
      await take(response.body.pipeThrough(new TextDecoderStream()).getReader(), () => isOurs() && share.leads);
    } catch (error) {
      if (!isOurs()) return;
      if (error.status === 401) { signOut(); return; }
      // Once may be a deployment; a stream that ends after an hour is opened again at once.
      if (tries > 0 && share.leads) alarmUntilAnswered(error);
    }
    if (!isOurs()) return;
    connection.abort();
    if (!share.leads) { tries = 0; continue; }
    tries += 1;
    live("reconnecting");
    beat();
    await pause(Math.min(15_000, 500 * 2 ** Math.min(5, tries)));
  }
}

async function take(reader, goesOn) {
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (!goesOn()) { reader.cancel().catch(() => {}); return; }
    if (done) return;
    text += value;
    const parts = text.split("\n\n");
    text = parts.pop();
    if (!parts.length) continue;
    tellTabs({ parts });
    await takeParts(parts, goesOn);
  }
}

/** Takes events, in slices. */
async function takeParts(parts, goesOn) {
  let began = performance.now();
  for (const part of parts) {
    takeEvent(part);
    if (performance.now() - began < SLICE_MS) continue;
    await breathe();
    if (!goesOn()) return;
    began = performance.now();
  }
}

function takeEvent(part) {
  let name = "";
  let data = "";
  for (const line of part.split("\n")) {
    if (line.startsWith("id: ")) lastEvent = line.slice(4);
    else if (line.startsWith("event: ")) name = line.slice(7);
    else if (line.startsWith("data: ")) data += line.slice(6);
  }
  if (!name) return;
  const event = parse(data || "{}");
  if (name === "state") takeRun(event.run, true);
  else if (name === "run") { takeRun(event); soon(); }
  else if (name === "step") {
    takeStep(event);
    // The list is read again after a step, but not after each batch of a backfill.
    if (isOver(event.step)) soon();
  } else if (name === "changed") {
    store.hears = true;
    if (!event.etag || event.etag.replaceAll('"', "") !== store.etag) soon();
  }
}

function hush() {
  leave();
  stream?.abort();
  stream = null;
  lastEvent = "";
}

document.addEventListener("visibilitychange", () => {
  if (!store.signedIn) return;
  if (document.hidden) { hush(); live("hidden"); return; }
  refresh().catch(() => {});
  listen();
});

// ---- without a network, nothing is asked for; with it, everything at once ----
addEventListener("offline", () => { if (store.signedIn && !document.hidden) { hush(); live("offline"); } });
addEventListener("online", () => {
  if (!store.signedIn || document.hidden) return;
  refresh().then(answered, () => {});
  listen();
});

// ---- without news of other processes, the page asks; a hidden tab only while a run is under way, for its title ----
const isBusy = () => store.run?.state === "running" || store.status?.lock.held;
async function poll(session) {
  while (session === store.session) {
    // A server that says what changes need not be asked; now and then it is, all the same.
    const isTold = store.hears && store.live === "live";
    await pause(document.hidden ? 20_000 : isTold ? 30_000 : isBusy() ? 2_500 : 10_000);
    if (session !== store.session) return;
    if (store.live === "offline" || (document.hidden && !isBusy())) continue;
    try {
      await refresh();
      if (session === store.session) answered();
    } catch (error) {
      if (session !== store.session || error instanceof SignedOut) return;
      if (error.status === 401) { signOut(); return; }
      alarmUntilAnswered(error);
    }
  }
}
