// ---- requests: each carries the token; answers that have not changed are not sent again ----

/** The path of this page, so that the page works wherever the router is mounted. */
const base = location.pathname.replace(/\/+$/, "");

/** Whether the app signs its users in (usually by cookies); otherwise this page does, by a token. */
const byApp = document.documentElement.dataset.signIn === "app";

/** A request that was answered with a problem. */
class Refused extends Error {
  constructor(problem, status) {
    super(problem.detail || problem.title || `The server answered with status ${status}.`);
    this.problem = problem;
    this.status = status;
  }
}

/** The answer came for a user who has signed out. */
class SignedOut extends Error {}

/** The last answer of each path that is read again and again. */
const remembered = new Map();
const REMEMBERED_MAX = 40;
/** A longer answer is not remembered, in characters: it is not worth the memory. */
const REMEMBERED_LENGTH = 400_000;

async function send(path, options = {}) {
  const { session } = store;
  let response;
  try {
    const identity = byApp ? {} : { authorization: `Bearer ${store.token}` };
    response = await fetch(`${base}/${path}`, {
      cache: "no-store", credentials: byApp ? "same-origin" : "omit", ...options, headers: { ...identity, ...options.headers },
    });
  } catch (error) {
    if (session !== store.session || options.signal?.aborted) throw new SignedOut("signed out");
    throw new Error("The server does not answer.", { cause: error });
  }
  if (session !== store.session) throw new SignedOut("signed out");
  const scope = response.headers.get("mongrate-scope");
  if (scope) { store.scope = scope; store.name = response.headers.get("mongrate-token"); }
  return response;
}

async function body(response) {
  return bodyOf(response, await response.text());
}
function bodyOf(response, text) {
  let found = {};
  try { found = parse(text); } catch { /* the answer is a proxy's, and no JSON */ }
  if (!response.ok) throw new Refused(found, response.status);
  return found;
}

/** Reads a path. */
async function read(path) {
  const before = remembered.get(path);
  const response = await send(path, before ? { headers: { "if-none-match": before.etag } } : {});
  if (response.status === 304) return before.answer;
  const text = await response.text();
  const answer = bodyOf(response, text);
  const etag = response.headers.get("etag");
  remembered.delete(path);
  if (etag && text.length < REMEMBERED_LENGTH) remembered.set(path, { etag, answer });
  if (remembered.size > REMEMBERED_MAX) remembered.delete(remembered.keys().next().value);
  return answer;
}

/** Reads a path that older servers do not have: then `undefined`. */
async function readIfThere(path) {
  try { return await read(path); } catch (error) {
    if (error.status === 404) return undefined;
    throw error;
  }
}

async function post(path, fields) {
  return body(await send(path, { method: "POST", headers: { "content-type": "application/json" }, body: write(fields) }));
}

// ---- what went wrong ----
const holderText = ({ holder, fence, remaining_ms: left }) => !holder || typeof holder === "string" ? ""
  : `${who(holder)} holds the lock${holder.fence ?? fence ? ` (fence ${holder.fence ?? fence})` : ""}${holder.remaining_ms ?? left ? `; its lease runs for another ${Math.ceil((holder.remaining_ms ?? left) / 1000)} s unless it is renewed` : ""}.`;

/** What to do next in this page, where it has a button for what the server's text says in endpoints. */
const nextHere = {
  lock_held: "Wait until that run ends. If its process is dead, use “Release the lock…”.",
  paused: "Use “Resume”, then try again.",
  out_of_order: "Give these migrations a newer version, or tick “Include pending migrations that are older than the newest applied one”.",
  tag_taken: "Choose another name, or use “Move it here…” in the list below.",
  no_run: "The run has ended; nothing has to be done.",
  irreversible: "Choose a target above these migrations, or write rollbacks for them.",
  unauthenticated: byApp ? "" : "Check the token: all of it, without blanks. Whoever runs this server knows it.",
  not_found: "",
  fence_mismatch: "Another run has begun since; look at it, and try again.",
};

/** The text of a problem, and what to do next. */
function problemParts(problem) {
  const next = nextHere[problem.code] ?? problem.next;
  const holder = holderText(problem);
  const text = problem.detail ?? "";
  return [
    make("p", { class: "problem-text" }, problem.title ? make("strong", {}, `${problem.title}: `) : null, text),
    holder ? make("p", {}, holder) : null,
    next ? make("p", { class: "next" }, make("strong", {}, "Next: "), next) : null,
  ];
}

function alarm(error) {
  const box = byId("alert");
  delete box.dataset.poll;
  show(box, Boolean(error));
  if (!error) { fill(box); return; }
  const close = make("button", { type: "button", class: "quiet", "aria-label": "Dismiss this message" }, icon("cross"));
  close.addEventListener("click", () => alarm(null));
  fill(box, icon("alert"), make("div", { class: "alert-text" }, error.problem?.detail ? problemParts(error.problem) : make("p", {}, error.message || String(error))), close);
}

/** Says that the page goes on trying; said no more as soon as the server answers. */
function alarmUntilAnswered(error) {
  if (!byId("alert").hidden && !byId("alert").dataset.poll) return;
  alarm(error.problem?.detail ? error : new Error(`${error.message} What is shown is as it was; this page tries again.`));
  byId("alert").dataset.poll = "yes";
}
const answered = () => { if (byId("alert").dataset.poll) alarm(null); };

/** A listener that shows what goes wrong. */
const attempt = (work) => async (event) => {
  event?.preventDefault?.();
  try { alarm(null); await work(event); } catch (error) {
    if (error instanceof SignedOut) return;
    if (error.status === 401) signOut();
    alarm(error);
  }
};
