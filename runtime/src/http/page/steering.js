// ---- steering the run under way: pause, resume, tune, cancel; and releasing the lock of a dead process ----

async function steer({ verb, title, text, yes, danger, closing }) {
  const answer = ask({ title, middle: [text.map((one) => make("p", {}, one)), whyField()], closing, buttons: [{ text: yes, value: true, kind: danger ? "danger" : "main", id: "dialog-yes" }] });
  if (!await answer) return;
  const why = byId("why").value.trim();
  await post(`runs/current/${verb}`, why ? { why } : {});
  await refresh();
}
const pauseRun = () => steer({
  verb: "pause", title: "Pause", yes: "Pause",
  text: ["In every process, nothing more begins until it is resumed. A run that is under way finishes the batch or the transaction at hand, and then waits with its lock.",
    "The pause outlives crashes, take-overs and deployments."],
});
const cancelRun = () => steer({
  verb: "cancel", title: "Cancel the run", yes: "Cancel the run", closing: "Let it run", danger: true,
  text: ["The run commits the batch at hand, or rolls the transaction at hand back, and releases the lock. What is applied stays applied.",
    "The next run goes on from there. To keep it stopped, pause first: a Job or an app that is restarted would go on within seconds."],
});
async function resumeRun() {
  await post("runs/current/resume", {});
  await refresh();
}

// ---- tune ----
const SETTINGS = [
  { name: "workers", text: "Workers", hint: "Batches under way at once: 1 to 64.", type: "number", min: 1, max: 64 },
  { name: "batch_documents", text: "Documents per batch", hint: "1 to 100,000.", type: "number", min: 1, max: 100_000 },
  { name: "batch_bytes", text: "Bytes per batch", hint: "65,536 to 16,777,216.", type: "number", min: 65_536, max: 16_777_216 },
  { name: "per_second", text: "Documents per second", hint: "Of all workers together; or “off”.", off: true },
  { name: "max_lag_ms", text: "Replication lag (ms)", hint: "The backfill waits while a secondary is further behind; or “off”.", off: true },
  { name: "max_queue", text: "Waiting operations", hint: "The backfill waits while more operations wait for a lock; or “off”.", off: true },
  { name: "between", text: "Hours", hint: "By the server's clock, as 22:00-06:00+01:00; or “off”.", plain: true },
];
async function tuneRun() {
  const now = store.status.lock.tuned?.settings ?? {};
  const inputs = SETTINGS.map((one) => ({ one, input: textInput({
    ...(one.type ? { type: one.type, min: one.min, max: one.max } : { placeholder: "as the run says", pattern: one.plain ? null : "off|[0-9]+" }), value: now[one.name] ?? "",
  }) }));
  const middle = [
    make("p", {}, "What is empty stays as it is. Settings end with the run. The run learns of them within a third of its lease."),
    make("div", { class: "fields" }, inputs.map(({ one, input }) => field(`tune-${one.name}`, one.text, input, one.hint))), whyField()];
  const buttons = [{ text: "Reset all", value: "reset", id: "tune-reset" }, { text: "Tune", value: "tune", kind: "main", id: "dialog-yes" }];
  const answer = await ask({ title: "Tune the run", middle, buttons });
  if (!answer) return;
  const why = byId("why").value.trim();
  const settings = {};
  for (const { one, input } of inputs) {
    const text = input.value.trim();
    if (text === "" || text === String(now[one.name] ?? "")) continue;
    settings[one.name] = one.plain || !/^\d+$/.test(text) ? text : new Exact(text);
  }
  if (answer === "tune" && !Object.keys(settings).length) return;
  await post("runs/current/tune", { ...(answer === "reset" ? { reset: true } : { settings }), ...(why ? { why } : {}) });
  await refresh();
}

// ---- the lock ----
async function unlock() {
  const lock = await body(await send("lock/status"));
  if (!lock.holder) { await tell("The lock is free", make("p", {}, `Nobody holds the lock (last fence ${lock.fence}).`)); return; }
  let sure = !lock.held || lock.dead;
  const enable = (yes) => { sure = yes; byId("dialog-yes").disabled = !sure; };
  const middle = [
    make("p", {}, make("bdi", {}, make("strong", {}, who(lock.holder))), lock.held && !lock.dead ? ` holds the lock (fence ${lock.fence}); its lease still runs for ${Math.ceil(lock.remaining_ms / 1000)} s.` : ` did not release the lock (fence ${lock.fence}).`),
    make("p", {}, "If that process is still alive, its next commit is refused and its run ends with an error; its earlier commits stay. A backfill goes on after its last batch with the next run."),
    lock.held && !lock.dead ? [make("p", {}, "To end a run in order, cancel it instead."), nameCheck("A process holds the lock.", enable)] : null];
  const answer = ask({ title: "Release the lock?", middle, buttons: [{ text: `Release fence ${lock.fence}`, value: true, kind: "danger", id: "dialog-yes" }] });
  byId("dialog-yes").disabled = !sure;
  if (!await answer) return;
  await post("lock/release", { fence: new Exact(lock.fence) });
  await refresh();
}
