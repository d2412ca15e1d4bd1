// ---- the address: each view, each migration and each run has its own ----

const VIEWS = ["migrations", "runs", "timeline", "checks"];

/** What the address names: a view, and what is open in it. */
function route() {
  const [view, ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  let open = "";
  try { open = rest.map(decodeURIComponent).join("/"); } catch { /* the address is not ours */ }
  return VIEWS.includes(view) ? { view, open } : { view: "migrations", open: "" };
}
const address = (view, open) => `#/${view}${open ? `/${encodeURIComponent(open)}` : ""}`;
function goTo(view, open = "") {
  if (location.hash === address(view, open)) changed("route");
  else location.hash = address(view, open);
}

/** Where the focus was before the panel was opened, by the key of its row. */
let openedFrom = null;
function closePanel() {
  const { view, open } = route();
  if (!open) return;
  goTo(view);
  const from = openedFrom;
  openedFrom = null;
  requestAnimationFrame(() => {
    if (from?.isConnected) from.focus({ preventScroll: true });
    else if (view === "migrations") list.focusKey(open);
    else byId("main").focus({ preventScroll: true });
  });
}
addEventListener("hashchange", () => changed("route"));
