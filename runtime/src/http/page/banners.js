// ---- banners: what is not as it should be, what it means, and a button for the next step ----

const asked = (one) => `${who(one.by)}, ${ago(new Date(one.at))}${one.why ? ` (“${one.why}”)` : ""}`;
const only = (state) => { view.state = state; goTo("migrations"); changed("status"); byId("search").scrollIntoView({ block: "nearest" }); };
const oneOf = (all) => all.length === 1 ? [linkTo(all[0].version, all[0].name)] : [plural(all.length, "migration")];

/** The banners that the status asks for, the most urgent first. */
function bannersOf({ lock }) {
  const found = [];
  const running = store.run?.state === "running" || (lock.held && !lock.dead);
  const failed = store.rows.filter((one) => one.state === "failed");
  const interrupted = store.rows.filter((one) => one.state === "interrupted");
  const drifted = store.rows.filter((one) => one.drifted);
  const ahead = store.rows.filter(isAhead);
  // The strip of a run that has failed here says it, too.
  const isSaid = store.run?.state === "failed" && !store.run.dry_run && store.dismissed !== store.run.id;
  if (failed.length && !running && !isSaid) {
    const [first] = failed;
    found.push({ key: "failed", tone: "bad", picture: "cross", title: ["Failed: ", oneOf(failed)],
      text: `${first.failure ? `${failureText(first.failure)}. `.replace(/\.\. $/, ". ") : ""}Fix the cause; the next run tries it again and goes on from there.`,
      actions: () => [button(`Try again from ${versionText(first)}…`, () => openChange(first.half_done && !first.half_done.up ? "down" : "up"), { kind: "main", picture: "play", writes: true, focus: "again" }),
        button("Show", () => failed.length === 1 ? goTo("migrations", first.repeatable ? first.name : String(first.version)) : only("failed"), { focus: "show" })] });
  }
  if (interrupted.length && !running) {
    const [first] = interrupted;
    found.push({ key: "interrupted", tone: "warn", picture: "alert", title: ["Interrupted: ", oneOf(interrupted), typeof first.percent === "number" ? ` at ${first.percent} %` : ""],
      text: "It began, and no process runs it now. What its finished batches did is in the database; it resumes after the last of them.",
      actions: () => [button(`Resume ${versionText(first)}…`, () => openChange(first.half_done && !first.half_done.up ? "down" : "up"), { kind: "main", picture: "play", writes: true, focus: "resume" }),
        first.half_done?.down ? button("Remove what is half-done…", () => openChange("down"), { picture: "undo", writes: true, focus: "undo" }) : null,
        button("Show", () => interrupted.length === 1 ? goTo("migrations", String(first.version)) : only("interrupted"), { focus: "show" })] });
  }
  if (lock.paused) {
    const hold = lock.position?.hold;
    found.push({ key: "paused", tone: "warn", picture: "pause", title: ["Paused by ", make("bdi", {}, asked(lock.paused))],
      text: `Nothing more begins, in any process, until it is resumed.${lock.held ? hold?.reason === "paused" ? " The run has stopped, and keeps its lock." : " The run finishes what it has begun." : ""}`,
      actions: () => mayWrite() || store.scope === "write" ? [button("Resume", resumeRun, { kind: "main", picture: "play", focus: "resume" })] : [] });
  }
  if (lock.cancel_asked) {
    found.push({ key: "cancel", tone: "warn", picture: "stop", title: ["Asked to end by ", make("bdi", {}, asked(lock.cancel_asked))], text: "The run ends after the batch at hand; what it has committed stays.", actions: () => [] });
  }
  if (lock.tuned) {
    found.push({ key: "tuned", tone: "calm", picture: "tune", title: ["Tuned by ", make("bdi", {}, asked(lock.tuned))],
      text: `${Object.entries(lock.tuned.settings).map(([name, value]) => `${words(name)} ${value}`).join(", ")}. It ends with the run.`, actions: () => [] });
  }
  if (lock.holder && (!lock.held || lock.dead)) {
    found.push({ key: "abandoned", tone: "warn", picture: "lock", title: [make("bdi", {}, who(lock.holder)), " did not release the lock"],
      text: lock.dead ? `That process has ended (fence ${lock.fence}). The next run on that machine takes the lock at once, other machines when its lease has run out.` : `Its lease has run out (fence ${lock.fence}). The next run takes the lock; there is nothing to do.`,
      actions: () => store.scope === "write" ? [button("Release the lock…", unlock, { picture: "open", focus: "unlock" })] : [] });
  } else if (lock.held && !(store.run?.state === "running")) {
    found.push({ key: "held", tone: "calm", picture: "lock", title: ["Locked by ", make("bdi", {}, who(lock.holder))], lease: true,
      text: "It migrates now, in another process. Runs from here are refused until it ends.",
      actions: () => store.scope === "write" ? [button("Release the lock…", unlock, { picture: "open", focus: "unlock" })] : [] });
  }
  if (lock.waits_for_transaction) {
    found.push({ key: "waits", tone: "warn", picture: "clock", title: ["Waiting for an old transaction"],
      text: `A former process left a transaction open. The server ends it by ${exactly(new Date(lock.waits_for_transaction.until))}; the run waits until then.`, actions: () => [] });
  }
  if (drifted.length) {
    found.push({ key: "drifted", tone: "bad", picture: "alert", title: ["Changed after it was applied: ", oneOf(drifted)],
      text: "The body in this build is not the one that was applied. Restore the old body and write a new migration; or, if the change has no effect, run repair on the command line.",
      actions: () => [button("Show", () => drifted.length === 1 ? goTo("migrations", drifted[0].repeatable ? drifted[0].name : String(drifted[0].version)) : only("drifted"), { focus: "show" })] });
  }
  if (ahead.length) {
    found.push({ key: "ahead", tone: "warn", picture: "alert", title: ["Applied, but not in this build: ", oneOf(ahead)],
      text: "A newer build has applied it. Deploy that build here, or roll it back with that build. This build cannot roll it back.",
      actions: () => [button("Show", () => ahead.length === 1 ? goTo("migrations", String(ahead[0].version)) : only("ahead"), { focus: "show" })] });
  }
  return found;
}

function drawBanners() {
  if (!store.status) return;
  keep(byId("banners"), bannersOf(store.status), (one) => one.key, () => make("li", {}), (item, one) => {
    item.className = `note banner ${one.tone}`;
    item.dataset.banner = one.key;
    const shown = [one.title.flat(9).map((text) => text?.textContent ?? text), one.text, store.scope, store.run?.state];
    part(item, shown, () => [icon(one.picture), make("div", { class: "banner-text" }, make("p", {}, make("strong", {}, one.title), one.lease ? make("span", { class: "lease faint" }) : null), make("p", {}, one.text)), make("div", { class: "buttons" }, one.actions())]);
  });
  drawLease();
}

/** The lock in the header, and the seconds of the lease. */
function drawLease() {
  if (!store.status) return;
  const { lock } = store.status;
  const text = lock.dead ? "Lock not released" : lock.held ? `Locked · ${leaseLeft()} s` : lock.holder ? "Lock not released" : "Lock free";
  part(byId("lock-icon"), Boolean(lock.holder), () => icon(lock.holder ? "lock" : "open"));
  say(byId("lock-text"), text);
  byId("lock").title = visible(lock.holder ? `${who(lock.holder)}, fence ${lock.fence}` : `Nobody holds the lock; the last fence is ${lock.fence}.`);
  byId("lock").classList.toggle("held", Boolean(lock.holder));
  for (const one of document.querySelectorAll(".lease")) say(one, ` · fence ${lock.fence} · the lease runs for another ${leaseLeft()} s unless it is renewed`);
  if (store.run?.state === "running") say(byId("strip-time"), strip.elapsed());
  else if (lock.held && !byId("strip").hidden && byId("strip-dismiss").hidden) say(byId("strip-time"), `lease ${leaseLeft()} s`);
}
function startBanners() {
  onChange(["status", "run"], drawBanners);
  setInterval(() => { if (store.signedIn && !document.hidden) drawLease(); }, 1_000);
}
