// ---- dialogs: a fixed head and foot, and a middle that scrolls from its top ----

let closeDialog = null;

/**
 * Opens the dialog, and returns what its foot's buttons return. `build` fills the middle; `buttons` are
 * `{ text, value, kind, id, disabled }`. If `confirm` is set, the user has to type that text first.
 */
function ask({ title, middle, buttons, closing = "Cancel", wide = false }) {
  closeDialog?.();
  const dialog = byId("dialog");
  say(byId("dialog-title"), title);
  fill(byId("dialog-body"), middle);
  dialog.classList.toggle("wide", wide);
  return new Promise((done) => {
    let isOpen = true;
    const end = (value) => {
      if (!isOpen) return;
      isOpen = false;
      closeDialog = null;
      if (dialog.open) dialog.close();
      done(value);
    };
    const no = make("button", { type: "button", id: "dialog-no" }, closing);
    no.addEventListener("click", () => end(null));
    fill(byId("dialog-foot"), no, buttons.map(({ text, value, kind, id }) => {
      const made = make("button", { type: "button", id, class: kind }, text);
      made.addEventListener("click", () => end(value));
      return made;
    }));
    // The event of a dialog that has made room for this one comes when this one is open.
    dialog.onclose = () => { if (!dialog.open) end(null); };
    closeDialog = () => end(null);
    dialog.showModal();
    byId("dialog-body").scrollTop = 0;
    no.focus({ preventScroll: true });
  });
}
/** A link leads out of the dialog. */
byId("dialog").addEventListener("click", (event) => { if (event.target.closest("a")) closeDialog?.(); });
const tell = (title, middle) => ask({ title, middle, buttons: [], closing: "Close" });

/** A field with its label and a hint. */
function field(id, text, input, hint) {
  input.id = id;
  if (hint) input.setAttribute("aria-describedby", `${id}-hint`);
  return make("div", { class: "field" }, make("label", { htmlFor: id }, text), input, hint ? make("p", { class: "hint", id: `${id}-hint` }, hint) : null);
}
const textInput = (properties = {}) => make("input", { type: "text", autocomplete: "off", spellcheck: false, ...properties });
const whyField = () => field("why", "Why", textInput({ maxLength: 120 }), "Optional; for those who read the history.");

/** A field in which the user types the database's name; until then, the button is disabled. */
function nameCheck(reason, enable) {
  const { database } = store.status;
  const input = textInput({ dir: "auto" });
  input.addEventListener("input", () => enable(input.value.trim() === database));
  return make("div", { class: "check-name" }, make("p", {}, icon("alert"), " ", reason),
    field("confirm-name", ["Type the database's name, ", make("strong", {}, make("bdi", {}, database)), ", to go on"], input));
}
