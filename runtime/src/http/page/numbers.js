// ---- numbers: versions and fences may be greater than the integers that JavaScript holds exactly ----
// Such integers are kept as their digits, and sent back as the same digits.

const number = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const greatNumber = /[:[,]\s*-?\d{16,}/;

/** JSON.parse that keeps the digits of great integers, as text. */
function parse(text) {
  if (!greatNumber.test(text)) return JSON.parse(text);
  return JSON.parse(text.replace(number, (part) => /^-?\d{16,}$/.test(part) ? `"${part}"` : part));
}

/** A number that is written with exactly these digits. */
class Exact {
  constructor(digits) { this.digits = String(digits); }
  toString() { return this.digits; }
}

/** The JSON of a request: an object of plain values and of `Exact` numbers. */
function write(value) {
  if (value instanceof Exact) return value.digits;
  if (Array.isArray(value)) return `[${value.map(write).join(",")}]`;
  if (value !== null && typeof value === "object") {
    return `{${Object.entries(value).map(([name, part]) => `${JSON.stringify(name)}:${write(part)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

/** Compares two versions, which may be numbers or digits. */
function byVersion(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  const [left, right] = [BigInt(a), BigInt(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

const count = (value) => Number(value).toLocaleString("en");
const plural = (value, one, many = `${one}s`) => `${count(value)} ${Number(value) === 1 ? one : many}`;
const percent = (done, total) => total > 0 ? Math.min(100, Math.floor(100 * done / total)) : undefined;

/** How long something took. */
function took(ms) {
  if (ms === undefined || ms === null) return "";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.floor(ms / 1000) % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** How long ago something was. */
function ago(at, now = Date.now()) {
  const seconds = Math.round((now - at) / 1000);
  const past = (value, unit) => seconds < 0 ? `in ${value} ${unit}` : `${value} ${unit} ago`;
  const size = Math.abs(seconds);
  if (size < 5) return "just now";
  if (size < 60) return past(size, "s");
  if (size < 3600) return past(Math.floor(size / 60), "min");
  if (size < 86_400) return past(Math.floor(size / 3600), "h");
  if (size < 86_400 * 60) return past(Math.floor(size / 86_400), size < 86_400 * 2 ? "day" : "days");
  if (size < 86_400 * 730) return past(Math.floor(size / (86_400 * 30.44)), "months");
  return past(Math.floor(size / (86_400 * 365.25)), "years");
}

const localTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const localZone = new Intl.DateTimeFormat(undefined, { timeZoneName: "short" })
  .formatToParts(new Date()).find((part) => part.type === "timeZoneName")?.value ?? "";

/** The exact time, in the user's zone. */
const exactly = (at) => `${localTime.format(at)} ${localZone}`;

/** The same in UTC. */
const inUtc = (at) => `${at.toISOString().replace("T", " ").replace(/\.\d+Z$/, "")} UTC`;
