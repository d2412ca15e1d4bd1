// ---- checks: the server and the user's rights, and how the live schema differs from the models ----

const checks = { doctor: null, drift: null, failed: {}, loading: false };

async function loadChecks() {
  if (checks.loading) return;
  checks.loading = true;
  changed("checks");
  const one = async (name, path) => {
    try { checks[name] = await body(await send(path)); delete checks.failed[name]; } catch (error) {
      if (error instanceof SignedOut) return;
      checks.failed[name] = error;
    }
  };
  await Promise.all([one("doctor", "doctor"), one("drift", "drift?sample=100")]);
  checks.loading = false;
  checks.loaded = true;
  if (checks.doctor) store.server = `${checks.doctor.server.product} ${checks.doctor.server.version}`;
  changed("checks", "live");
}

const failedCheck = (error) => make("div", { class: "note calm" }, icon("dot"), make("div", {}, error.problem?.detail ? problemParts(error.problem) : error.message));
const doctorView = ({ server, findings }) => [
  facts([["Server", `${server.product} ${server.version}`], ["Round trip", `${server.round_trip_ms} ms`], ["Majority", server.majority_ms === undefined ? null : `${server.majority_ms} ms`],
    ["Transaction lifetime", server.transaction_lifetime_s === undefined ? null : `${server.transaction_lifetime_s} s`], ["Oplog window", server.oplog_window_s === undefined ? null : took(server.oplog_window_s * 1000)]]),
  make("ul", { class: "plain findings" }, findings.map((one) => make("li", {}, badge(one.verdict), make("div", {}, make("p", {}, make("strong", {}, words(one.check)), one.of ? [" · ", make("bdi", {}, one.of)] : null), make("p", { class: "faint" }, one.found), one.next ?? one.advice ? make("p", {}, one.next ?? one.advice) : null))))];
/** JSON with a line for each field. */
const pretty = (text) => { if (greatNumber.test(text)) return text; try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; } };
const driftReport = (report) => [
  make("p", {}, report.differences.length ? `${plural(report.differences.length, "difference")} in ${plural(report.compared, "collection")}.` : `${plural(report.compared, "collection")} compared: the live schema is what the migrations lead to.`),
  atMost(50, report.differences, (one) => make("li", { class: "step" },
    make("div", { class: "step-head" }, badge("drifted", words(one.kind)), make("span", { class: "step-name" }, make("code", {}, one.collection), one.index ? [" index ", make("code", {}, one.index)] : null)),
    one.options?.length ? make("p", { class: "faint" }, `differs in ${one.options.join(", ")}`) : null,
    one.expected ? [make("p", { class: "faint" }, "expected"), copyable(pretty(one.expected))] : null, one.found ? [make("p", { class: "faint" }, "found"), copyable(pretty(one.found))] : null,
    one.shell?.length ? make("details", {}, make("summary", {}, "Commands of the shell that make it as expected"), copyable(one.shell.join("\n"))) : null,
    one.change?.length ? make("details", {}, make("summary", {}, "A migration that makes it expected"), copyable(one.change.join("\n"))) : null,
    one.attribute ? make("p", {}, one.attribute) : null)),
  (report.samples ?? []).map((one) => make("p", {}, make("code", {}, one.collection), `: ${count(one.misfits)} of ${plural(one.documents, "sampled document")} do not fit.`))];

function drawChecks() {
  if (route().view !== "checks") return;
  byId("check-again").disabled = checks.loading;
  part(byId("doctor"), [checks.doctor, String(checks.failed.doctor), checks.loaded], () => checks.failed.doctor ? failedCheck(checks.failed.doctor) : checks.doctor ? doctorView(checks.doctor) : make("p", { class: "faint" }, "Checking…"));
  part(byId("schema"), [checks.drift, String(checks.failed.drift), checks.loaded], () => checks.failed.drift ? failedCheck(checks.failed.drift) : checks.drift ? driftReport(checks.drift) : make("p", { class: "faint" }, "Comparing…"));
  part(byId("policies"), store.status?.policies, () => (store.status?.policies ?? []).map((one) => make("li", {}, make("code", {}, one.rule), make("span", { class: "faint" }, ` · ${one.place}`))));
  show(byId("policies-part"), (store.status?.policies ?? []).length > 0);
}
function startChecks() {
  byId("check-again").addEventListener("click", attempt(loadChecks));
  onChange(["route", "checks", "status"], () => {
    if (route().view === "checks" && !checks.loaded && !checks.loading) loadChecks();
    drawChecks();
  });
}
