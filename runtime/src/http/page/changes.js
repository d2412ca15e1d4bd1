// ---- applying and rolling back: the plan is shown, and tried if the user likes, before anything is asked for ----

function planOf(direction, asked) {
  const query = new URLSearchParams({ direction, lint: "true" });
  for (const name of ["to", "batch", "all", "only", "to_release", "to_tag", "allow_out_of_order"]) {
    if (asked[name] !== undefined) query.set(name, asked[name]);
  }
  return send(`plan?${query}`).then(body);
}

/** The events of a quick run arrive before the answer that it has begun: they know more. */
function started(run) {
  if (!store.heard.has(run.id)) takeRun(run);
  store.dismissed = "";
  changed("run");
  if (run.dry_run) goTo("runs", run.id);
  else scrollTo({ top: 0, behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

/** How many migrations a choice lists; others are named by their version. */
const CHOICES_MAX = 50;
const OTHER = "other";

/** The first migrations as choices, the one that is asked for among them, and a way to name another one. */
function choices(all, preset, textOf) {
  const listed = all.slice(0, CHOICES_MAX);
  const asked = all.find((one) => preset === `to:${one.version}`);
  if (asked && !listed.includes(asked)) listed.push(asked);
  return [...listed.map((one) => [`to:${one.version}`, textOf(one)]), ...(all.length > listed.length ? [[OTHER, `another one of ${count(all.length)}, by its version…`]] : [])];
}

function upTargets(preset) {
  const open = store.rows.filter((one) => one.linked && !one.repeatable && !["applied", "skipped", "replaced"].includes(one.state));
  return [["", `all that are pending (${count(store.rows.filter((one) => one.linked && ["pending", "failed", "interrupted"].includes(one.state)).length)})`],
    ...choices(open, preset, (one) => `up to ${one.version} ${one.name}`)];
}
async function downTargets(preset) {
  const applied = store.rows.filter((one) => one.state === "applied" && !one.repeatable).reverse();
  const releases = [...new Set(applied.map((one) => one.release).filter(Boolean))];
  const tags = ((await readIfThere("tags").catch(() => undefined))?.tags ?? []).map((tag) => tag.name ?? tag);
  const only = preset.startsWith("only:") ? applied.find((one) => `only:${one.version}` === preset) : null;
  return [["last", "the last migration"], ["batch", "the last batch"],
    ...(only ? [[preset, `only ${only.version} ${only.name}`]] : []),
    ...releases.map((name) => [`to_release:${name}`, `all after release ${name}`]),
    ...tags.map((name) => [`to_tag:${name}`, `all since tag ${name}`]),
    ...choices(applied, preset, (one) => `all newer than ${one.version} ${one.name}`), ["all", "all migrations"]];
}
function targetOf(value) {
  if (value === "batch" || value === "all") return { [value]: true };
  const [, name, what] = /^(to|only|to_release|to_tag):(.*)$/s.exec(value) ?? [];
  if (!name) return {};
  return { [name]: name === "to" || name === "only" ? new Exact(what) : what };
}

/** The dialog that applies migrations (`up`) or rolls them back (`down`). */
async function openChange(direction, preset = "") {
  const up = direction === "up";
  const targets = up ? upTargets(preset) : await downTargets(preset);
  const select = make("select", {}, targets.map(([value, text]) => make("option", { value }, text)));
  if (targets.some(([value]) => value === preset)) select.value = preset;
  const other = textInput({ inputMode: "numeric" });
  const otherField = field("other-version", "Version", other, up ? "The last migration that is applied." : "All that are newer are rolled back.");
  show(otherField, false);
  const check = (id, text) => {
    const input = make("input", { type: "checkbox", id });
    input.addEventListener("change", () => load());
    return { input, view: make("label", { class: "check", htmlFor: id }, input, make("span", {}, text)) };
  };
  const goOn = check("go-on", "Continue with the next migration after a failure");
  const atomic = check("atomic", "All in one transaction: all, or none");
  const late = check("late", "Include pending migrations that are older than the newest applied one");
  show(late.view, false);
  const plan = make("div", { id: "plan", "aria-live": "polite", "aria-busy": "true" });
  const risk = make("div", { id: "risk" });
  let latest = 0;
  let plannedSteps = 0;
  let sure = false;
  // What comes after the dialog is closed is of no use, and another dialog may be open by then.
  let isOpen = true;

  const asked = () => ({
    ...targetOf(select.value === OTHER ? `to:${other.value.trim()}` : select.value),
    ...(up && goOn.input.checked ? { continue_on_error: true } : {}), ...(up && atomic.input.checked ? { atomic: true } : {}),
    ...(late.input.checked ? { allow_out_of_order: true } : {}),
  });
  const enable = () => {
    const yes = byId("dialog-yes");
    if (!yes || !isOpen) return;
    say(yes, up ? `Apply ${plannedSteps || ""}`.trim() : `Roll back ${plannedSteps || ""}`.trim());
    yes.disabled = !mayWrite() || !plannedSteps || !sure;
    for (const id of ["dry-run", "shadow-run"]) byId(id).disabled = !mayWrite() || !plannedSteps;
  };
  async function load() {
    if (!isOpen) return;
    latest += 1;
    const own = latest;
    plannedSteps = 0;
    sure = false;
    goOn.input.disabled = atomic.input.checked;
    atomic.input.disabled = goOn.input.checked;
    plan.setAttribute("aria-busy", "true");
    fill(plan, make("p", { class: "faint" }, "Planning…"));
    fill(risk);
    enable();
    show(otherField, select.value === OTHER);
    if (select.value === OTHER && !store.byVersion.has(other.value.trim())) {
      fill(plan, make("p", { class: "faint" }, other.value.trim() ? `There is no migration ${other.value.trim()}.` : "Enter the version of a migration."));
      plan.setAttribute("aria-busy", "false");
      return;
    }
    try {
      const found = await planOf(direction, asked());
      if (own !== latest) return;
      plannedSteps = found.steps.length;
      const reason = plannedSteps && mayWrite() ? riskOf(found, direction, asked()) : null;
      sure = !reason;
      fill(plan, planView(found));
      if (reason) fill(risk, nameCheck(reason, (yes) => { sure = yes; enable(); }));
    } catch (error) {
      if (own !== latest || error instanceof SignedOut) return;
      fill(plan, make("div", { class: "note bad" }, icon("cross"), make("div", {}, error.problem?.detail ? problemParts(error.problem) : [make("p", {}, error.message), make("div", { class: "buttons" }, button("Try again", load))])));
      if (up && error.problem?.code === "out_of_order") show(late.view, true);
    }
    plan.setAttribute("aria-busy", "false");
    enable();
  }
  select.addEventListener("change", load);
  other.addEventListener("input", load);
  const middle = [
    field("target", up ? "Apply" : "Roll back", select), otherField,
    up ? [goOn.view, atomic.view, late.view] : null,
    make("h3", {}, "Plan"), plan, risk];
  const buttons = [{ text: "Dry run", value: { dry_run: "run" }, id: "dry-run" }, { text: "Shadow run", value: { dry_run: "shadow" }, id: "shadow-run" },
    { text: up ? "Apply" : "Roll back", value: {}, kind: up ? "main" : "danger", id: "dialog-yes" }];
  const answered = ask({ title: up ? "Apply migrations" : "Roll migrations back", middle, buttons, closing: mayWrite() ? "Cancel" : "Close", wide: true });
  load();
  const answer = await answered;
  isOpen = false;
  if (answer) started(await post(direction, { ...asked(), ...answer }));
}
