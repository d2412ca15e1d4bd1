// ---- elements: text is never parsed as HTML, and characters that would turn text around are shown ----

const byId = (id) => document.getElementById(id);

const hidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;
const visible = (text) => String(text).replace(hidden, (one) => `\\u{${one.codePointAt(0).toString(16)}}`);

const isShown = (child) => child !== null && child !== undefined && child !== "" && child !== false;
const nodes = (children) => children.flat(Infinity).filter(isShown).map((child) => child instanceof Node ? child : visible(child));

function setProperty(element, name, value) {
  if (value === undefined || value === null) return;
  if (name === "class") element.setAttribute("class", value);
  else if (name === "title") element.title = visible(value);
  else if (name.includes("-") || name === "role") element.setAttribute(name, visible(value));
  else element[name] = value;
}

/** Makes an element with its properties and children. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) setProperty(element, name, value);
  element.append(...nodes(children));
  return element;
}

/** The same for SVG. */
function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) element.setAttribute(name, visible(value));
  }
  element.append(...nodes(children));
  return element;
}

const fill = (element, ...children) => element.replaceChildren(...nodes(children));
const show = (element, yes) => { if (element.hidden === Boolean(yes)) element.hidden = !yes; };

/** Sets a text only if it differs, so that a selection of it survives. */
function say(element, text) {
  const shown = visible(text ?? "");
  if (element.childNodes.length === 1 && element.firstChild.nodeType === Node.TEXT_NODE) {
    if (element.firstChild.data !== shown) element.firstChild.data = shown;
  } else if (element.textContent !== shown || element.childElementCount > 0) element.textContent = shown;
}

/** Draws a part again only if what it shows has changed, so that focus, selection and what is unfolded survive. */
function part(element, shown, build) {
  const text = JSON.stringify(shown);
  if (element.shown === text) return;
  element.shown = text;
  const focused = element.contains(document.activeElement) ? document.activeElement.dataset?.focus : undefined;
  const unfolded = new Set([...element.querySelectorAll("details[open][data-group]")].map((one) => one.dataset.group));
  fill(element, build());
  if (unfolded.size) for (const one of element.querySelectorAll("details[data-group]")) one.open = unfolded.has(one.dataset.group);
  if (focused) [...element.querySelectorAll("[data-focus]")].find((one) => one.dataset.focus === focused)?.focus({ preventScroll: true });
}

/** Makes the children of a list those of `items`, keeping the element of each key. */
function keep(list, items, keyOf, create, update) {
  const before = new Map([...list.children].map((child) => [child.key, child]));
  let at = list.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let child = before.get(key);
    if (child) before.delete(key);
    else { child = create(item); child.key = key; }
    update?.(child, item);
    if (child === at) at = at.nextElementSibling;
    else list.insertBefore(child, at);
  }
  for (const child of before.values()) child.remove();
}

// ---- icons ----
const paths = {
  check: "M3.5 8.5l3 3 6-7", cross: "M4 4l8 8M12 4l-8 8", clock: "M8 4.5V8l2.5 2M8 1.8a6.2 6.2 0 100 12.4A6.2 6.2 0 008 1.8z",
  alert: "M8 2.2L14.3 13H1.7L8 2.2zM8 6.3v3.2M8 11.3v.2", pause: "M5.5 3.5v9M10.5 3.5v9", play: "M5 3l7.5 5L5 13z",
  undo: "M5.5 3L2.5 6l3 3M2.5 6h7a3.75 3.75 0 010 7.5H7", skip: "M3.5 4l5 4-5 4V4zM12 4v8", swap: "M3 5.5h9L9.5 3M13 10.5H4L6.5 13",
  ring: "M8 2a6 6 0 106 6", lock: "M4 7.5h8v6H4zM5.5 7.5V5a2.5 2.5 0 015 0v2.5", open: "M4 7.5h8v6H4zM5.5 7.5V5a2.5 2.5 0 014.8-1",
  dot: "M8 6.5a1.5 1.5 0 100 3 1.5 1.5 0 000-3z", search: "M7 2.5a4.5 4.5 0 100 9 4.5 4.5 0 000-9zM10.3 10.3l3.2 3.2", down: "M4 6l4 4 4-4", up: "M4 10l4-4 4 4",
  stop: "M4 4h8v8H4z", branch: "M8 2v8M4.5 6.5L8 10l3.5-3.5M3 13.5h10", tag: "M2.5 2.5h5l6 6-5 5-6-6zM5.3 5.3v.1", tune: "M2.5 5h6M11.5 5h2M2.5 11h2M7.5 11h6M10 3.5v3M6 9.5v3",
};
const icon = (name) => draw("svg", { class: `icon icon-${name}`, viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false" }, draw("path", { d: paths[name] ?? paths.dot }));

// ---- words and badges ----
const words = (text) => String(text).replaceAll("_", " ");
const looks = {
  applied: ["good", "check"], done: ["good", "check"], ran: ["good", "check"], ok: ["good", "check"], resumed: ["good", "play"], resolved: ["good", "check"], repaired: ["good", "check"], baseline: ["good", "check"], imported: ["good", "check"],
  failed: ["bad", "cross"], error: ["bad", "cross"], conflict: ["bad", "cross"], timed_out: ["bad", "cross"], unknown: ["bad", "alert"], drifted: ["bad", "alert"], "not in this build": ["warn", "alert"], force_unlocked: ["bad", "open"],
  pending: ["warn", "clock"], interrupted: ["warn", "alert"], cancelled: ["warn", "stop"], cancel_asked: ["warn", "stop"], paused: ["warn", "pause"], reverted: ["warn", "undo"], aborted: ["warn", "undo"], warning: ["warn", "alert"], tuned: ["calm", "tune"],
  running: ["busy", "ring"], began: ["busy", "play"], waiting: ["calm", "clock"], skipped: ["calm", "skip"], replaced: ["calm", "swap"], stands: ["calm", "swap"], orphaned: ["calm", "undo"], not_run: ["calm", "skip"], unnecessary: ["calm", "skip"],
};
const badge = (name, text) => {
  const [tone, picture] = looks[name] ?? ["calm", "dot"];
  return make("span", { class: `badge ${tone}` }, icon(picture), make("span", { class: "badge-text" }, text ?? words(name)));
};

const kinds = { transaction: "transaction", online: "online", change: "declared" };
const kindText = (kind) => kinds[kind] ?? words(kind ?? "");
const who = (by) => !by ? "" : typeof by === "string" ? by : `${by.host} pid ${by.pid}${by.app ? ` (${by.app})` : ""}`;
/** The same in short: the user comes first, as that is what differs. */
const shortWho = (by) => !by ? "" : typeof by === "string" ? by : by.app ? by.app.replace(/^(.*), HTTP token (.*)$/s, "$2 · $1") : `${by.host}:${by.pid}`;

/** A time: how long ago, with the exact one on hover; `exact` shows the exact one as text. */
function when(text, { exact = false } = {}) {
  if (!text) return "";
  const at = new Date(text);
  const time = make("time", { dateTime: text, title: `${exactly(at)} · ${inUtc(at)}` }, exact ? exactly(at) : ago(at));
  if (!exact) time.dataset.relative = "yes";
  return exact ? make("span", {}, time, make("span", { class: "faint" }, " · ", when(text), at.getTimezoneOffset() === 0 ? null : [" · ", make("span", { class: "whole" }, inUtc(at))])) : time;
}
setInterval(() => {
  for (const time of document.querySelectorAll("time[data-relative]")) say(time, ago(new Date(time.dateTime)));
}, 10_000);

/** A name, which may be written from right to left, or be long. */
const nameOf = (text, properties = {}) => make("bdi", { class: "name", title: text, ...properties }, text);

/** The number of a migration: repeatable migrations have only a name. */
const isRepeatable = (one) => Boolean(one.repeatable) || String(one.version).startsWith("-");
const versionText = (one) => isRepeatable(one) ? "repeatable" : String(one.version);

const button = (text, action, { kind = "", picture, writes = false, focus, title } = {}) => {
  const made = make("button", { type: "button", class: kind, title }, picture ? icon(picture) : null, make("span", {}, text));
  if (writes) { made.dataset.writes = "yes"; made.disabled = !mayWrite(); }
  if (focus) made.dataset.focus = focus;
  made.addEventListener("click", attempt(action));
  return made;
};

const bar = (value, max, name, kind = "") => {
  const made = make("progress", { class: kind, max: max || 1, "aria-label": name });
  if (value !== undefined) made.value = Math.min(value, max || 1);
  return made;
};

/** The progress of backfills, as text and as a bar each. */
const backfills = (all) => (all ?? []).map((one) => make("div", { class: "backfill" },
  make("span", { class: "backfill-text" }, make("bdi", {}, one.name), `: ${count(one.documents)}${one.total ? ` of ${count(one.total)} documents (${percent(one.documents, one.total)} %)` : " documents"}${one.per_second ? `, ${count(one.per_second)}/s` : ""}${one.remaining_ms ? `, ${took(one.remaining_ms)} left` : ""}`),
  bar(one.total ? one.documents : undefined, one.total, `backfill ${visible(one.name)}`)));

const failureText = (failure) => failure.message
  || [failure.code_name, typeof failure.code === "number" ? `MongoDB code ${failure.code}` : failure.code].filter(Boolean).join(", ")
  || "its text is in the log of the process";

const copyable = (text) => make("pre", { class: "text", tabIndex: 0 }, text);
