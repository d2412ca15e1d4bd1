
"use strict";
(() => {
  // The path of this page, so that the page works wherever the router is mounted.
  const base = location.pathname.replace(/\/+$/, "");
  // Whether the app signs its users in (usually by cookies); otherwise this page does, by a token.
  const byApp = document.documentElement.dataset.signIn === "app";
  const byId = (id) => document.getElementById(id);
  const state = { token: "", scope: "read", status: null, run: null, next: null, events: [], older: [], session: 0, lockSeen: 0, heard: new Set() };

  // ---- numbers: versions may be greater than the integers that JavaScript holds exactly ----
  // Such integers are kept as their digits, and sent back as the same digits.
  const token = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
  const parse = (text) => JSON.parse(text.replace(token, (part) => /^-?\d{16,}$/.test(part) ? `"${part}"` : part));
  class Exact { constructor(digits) { this.digits = String(digits); } toString() { return this.digits; } }
  const write = (fields) => `{${Object.entries(fields).map(([name, value]) => `${JSON.stringify(name)}:${value instanceof Exact ? value : JSON.stringify(value)}`).join(",")}}`;

  // ---- elements: text is never parsed as HTML, and characters that would turn it around are shown ----
  const hidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;
  const visible = (text) => String(text).replace(hidden, (one) => `\\u{${one.codePointAt(0).toString(16)}}`);
  const say = (element, text) => { element.textContent = visible(text); };
  const make = (tag, properties = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name === "class") element.className = value;
      else if (name.startsWith("data-") || name.startsWith("aria-") || name === "role") element.setAttribute(name, value);
      else element[name] = value;
    }
    element.append(...shown(children));
    return element;
  };
  const shown = (children) => children.flat().filter((child) => child !== null && child !== undefined && child !== "").map((child) => child instanceof Node ? child : visible(child));
  const fill = (element, ...children) => element.replaceChildren(...shown(children));
  const show = (element, yes) => { element.hidden = !yes; };
  const words = (text) => String(text).replaceAll("_", " ");
  const label = (name, text) => make("span", { class: `state ${name}` }, text || words(name));
  const stateText = (one) => [["running", "interrupted"].includes(one.state) && one.percent !== undefined ? `${one.state} at ${one.percent} %` : one.state, one.direction === "down" ? "(rollback)" : "", one.recorded_as ? `(recorded as ${one.recorded_as})` : "", one.stands_for ? `(stands for ${one.stands_for} applied ones; the next up records it)` : ""].filter(Boolean).join(" ");

  const took = (ms) => {
    if (ms === undefined || ms === null) return "";
    if (ms < 1000) return `${ms} ms`;
    if (ms < 60000) return `${(ms / 1000).toFixed(1)} s`;
    const minutes = Math.floor(ms / 60000);
    return minutes < 60 ? `${minutes} min ${Math.floor(ms / 1000) % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  };
  const when = (text) => text ? make("time", { dateTime: text }, new Date(text).toLocaleString()) : "";
  const who = (by) => by ? `${by.host} pid ${by.pid}${by.app ? ` (${by.app})` : ""}` : "";
  const count = (number) => Number(number).toLocaleString("en");
  const percent = (done, total) => total > 0 ? `${Math.min(100, Math.floor(100 * done / total))} %` : "";

  // ---- requests ----
  class Refused extends Error {
    constructor(problem, status) { super(problem.detail || problem.title || `status ${status}`); this.problem = problem; this.status = status; }
  }
  const ask = async (path, options = {}) => {
    const session = state.session;
    let response;
    try {
      const identity = byApp ? {} : { authorization: `Bearer ${state.token}` };
      response = await fetch(`${base}/${path}`, { ...options, cache: "no-store", credentials: byApp ? "same-origin" : "omit", headers: { ...identity, ...options.headers } });
    } catch { throw new Error("The server does not answer."); }
    if (session !== state.session) throw new Error("signed out");
    const scope = response.headers.get("mongrate-scope");
    if (scope) { state.scope = scope; state.name = response.headers.get("mongrate-token"); }
    if (options.stream && response.ok) return response;
    const text = await response.text();
    let body = {};
    try { body = parse(text); } catch { /* the answer is a proxy's, and no JSON */ }
    if (!response.ok) throw new Refused(body, response.status);
    return body;
  };
  const post = (path, body) => ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: write(body) });
  const alarm = (error) => {
    const text = !error ? "" : error.problem && error.problem.next ? `${error.message}\nNext: ${error.problem.next}` : error.message || String(error);
    say(byId("alert"), text);
    show(byId("alert"), text !== "");
  };
  const attempt = (work) => async (event) => {
    if (event) event.preventDefault();
    try { alarm(null); await work(); } catch (error) {
      if (error.status === 401) signOut();
      if (error.message !== "signed out") alarm(error);
    }
  };

  // ---- signing in and out ----
  const signOut = () => {
    state.session += 1;
    Object.assign(state, { token: "", signedIn: false, scope: "read", status: null, run: null, events: [], older: [], next: null });
    show(byId("board"), false); show(byId("who"), false); show(byId("sign-in"), true);
    byId("database").textContent = "";
    byId(byApp ? "sign-in-button" : "token").focus();
  };
  const signIn = async () => {
    state.session += 1;
    state.token = byId("token").value.trim();
    if (!byApp && !state.token) throw new Error("Enter a token.");
    await refresh();
    state.signedIn = true;
    byId("token").value = "";
    show(byId("sign-in"), false); show(byId("board"), true); show(byId("who"), true);
    byId("main").focus({ preventScroll: true });
    listen(state.session);
    poll(state.session);
  };

  // ---- reading the state ----
  const refresh = async () => {
    const [status, history] = await Promise.all([ask("status"), ask("history?limit=50")]);
    state.status = status; state.lockSeen = performance.now();
    // Events of older pages that were loaded stay.
    const known = new Set(history.events.map((event) => JSON.stringify(event)));
    state.events = history.events.concat(state.older.filter((event) => !known.has(JSON.stringify(event))));
    if (!state.older.length) state.next = history.next;
    draw();
  };
  const busy = () => (state.run && state.run.state === "running") || (state.status && state.status.lock.held);
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const poll = async (session) => {
    while (session === state.session) {
      await pause(busy() ? 2000 : 10000);
      if (session !== state.session) return;
      if (document.hidden) continue;
      try { await refresh(); if (session === state.session && byId("alert").dataset.poll) { delete byId("alert").dataset.poll; alarm(null); } } catch (error) {
        if (session !== state.session) return;
        if (error.status === 401) return signOut();
        byId("alert").dataset.poll = "yes"; alarm(error);
      }
    }
  };

  // ---- server-sent events, read by hand because the browser's EventSource cannot send a token ----
  const listen = async (session) => {
    let last = "";
    while (session === state.session) {
      try {
        const response = await ask("events", { stream: true, headers: last ? { "last-event-id": last } : {} });
        const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
        let text = "";
        for (;;) {
          const { value, done } = await reader.read();
          if (session !== state.session) { reader.cancel(); return; }
          if (done) break;
          text += value;
          const parts = text.split("\n\n");
          text = parts.pop();
          for (const part of parts) {
            const event = { name: "", data: "" };
            for (const line of part.split("\n")) {
              if (line.startsWith("id: ")) last = line.slice(4);
              else if (line.startsWith("event: ")) event.name = line.slice(7);
              else if (line.startsWith("data: ")) event.data += line.slice(6);
            }
            if (event.name) heard(event.name, parse(event.data));
          }
        }
      } catch (error) { if (error.status === 401) return; }
      await pause(1000);
    }
  };
  const heard = (name, data) => {
    if (name === "state" || name === "run") {
      state.run = name === "state" ? data.run : data;
      if (state.run) state.heard.add(state.run.id);
    }
    else if (name === "step" && state.run && state.run.id === data.run) {
      const at = state.run.steps.findIndex((step) => step.version === data.step.version && step.direction === data.step.direction);
      if (at >= 0) state.run.steps[at] = data.step;
    }
    drawRun();
    if (name !== "step") enable();
    // The rest of the page is loaded again after each step, but not after each batch of a backfill.
    if (name !== "step" || !["waiting", "running"].includes(data.step.state)) soon();
  };
  let due = false;
  const soon = async () => {
    if (due) return;
    due = true;
    await pause(300);
    due = false;
    if (state.signedIn) refresh().catch(() => {});
  };

  // ---- drawing ----
  const draw = () => {
    const { status } = state;
    say(byId("database"), `${status.database}${status.group === "default" ? "" : ` · ${status.group}`}`);
    say(byId("who-text"), `${state.name || "signed in"}, may ${state.scope}`);
    drawCounts(); drawLock(); drawChoices(); drawList(); drawTimeline(); drawRun(); enable();
  };
  const enable = () => {
    const mayWrite = state.scope === "write";
    show(byId("read-only"), !mayWrite);
    const running = Boolean(state.run && state.run.state === "running");
    for (const button of document.querySelectorAll("[data-writes]")) button.disabled = !mayWrite || running;
    const { lock } = state.status || { lock: {} };
    show(byId("unlock"), mayWrite && Boolean(lock.holder) && !running);
    show(byId("pause"), mayWrite && !lock.paused);
    show(byId("resume"), mayWrite && Boolean(lock.paused));
    show(byId("end-run"), mayWrite && lock.held && !lock.dead && !lock.cancel_asked);
  };
  const drawCounts = () => {
    const all = state.status.migrations;
    const counts = { applied: state.status.applied, pending: state.status.pending, failed: state.status.failed, running: state.status.running, interrupted: state.status.interrupted, drifted: all.filter((one) => one.drifted).length };
    const ahead = all.filter((one) => !one.linked && !one.replaced_by && one.state === "applied").length;
    fill(byId("counts"), Object.entries(counts).map(([name, number]) => make("li", {}, make("b", {}, count(number)), make("span", { class: number > 0 ? name : "faint" }, name))),
      ahead ? make("li", {}, make("b", {}, count(ahead)), "not in this build") : null,
      state.status.orphaned ? make("li", {}, make("b", {}, count(state.status.orphaned)), "rolled back, and not in this build") : null);
  };
  const drawLock = () => {
    const { lock } = state.status;
    const left = Math.max(0, lock.remaining_ms - (performance.now() - state.lockSeen));
    say(byId("lock"), lock.dead ? `${who(lock.holder)} has ended without releasing the lock (fence ${lock.fence}); the next run on that machine takes the lock.`
      : lock.held ? `${who(lock.holder)} holds the lock (fence ${lock.fence}); its lease runs for another ${Math.ceil(left / 1000)} s unless it is renewed.`
      : lock.holder ? `${who(lock.holder)} did not release the lock (fence ${lock.fence}); its lease has run out, and the next run takes the lock.`
      : `The lock is free (last fence ${lock.fence}).`);
    const { paused, cancel_asked: ended, tuned, position } = lock;
    const asked = (one) => `${who(one.by)}, ${new Date(one.at).toLocaleString()}${one.why ? ` (“${one.why}”)` : ""}`;
    const hold = position && position.hold;
    const parts = [
      position ? `Migration ${count(position.at)} of ${count(position.of)}.` : "",
      paused ? `Paused by ${asked(paused)}: nothing more begins until it is resumed.${lock.held ? hold && hold.reason === "paused" ? " The run has stopped." : " The run finishes what it has begun." : ""}` : "",
      hold && !paused ? `Held back: ${hold.text}.` : "",
      tuned ? `Tuned by ${asked(tuned)}: ${Object.entries(tuned.settings).map(([name, value]) => `${words(name)} ${value}`).join(", ")}.` : "",
      ended ? `Asked to end by ${asked(ended)}.` : ""].filter(Boolean);
    show(byId("steering"), parts.length > 0);
    say(byId("steering"), parts.join(" "));
  };
  const choose = (select, options) => {
    const text = JSON.stringify(options);
    if (select.dataset.options === text) return;
    const before = select.value;
    select.dataset.options = text;
    fill(select, options.map(([value, name]) => make("option", { value }, name)));
    if (options.some(([value]) => value === before)) select.value = before;
  };
  const drawChoices = () => {
    const all = state.status.migrations;
    const open = all.filter((one) => one.linked && one.state !== "applied");
    choose(byId("up-to"), [["", `all pending migrations (${open.length})`], ...open.map((one) => [String(one.version), `${one.version} ${one.name}`])]);
    const applied = all.filter((one) => one.state === "applied").reverse();
    choose(byId("down-to"), [["last", "the last migration"], ["batch", "the last batch"], ...applied.map((one) => [`to:${one.version}`, `all newer than ${one.version} ${one.name}`]), ["all", "all migrations"]]);
  };
  const failureText = (failure) => failure.message || [failure.code_name, failure.code ? `code ${failure.code}` : ""].filter(Boolean).join(", ") || "its text is in the log of the process";
  const bars = (all) => (all || []).map((one) => make("div", {},
    make("span", {}, `${one.name}: ${count(one.documents)}${one.total ? ` of ${count(one.total)} documents (${percent(one.documents, one.total)})` : " documents"}${one.per_second ? `, ${count(one.per_second)}/s` : ""}${one.remaining_ms ? `, ${took(one.remaining_ms)} left` : ""}`),
    make("progress", { max: one.total || 1, ...(one.total ? { value: Math.min(one.documents, one.total) } : {}), "aria-label": `backfill ${one.name}` })));
  const drawList = () => {
    const wanted = byId("filter").value;
    const rows = state.status.migrations.filter((one) => !wanted || (wanted === "drifted" ? one.drifted : one.state === wanted));
    const cell = (name, ...children) => make("td", { "data-label": name }, ...children);
    fill(byId("list"), rows.length ? rows.map((one) => make("tr", {},
      cell("Version", make("span", { class: "number" }, String(one.version))),
      cell("Name", one.name, one.source ? make("div", { class: "faint" }, one.source) : null),
      cell("State", label(one.state, stateText(one)), one.drifted ? [" ", make("span", { class: "state drifted" }, "drifted")] : null, one.linked || one.replaced_by ? null : [" ", make("span", { class: "state drifted" }, "not in this build")],
        one.failure ? make("div", {}, failureText(one.failure)) : null, one.finished_steps ? make("div", { class: "faint" }, `finished steps: ${one.finished_steps.join(", ")}`) : null, bars(one.progress)),
      cell("Kind", one.kind, one.reversible ? null : make("div", { class: "faint" }, "no rollback")),
      cell("Applied", when(one.applied_at), one.batch ? make("div", { class: "faint" }, `batch ${one.batch}`) : null),
      cell("Took", make("span", { class: "number" }, took(one.duration_ms))),
      cell("By", who(one.by)))) : make("tr", {}, make("td", { colSpan: 7 }, "No migrations.")));
  };
  const drawTimeline = () => {
    const durations = new Map(state.status.migrations.filter((one) => one.duration_ms !== undefined).map((one) => [one.version, one.duration_ms]));
    const longest = Math.max(1, ...durations.values());
    const seen = new Set();
    fill(byId("timeline"), state.events.length ? state.events.map((event) => {
      // The status has only the duration of the last time that a migration was applied.
      const first = event.event === "applied" && !seen.has(event.version);
      if (first) seen.add(event.version);
      const ms = first ? durations.get(event.version) : undefined;
      const bar = ms === undefined ? null : make("span", { class: "bar", "aria-hidden": "true" });
      if (bar) bar.style.width = `${Math.max(1, 100 * ms / longest)}%`;
      return make("li", {}, make("div", { class: "faint" }, when(event.at)), make("div", {}, label(event.event, event.event === "running" ? "began" : undefined), ` ${event.version ?? ""} ${event.name}${ms === undefined ? "" : `, ${took(ms)}`}`,
        event.failure ? make("div", {}, failureText(event.failure)) : null, event.note ? make("div", {}, event.note) : null, make("div", { class: "faint" }, who(event.by)), bar));
    }) : make("li", {}, "No events yet."));
    show(byId("older"), Boolean(state.next));
  };
  const problemView = (problem) => problem ? make("p", { class: "failed lines" }, `${problem.title}: ${problem.detail}`) : null;
  const commandText = (one) => {
    const counts = ["matched", "modified", "inserted", "upserted", "deleted", "returned"].filter((name) => one[name] !== undefined).map((name) => `${count(one[name])} ${name}`);
    return `${one.command} ${one.namespace}${one.times > 1 ? ` × ${one.times}` : ""}${counts.length ? `: ${counts.join(", ")}` : ""}${one.failed ? `; failed: ${one.failed}` : ""}`;
  };
  const drawRun = () => {
    const { run } = state;
    show(byId("run"), Boolean(run));
    if (!run) return;
    const kind = run.verb === "up" ? "Apply" : "Roll back";
    byId("run-title").textContent = run.dry_run ? `${kind}: dry run (${run.dry_run})` : kind;
    const over = (step) => !["waiting", "running"].includes(step.state);
    const done = run.steps.filter(over).length;
    const part = run.steps.filter((step) => step.state === "running").flatMap((step) => step.backfills || []).map((one) => one.total ? Math.min(1, one.documents / one.total) : 0);
    const at = run.steps.find((step) => step.state === "running");
    say(byId("run-summary"), run.state === "running" ? `${done} of ${run.steps.length} finished${at ? `; running ${at.version} ${at.name}` : ""}; requested by ${run.by}`
      : `${words(run.state)} after ${took(run.elapsed_ms)}; requested by ${run.by}${run.steps.length || run.dry_run || run.state !== "done" ? "" : "; there was nothing to do"}`);
    byId("run-summary").className = run.state;
    const bar = byId("run-bar");
    show(bar, run.state === "running");
    bar.max = Math.max(1, run.steps.length);
    bar.value = done + (part[0] || 0) * 0.99;
    const tried = run.dry_run_report ? run.dry_run_report.steps : null;
    fill(byId("run-steps"), tried ? tried.map((step) => make("li", {}, label(step.outcome), ` ${step.version} ${step.name} · ${took(step.duration_ms)}`,
      step.failure ? make("div", {}, failureText(step.failure)) : null,
      make("ul", {}, (step.commands || []).slice(0, 50).map((one) => make("li", {}, commandText(one)))),
      make("ul", {}, (step.operations || []).map((one) => make("li", {}, one.operation)))))
      : run.steps.map((step) => make("li", {}, label(step.state), ` ${step.version} ${step.name}${step.duration_ms === undefined ? "" : ` · ${took(step.duration_ms)}`}`,
        step.failure ? make("div", {}, failureText(step.failure)) : null, bars(step.backfills))));
    fill(byId("run-report"), problemView(run.problem), run.dry_run_report ? lintsView(run.dry_run_report.lints) : null, run.dry_run && run.state !== "running" ? make("p", { class: "faint" }, "A dry run: nothing was written.") : null, run.problem && run.problem.next ? make("p", {}, run.problem.next) : null);
  };
  const lintsView = (lints) => (lints || []).map((one) => make("div", {}, make("p", { class: "pending" }, `${one.version} ${one.migration}: ${one.message}`), make("pre", {}, `instead of:\n${one.bad}\n\nbetter:\n${one.good}`)));
  const planView = (plan) => [
    plan.steps.length ? make("ol", { class: "steps" }, plan.steps.map((step) => make("li", {},
      make("b", {}, `${step.direction === "up" ? "apply" : "roll back"} ${step.version} ${step.name}`), ` · ${step.kind}${step.resumes ? " · resumes after an interruption" : ""}${step.direction === "up" && !step.reversible ? " · cannot be rolled back" : ""}`,
      make("ul", {}, (step.operations || []).map((one) => make("li", {}, `${one.operation}${one.documents === undefined ? "" : ` (${count(one.documents)} documents)`}`)))))) : make("p", {}, "There is nothing to do."),
    ...lintsView(plan.lints)];

  // ---- confirming a change ----
  const confirmed = (title, body, yes, danger) => new Promise((done) => {
    const dialog = byId("dialog");
    say(byId("dialog-title"), title);
    fill(byId("dialog-body"), body);
    const button = byId("dialog-yes");
    button.textContent = yes || "";
    button.className = danger ? "danger" : "main";
    show(button, Boolean(yes));
    byId("dialog-no").textContent = yes ? "Cancel" : "Close";
    let answer = false;
    button.onclick = () => { answer = true; dialog.close(); };
    byId("dialog-no").onclick = () => dialog.close();
    dialog.onclose = () => done(answer);
    dialog.showModal();
    byId("dialog-no").focus();
  });
  const upBody = () => ({ ...(byId("up-to").value ? { to: new Exact(byId("up-to").value) } : {}), ...(byId("up-continue").checked ? { continue_on_error: true } : {}) });
  const downBody = () => {
    const value = byId("down-to").value;
    if (value === "batch") return { batch: true };
    if (value === "all") return { all: true };
    return value.startsWith("to:") ? { to: new Exact(value.slice(3)) } : {};
  };
  const planOf = (direction, body) => {
    const query = new URLSearchParams({ direction });
    if (direction === "up") query.set("lint", "true");
    for (const name of ["to", "batch", "all"]) if (body[name] !== undefined) query.set(name, body[name]);
    return ask(`plan?${query}`);
  };
  const doIt = (direction, body, title, yes, danger) => attempt(async () => {
    const asked = body();
    const plan = await planOf(direction, asked);
    if (!plan.steps.length) { await confirmed(title, planView(plan)); return; }
    const where = make("p", {}, `In the database ${plan.database}:`);
    if (await confirmed(title, [where, ...planView(plan)], yes.replace("#", plan.steps.length), danger)) started(await post(direction, asked));
  });
  // The events of a quick run arrive before the answer that it has begun: they know more.
  const started = (run) => {
    if (!state.heard.has(run.id)) state.run = run;
    drawRun(); enable();
    byId("run").scrollIntoView({ block: "nearest" });
  };
  const dry = (direction, body) => attempt(async () => { started(await post(direction, { ...body(), dry_run: "run" })); });
  const onlyPlan = (direction, body) => attempt(async () => { await confirmed("Plan", planView(await planOf(direction, body()))); });

  show(byId("by-token"), !byApp);
  show(byId("by-app"), byApp);
  // A user who signed in to the app signs out there, too.
  show(byId("sign-out"), !byApp);
  if (byApp) say(byId("sign-in-button"), "Try again");
  byId("sign-in").addEventListener("submit", attempt(signIn));
  byId("sign-out").addEventListener("click", () => { alarm(null); signOut(); });
  byId("filter").addEventListener("change", drawList);
  byId("up").addEventListener("click", doIt("up", upBody, "Apply these migrations?", "Apply #", false));
  byId("down").addEventListener("click", doIt("down", downBody, "Roll these migrations back?", "Roll back #", true));
  byId("up-dry").addEventListener("click", dry("up", upBody));
  byId("down-dry").addEventListener("click", dry("down", downBody));
  byId("up-plan").addEventListener("click", onlyPlan("up", upBody));
  byId("down-plan").addEventListener("click", onlyPlan("down", downBody));
  byId("unlock").addEventListener("click", attempt(async () => {
    const lock = await ask("lock/status");
    const body = make("p", {}, lock.holder ? `${lock.held ? `${who(lock.holder)} holds the lock (fence ${lock.fence}), and its lease still runs` : `${who(lock.holder)} did not release the lock (fence ${lock.fence})`}. If that process is still alive, its next commit is refused; its earlier commits stay.` : "The lock is free.");
    if (await confirmed("Release the lock?", body, lock.holder ? `Release fence ${lock.fence}` : "", true)) { await post("lock/release", { fence: new Exact(lock.fence) }); await refresh(); }
  }));
  const steer = (verb, title, text, yes) => attempt(async () => {
    const why = make("input", { id: "why", type: "text", maxLength: 120, autocomplete: "off" });
    const body = [make("p", {}, text), make("p", {}, make("label", { htmlFor: "why" }, "Why (for those who read the history)"), " ", why)];
    if (await confirmed(title, body, yes, verb === "cancel")) { await post(`runs/current/${verb}`, why.value.trim() ? { why: why.value.trim() } : {}); await refresh(); }
  });
  byId("pause").addEventListener("click", steer("pause", "Pause the history?", "In every process, nothing more begins until it is resumed. A run that is under way finishes the batch or the transaction at hand, and then waits.", "Pause"));
  byId("end-run").addEventListener("click", steer("cancel", "End the run?", "It commits the batch at hand, or rolls the transaction at hand back, and releases the lock. The next run goes on from there.", "End the run"));
  byId("resume").addEventListener("click", attempt(async () => { await post("runs/current/resume", {}); await refresh(); }));
  byId("older").addEventListener("click", attempt(async () => {
    const page = await ask(`history?limit=50&before=${encodeURIComponent(state.next)}`);
    state.older = state.events = state.events.concat(page.events); state.next = page.next;
    drawTimeline();
  }));
  setInterval(() => { if (state.status) drawLock(); }, 1000);
  signOut();
  if (byApp) attempt(signIn)();
})();
