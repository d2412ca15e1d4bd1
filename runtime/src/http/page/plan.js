// ---- what would be done, and what a dry run has tried: steps, operations, commands, lints ----

/** A list of which the first part is shown, and more on request. */
function atMost(limit, items, build, listProperties = {}) {
  const box = make("ol", { class: "plain", ...listProperties }, items.slice(0, limit).map(build));
  if (items.length <= limit) return box;
  let shown = limit;
  const more = make("button", { type: "button", class: "quiet" }, `Show ${count(Math.min(limit, items.length - shown))} more of ${count(items.length)}`);
  more.addEventListener("click", () => {
    box.append(...items.slice(shown, shown + limit).map(build));
    shown += limit;
    if (shown >= items.length) more.remove();
    else say(more, `Show ${count(Math.min(limit, items.length - shown))} more of ${count(items.length)}`);
  });
  return make("div", {}, box, make("p", {}, more));
}

const names = (all) => all.slice(0, 20).map((one, at) => [at ? ", " : "", make("span", { class: "mono" }, versionText(one)), " ", make("bdi", {}, one.name)]).concat(all.length > 20 ? [` and ${count(all.length - 20)} more`] : []);

const lintView = (one) => make("div", { class: "lint" },
  make("p", {}, badge("warning", "lint"), " ", make("strong", {}, words(one.name).replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase()), ` · ${one.message}`, one.estimated ? make("span", { class: "faint" }, " (estimated from the collection's size)") : null),
  (one.details ?? []).length ? make("ul", {}, one.details.slice(0, 20).map((text) => make("li", {}, text))) : null,
  one.bad || one.good ? make("details", {}, make("summary", {}, "A better way"), make("p", { class: "faint" }, "instead of"), copyable(one.bad), make("p", { class: "faint" }, "write"), copyable(one.good)) : null);

const operationView = (one) => make("li", { class: "operation" },
  make("span", { class: "does" }, one.operation ?? one.forward, one.documents === undefined ? null : make("span", { class: "faint" }, ` · ${plural(one.documents, "document")}`)),
  one.undo ?? one.back ? make("span", { class: "undoes", title: "What undoes it" }, icon("undo"), make("span", {}, one.undo ?? one.back)) : null);

function commandText(one) {
  const counts = ["matched", "modified", "inserted", "upserted", "deleted", "returned"].filter((name) => one[name] !== undefined).map((name) => `${count(one[name])} ${name}`);
  return [make("code", {}, `${one.command} ${one.namespace}`), one.times > 1 ? ` × ${count(one.times)}` : "", counts.length ? make("span", { class: "faint" }, ` · ${counts.join(", ")}`) : null, one.failed ? make("span", { class: "bad-text" }, ` · failed: ${one.failed}`) : null];
}

/** The lints that are about a step. */
const lintsOf = (lints, step) => (lints ?? []).filter((one) => String(one.version) === String(step.version));

/** A step of a plan, or of a dry run. */
const stepView = (step, lints) => make("li", { class: "step" },
  make("div", { class: "step-head" },
    step.outcome ? badge(step.outcome) : icon(step.direction === "down" ? "undo" : "branch"),
    make("span", { class: "step-name" }, make("span", { class: "does-what" }, step.direction === "down" ? "roll back " : "apply "), make("span", { class: "mono" }, versionText(step)), " ", make("bdi", {}, step.name)),
    make("span", { class: "faint step-kind" }, [kindText(step.kind), step.resumes ? "resumes after an interruption" : null, step.direction === "up" && !step.reversible ? "cannot be rolled back" : null, step.duration_ms === undefined || step.outcome === "skipped" ? null : took(step.duration_ms)].filter(Boolean).join(" · "))),
  step.failure ? make("p", { class: "bad-text" }, failureText(step.failure)) : null,
  (step.operations ?? []).length ? make("ul", { class: "plain operations" }, step.operations.map(operationView)) : null,
  (step.commands ?? []).length ? make("ul", { class: "plain commands" }, step.commands.slice(0, 50).map((one) => make("li", {}, commandText(one)))) : null,
  lintsOf(lints, step).map(lintView));

function planSummary(plan) {
  const operations = plan.steps.flatMap((step) => step.operations ?? []);
  const documents = operations.reduce((sum, one) => sum + Number(one.documents ?? 0), 0);
  return [plural(plan.steps.length, "migration"), operations.length ? plural(operations.length, "operation") : null,
    documents ? `about ${plural(documents, "document")} changed` : null, (plan.lints ?? []).length ? plural(plan.lints.length, "lint") : null].filter(Boolean).join(" · ");
}

const planView = (plan) => [
  plan.steps.length ? make("p", { class: "plan-summary" }, planSummary(plan), " in ", make("strong", {}, make("bdi", {}, plan.database)), ".") : make("p", { class: "empty" }, "There is nothing to do."),
  (plan.ahead ?? []).length ? make("p", { class: "note warn" }, icon("alert"), make("span", {}, "Applied, but not in this build: ", names(plan.ahead), ".")) : null,
  (plan.late ?? []).length ? make("p", { class: "note warn" }, icon("alert"), make("span", {}, "Pending afterwards, and older than a migration that stays applied (later runs are refused): ", names(plan.late), ".")) : null,
  plan.steps.length ? atMost(50, plan.steps, (step) => stepView(step, plan.lints), { class: "plain steps" }) : null,
  (plan.skipped ?? []).length ? make("p", { class: "faint" }, "Recorded as skipped, as their labels are not selected: ", names(plan.skipped), ".") : null,
  plan.stands ? make("p", { class: "faint" }, "A squash is recorded as standing for what is applied: ", names([plan.stands]), ".") : null];

const dryRunView = (report) => [
  make("p", { class: "note good" }, icon("check"), make("span", {}, report.shadow
    ? `Tried in the scratch database ${report.shadow.database} with ${plural(report.shadow.documents, "document")} of ${plural(report.shadow.collections, "collection")}; it is dropped. ` : "Tried in a transaction that was aborted. ", "Nothing was written.")),
  !report.shadow && report.steps.some((step) => step.outcome === "skipped") ? make("p", { class: "faint" }, "Skipped: an online or a declared migration commits in parts, which no transaction could take back. A shadow run tries it, too.") : null,
  report.observed === false ? make("p", { class: "faint" }, "The commands of these migrations were not seen: the app's client does not report them.") : null,
  atMost(50, report.steps, (step) => stepView(step, report.lints), { class: "plain steps" })];

// ---- when a change needs more than a click ----
const LARGE_STEPS = 10;
const LARGE_DOCUMENTS = 100_000;
const destroys = /^(drop|remove|delete|unset|purge)\b/i;

/** Why the user has to type the database's name, or `null`. */
function riskOf(plan, direction, asked) {
  if (direction === "down" && asked.all) return "This rolls everything back.";
  if (plan.steps.length > LARGE_STEPS) return `This ${direction === "up" ? "applies" : "rolls back"} ${count(plan.steps.length)} migrations.`;
  const operations = plan.steps.flatMap((step) => step.operations ?? []);
  const documents = operations.reduce((sum, one) => sum + Number(one.documents ?? 0), 0);
  if (documents > LARGE_DOCUMENTS) return `This changes about ${count(documents)} documents.`;
  const lost = operations.find((one) => destroys.test(direction === "up" ? one.operation : one.undo));
  return lost ? `This destroys data or indexes: ${direction === "up" ? lost.operation : lost.undo}.` : null;
}
