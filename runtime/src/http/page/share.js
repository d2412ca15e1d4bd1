// ---- one stream for all tabs: a browser opens six connections to a server, and each stream would take one ----
// One of the tabs that are shown has the stream, and passes its events on. If that tab is hidden, closed or
// frozen, another one goes on after the last event that it has.

const BEAT_MS = 2_000;
/** A tab that has said nothing for so long is gone. */
const SILENT_MS = 5_000;

const share = {
  me: crypto.getRandomValues(new Uint32Array(2)).join("-"),
  channel: typeof BroadcastChannel === "function" ? new BroadcastChannel(`mongrate ${base}`) : null,
  takesPart: false, leads: false, leader: "", heard: 0, giveUp: null, wake: null, taking: Promise.resolve(),
};
const tellTabs = (message) => share.channel?.postMessage({ ...message, from: share.me });

/** Waits until no other tab has the stream. */
async function follow(isOurs) {
  share.takesPart = true;
  if (!share.channel) return;
  for (;;) {
    share.leader = "";
    tellTabs({ ask: true });
    // Tabs that ask at the same time wait unequally long; the first one has the stream.
    await pause(50 + Math.random() * 250);
    if (!isOurs() || !share.leader) return;
    while (isOurs() && share.leader) {
      await Promise.race([pause(1_000), new Promise((wake) => { share.wake = wake; })]);
      if (performance.now() - share.heard > SILENT_MS) share.leader = "";
    }
    if (!isOurs()) return;
    live("connecting");
  }
}

/** From now on this tab has the stream, until it leaves; `giveUp` is called if another tab has one, too. */
function lead(giveUp) {
  Object.assign(share, { leads: true, leader: "", giveUp });
  beat();
}
const beat = () => { if (share.leads) tellTabs({ lead: true, live: store.live }); };
setInterval(beat, BEAT_MS);

function leave() {
  if (share.leads) tellTabs({ left: true });
  Object.assign(share, { takesPart: false, leads: false, leader: "", giveUp: null });
  share.wake?.();
}

function heardFromTab({ data }) {
  if (!share.takesPart || !data || data.from === share.me) return;
  if (data.ask && share.leads) {
    beat();
    // The run as it is known here; its steps are read from the server.
    tellTabs({ to: data.from, run: store.run && { ...store.run, steps: [] } });
  } else if (data.lead && share.leads) {
    // Two tabs have a stream: one of them keeps it.
    if (data.from > share.me) { beat(); return; }
    share.leads = false;
    share.giveUp?.();
  } else if (data.lead) {
    Object.assign(share, { leader: data.from, heard: performance.now() });
    live(data.live);
  } else if (share.leads) return;
  else if (data.left && data.from === share.leader) { share.leader = ""; share.wake?.(); }
  else if (data.to === share.me) { takeRun(data.run, true); }
  else if (data.parts && data.from === share.leader) {
    share.heard = performance.now();
    share.taking = share.taking.then(() => takeParts(data.parts, () => share.takesPart && !share.leads)).catch(reportError);
  }
}
share.channel?.addEventListener("message", heardFromTab);
addEventListener("pagehide", leave);
