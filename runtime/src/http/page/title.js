// ---- the title and the icon of the tab: progress and failure ----

const iconColors = { good: "#1a7f45", bad: "#c62c1f", warn: "#b26a00", busy: "#2f5bd7", calm: "#5b6470" };

/** A ring that closes with the progress; a cross or a tick when it has ended. */
function tabIcon(tone, fraction) {
  const color = iconColors[tone].replace("#", "%23");
  const around = 2 * Math.PI * 6;
  const inner = { bad: "M5.5 5.5l5 5m0-5l-5 5", good: "M5 8.3l2.2 2.2L11 6", warn: "M8 4.8v4M8 11v.2" }[tone] ?? "";
  const ring = `%3Ccircle cx='8' cy='8' r='6' fill='none' stroke='%23999' stroke-opacity='.45' stroke-width='2.6'/%3E%3Ccircle cx='8' cy='8' r='6' fill='none' stroke='${color}' stroke-width='2.6' stroke-dasharray='${(around * fraction).toFixed(1)} 99' transform='rotate(-90 8 8)'/%3E`;
  return `data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E${ring}${inner ? `%3Cpath d='${inner}' fill='none' stroke='${color}' stroke-width='2'/%3E` : ""}%3C/svg%3E`;
}

function progressOf() {
  const { run, status } = store;
  if (run?.state === "running" && totalOf(run)) {
    const at = run.steps.find((step) => step.state === "running");
    const part = Math.max(0, ...(at?.backfills ?? []).map((one) => one.total ? Math.min(1, one.documents / one.total) : 0));
    return (store.over + part * 0.99) / totalOf(run);
  }
  const position = status?.lock.held ? status.lock.position : null;
  return position ? (position.at - 1) / position.of : null;
}

function drawTitle() {
  const { status, run } = store;
  if (!status) return;
  const where = `${status.database}${status.group === "default" ? "" : ` · ${status.group}`}`;
  const running = run?.state === "running" || (status.lock.held && !status.lock.dead);
  const fraction = running ? progressOf() ?? 0 : 1;
  const isPaused = Boolean(status.lock.paused);
  const failed = status.failed > 0 || (run?.state === "failed" && !run.dry_run && store.dismissed !== run.id);
  const tone = running ? isPaused ? "warn" : "busy" : failed ? "bad" : status.interrupted > 0 || isPaused ? "warn" : "good";
  const head = running ? `${Math.floor(fraction * 100)} %${isPaused ? " paused" : ""}` : failed ? "✗ failed" : status.interrupted > 0 ? "! interrupted" : isPaused ? "paused" : status.pending > 0 ? `${count(status.pending)} pending` : "✓";
  const title = visible(`${head} · ${where} · Migrations`);
  if (document.title !== title) document.title = title;
  // A few pictures are enough: the browser loads each.
  const picture = tabIcon(tone, Math.ceil(fraction * 16) / 16);
  if (byId("icon").href !== picture) byId("icon").href = picture;
}
function startTitle() { onChange(["status", "run"], drawTitle); }
