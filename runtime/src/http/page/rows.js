// ---- rows: of a long list, only what is to be seen is in the document ----

/** Rows beyond the edges of the window that are there, too. */
const ROWS_BEYOND = 8;

class Rows {
  /**
   * `box` holds the rows. `create` makes an element for an item, `update` draws an item into it, `keyOf`
   * names an item for good, `also` is what a row shows that is not in its item, and `height` is that of a
   * row in pixels.
   */
  constructor(box, { create, update, keyOf: key, open, height, also }) {
    Object.assign(this, { box, create, update, key, open, height, also, items: [], active: null, places: new Map(), made: new Map() });
    box.addEventListener("keydown", (event) => this.pressed(event));
    box.addEventListener("focusin", (event) => {
      const row = event.target.closest("[data-row]");
      if (row) this.activate(row.key);
    });
    box.addEventListener("click", (event) => {
      const row = event.target.closest("[data-row]");
      // A click that ends the selection of a text opens nothing.
      if (!row || event.target.closest("a, button") || !getSelection().isCollapsed) return;
      this.openRow(row.key);
    });
    this.placed = 0;
    const place = () => { this.placed ||= requestAnimationFrame(() => { this.placed = 0; if (box.isConnected) this.place(); }); };
    document.addEventListener("scroll", place, { capture: true, passive: true });
    addEventListener("resize", place, { passive: true });
    this.later = place;
  }

  rowHeight() { return typeof this.height === "function" ? this.height() : this.height; }

  set(items) {
    this.items = items;
    this.places = new Map(items.map((item, at) => [this.key(item), at]));
    if (!this.places.has(this.active)) this.active = items.length ? this.key(items[0]) : null;
    this.place();
  }

  /** Puts the rows that are to be seen where they belong. */
  place() {
    const high = this.rowHeight();
    const total = `${this.items.length * high}px`;
    if (this.box.style.height !== total) this.box.style.height = total;
    const { top } = this.box.getBoundingClientRect();
    const first = Math.max(0, Math.floor(-top / high) - ROWS_BEYOND);
    const last = Math.min(this.items.length, Math.ceil((innerHeight - top) / high) + ROWS_BEYOND);
    const wanted = new Set();
    for (let at = first; at < last; at += 1) wanted.add(at);
    // The row with the focus stays, and so does the row that the Tab key leads to.
    const focused = document.activeElement?.closest?.("[data-row]");
    for (const kept of [focused && this.box.contains(focused) ? focused.key : null, this.active]) {
      const at = this.places.get(kept);
      if (at !== undefined) wanted.add(at);
    }
    const keys = new Set([...wanted].map((at) => this.key(this.items[at])));
    for (const [key, row] of this.made) {
      if (!keys.has(key)) { row.remove(); this.made.delete(key); }
    }
    let after = null;
    for (const at of [...wanted].sort((a, b) => a - b)) {
      const item = this.items[at];
      const key = this.key(item);
      let row = this.made.get(key);
      if (!row) {
        row = this.create(item);
        row.key = key;
        row.dataset.row = "yes";
        this.made.set(key, row);
      }
      const shift = `${at * high}px`;
      if (row.style.top !== shift) row.style.top = shift;
      row.setAttribute("aria-rowindex", at + 2);
      row.tabIndex = key === this.active ? 0 : -1;
      part(row, this.also ? [item, this.also(item)] : item, () => this.update(item, row));
      // In the order of the list, for those who read the document.
      const next = after ? after.nextSibling : this.box.firstChild;
      if (next !== row) this.box.insertBefore(row, next);
      after = row;
    }
  }

  activate(key) {
    if (this.active === key) return;
    const before = this.made.get(this.active);
    if (before) before.tabIndex = -1;
    this.active = key;
    const row = this.made.get(key);
    if (row) row.tabIndex = 0;
  }

  /** Moves the focus to a row, wherever it is. */
  focusKey(key) {
    const at = this.places.get(key);
    if (at === undefined) return;
    this.activate(key);
    this.place();
    const row = this.made.get(key);
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }
  focusAt(at) { if (this.items.length) this.focusKey(this.key(this.items[Math.max(0, Math.min(this.items.length - 1, at))])); }

  openRow(key) {
    this.activate(key);
    openedFrom = this.made.get(key);
    const at = this.places.get(key);
    if (at !== undefined) this.open?.(this.items[at]);
  }

  pressed(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || !event.target.closest("[data-row]")) return;
    const at = this.places.get(this.active) ?? 0;
    const page = Math.max(1, Math.floor(innerHeight / this.rowHeight()) - 4);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: this.items.length - 1, PageDown: at + page, PageUp: at - page }[event.key];
    if (to !== undefined) { event.preventDefault(); this.focusAt(to); }
    else if ((event.key === "Enter" || event.key === " ") && event.target.dataset.row) { event.preventDefault(); this.openRow(this.active); }
  }
}
