// ---- the timeline: a lane for each run, a bar for each migration, as wide as it took ----

const time = { events: [], next: null, loaded: false, failed: null, active: "", table: null };
const LANE = 30;
const LANES_MAX = 200;

async function loadTimeline(more = false) {
  try {
    const page = await read(`history?limit=500${more && time.next ? `&before=${encodeURIComponent(time.next)}` : ""}`);
    const before = more ? time.events : [];
    Object.assign(time, { events: before.concat(page.events), next: page.next ?? null, loaded: true, failed: null });
  } catch (error) {
    if (error instanceof SignedOut) return;
    time.failed = error;
  }
  changed("timeline");
}

const ENDS = new Set(["applied", "reverted", "failed", "cancelled", "skipped", "stands", "baseline", "resolved", "replaced"]);

/** The lanes, newest first: the events of one fence, each with how long it took, if that is known. */
function lanesOf(events) {
  const lanes = new Map();
  const begun = new Map();
  const lastApplied = new Set();
  for (const event of events) {
    // Newest first: of a migration's events, the first `applied` is the one whose duration the status has.
    if (event.event !== "applied" || event.version === undefined || lastApplied.has(String(event.version))) continue;
    lastApplied.add(String(event.version));
    event.took ??= store.byVersion.get(String(event.version))?.duration_ms;
  }
  for (const event of [...events].reverse()) {
    if (event.version === undefined) continue;
    const lane = lanes.get(event.fence) ?? lanes.set(event.fence, { fence: event.fence, at: event.at, bars: [], by: event.by }).get(event.fence);
    const key = `${event.fence}/${event.version}`;
    if (event.event === "running") { begun.set(key, event.at); continue; }
    if (!ENDS.has(event.event)) continue;
    const ms = event.duration_ms ?? event.took ?? (begun.has(key) ? Date.parse(event.at) - Date.parse(begun.get(key)) : undefined);
    lane.bars.push({ event, ms });
  }
  return [...lanes.values()].filter((lane) => lane.bars.length).reverse();
}

/** A round number of milliseconds for the scale. */
function tick(longest) {
  const wanted = longest / 4;
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 3e4, 6e4, 12e4, 3e5, 6e5, 18e5, 36e5, 72e5, 216e5, 864e5];
  return steps.find((step) => step >= wanted) ?? Math.ceil(wanted / 864e5) * 864e5;
}
const tickText = (ms) => ms < 1000 ? `${ms} ms` : ms < 60_000 ? `${ms / 1000} s` : ms < 3_600_000 ? `${ms / 60_000} min` : `${Math.round(ms / 360_000) / 10} h`;

const outcomeTone = (event) => looks[event]?.[0] ?? "calm";
const barText = ({ event, ms }) => `${versionText(event)} ${event.name}: ${eventText(event.event)}${ms === undefined ? "" : `, ${took(ms)}`}, ${exactly(new Date(event.at))}${event.failure ? `: ${failureText(event.failure)}` : ""}`;

function drawPicture() {
  const box = byId("picture");
  const all = lanesOf(time.events);
  const lanes = all.slice(0, LANES_MAX);
  // An empty box has no width of its own.
  const { paddingLeft, paddingRight } = getComputedStyle(box);
  const width = Math.max(240, Math.floor(box.parentElement.clientWidth - 2 - parseFloat(paddingLeft) - parseFloat(paddingRight)));
  const narrow = width < 620;
  const left = narrow ? 8 : 164;
  const right = narrow ? 12 : 70;
  const lane = narrow ? LANE + 18 : LANE;
  const longest = Math.max(1, ...lanes.map(({ bars }) => bars.reduce((sum, { ms }) => sum + (ms ?? 0), 0)));
  const most = Math.max(1, ...lanes.map(({ bars }) => bars.length));
  // Each bar is wide enough to be seen, as long as there is room for all of them.
  const least = Math.max(0.5, Math.min(7, (width - left - right) / most / 2));
  const scale = Math.max(0, width - left - right - most * least) / longest;
  const top = 26;
  const height = top + lanes.length * lane + 6;
  part(box, [width, lanes.map(({ fence, bars }) => [fence, bars.map(({ event, ms }) => [event.version, event.event, ms])])], () => {
    if (!lanes.length) return null;
    const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": "Runs, newest first; each bar is a migration, as wide as it took" });
    const step = tick(longest);
    for (let ms = 0; ms <= longest; ms += step) {
      const x = left + ms * scale;
      svg.append(draw("line", { class: "grid", x1: x, x2: x, y1: top - 6, y2: height }), draw("text", { class: "tick", x: x + 3, y: 12 }, tickText(ms)));
      if (ms / step > 40) break;
    }
    lanes.forEach(({ at, bars, fence }, index) => {
      const y = top + index * lane;
      const middle = y + (narrow ? 18 : 0);
      const group = draw("g", { class: "lane" }, draw("text", { class: "lane-name", x: narrow ? left : 0, y: narrow ? y + 12 : middle + 17 }, shortTime(new Date(at)), draw("title", {}, `${exactly(new Date(at))}, fence ${fence}`)));
      let x = left;
      for (const one of bars) {
        const wide = Math.max(least, (one.ms ?? 0) * scale + least);
        const tone = outcomeTone(one.event.event);
        const key = `${one.event.version}/${one.event.fence}/${one.event.event}`;
        const failed = tone === "bad";
        const link = draw("a", { class: `ran ${tone}`, href: address("migrations", isRepeatable(one.event) ? one.event.name : String(one.event.version)), tabindex: "-1", "aria-label": barText(one), "data-key": key },
          draw("title", {}, barText(one)),
          draw("rect", { x, y: middle + 7, width: Math.max(0.5, wide - Math.min(1.5, wide / 4)), height: 13, rx: Math.min(3, wide / 3) }),
          failed ? draw("path", { class: "mark", d: `M${x + wide / 2 - 4} ${middle - 3}l7 7m0-7l-7 7` }) : tone === "warn" ? draw("path", { class: "mark", d: `M${x + wide / 2 - 4} ${middle + 2}l4-5 4 5z` }) : null);
        group.append(link);
        x += wide;
      }
      const sum = bars.reduce((all, { ms }) => all + (ms ?? 0), 0);
      if (!narrow && bars.some(({ ms }) => ms !== undefined)) group.append(draw("text", { class: "lane-sum", x: width, y: middle + 18, "text-anchor": "end" }, took(sum)));
      svg.append(group);
    });
    return svg;
  });
  const bars = [...box.querySelectorAll("a.ran")];
  const active = bars.find((one) => one.dataset.key === time.active) ?? bars[0];
  for (const one of bars) one.setAttribute("tabindex", one === active ? "0" : "-1");
  say(byId("timeline-note"), time.failed ? time.failed.message : !time.loaded ? "Loading…" : !lanes.length ? "Nothing has been applied yet." : `${plural(lanes.length, "run")}, newest first. Each bar is one migration, as wide as it took${all.length > lanes.length ? `; ${count(all.length - lanes.length)} older runs are in the table below` : ""}.`);
}
const shortDate = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const shortTime = (at) => shortDate.format(at);

function moveInPicture(event) {
  const current = event.target.closest("a.ran");
  if (!current || event.ctrlKey || event.altKey || event.metaKey) return;
  const bars = [...byId("picture").querySelectorAll("a.ran")];
  const at = bars.indexOf(current);
  const lane = current.parentElement;
  const beside = (which) => { let to = lane[which]; while (to && !to.matches?.(".lane")) to = to[which]; return to?.querySelector("a.ran"); };
  const to = { ArrowRight: () => bars[at + 1], ArrowLeft: () => bars[at - 1], ArrowDown: () => beside("nextSibling"), ArrowUp: () => beside("previousSibling"), Home: () => bars[0], End: () => bars.at(-1) }[event.key]?.();
  if (!to) return;
  event.preventDefault();
  time.active = to.dataset.key;
  for (const one of bars) one.setAttribute("tabindex", one === to ? "0" : "-1");
  to.focus();
}

/** The same as text: every event, newest first. */
function drawEvents() {
  const shown = time.events.length;
  const box = byId("events");
  if (box.parentElement.open) part(box, [shown, time.events[0]], () => atMost(100, time.events, (event) => eventView(event, true), { class: "plain events" }));
  say(byId("events-title"), `All events as text (${count(shown)}${time.next ? "+" : ""})`);
  show(box.parentElement, shown > 0);
  show(byId("older"), Boolean(time.next));
}

function drawTimeline() {
  if (route().view !== "timeline") return;
  drawPicture();
  drawEvents();
}
function startTimeline() {
  byId("picture").addEventListener("keydown", moveInPicture);
  byId("older").addEventListener("click", attempt(() => loadTimeline(true)));
  byId("events").parentElement.addEventListener("toggle", drawEvents);
  addEventListener("resize", () => { if (store.signedIn) changed("timeline"); });
  let seen = "";
  onChange(["route", "status", "timeline"], () => {
    if (route().view === "timeline" && seen !== `${store.session}${store.etag}${store.status?.lock.fence}${store.status?.applied}${store.status?.failed}`) {
      seen = `${store.session}${store.etag}${store.status?.lock.fence}${store.status?.applied}${store.status?.failed}`;
      loadTimeline();
    }
    drawTimeline();
  });
}
