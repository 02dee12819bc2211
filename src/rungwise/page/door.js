// Who is looking? Asks for a key when the server does, and keeps it for this tab.

import { keep, key } from "./asking.js";

/** `again` is called with a new key. */
export function makeDoor(again) {
  const dialog = document.getElementById("door");
  const field = document.getElementById("door-key");
  const why = document.getElementById("door-why");
  const button = document.getElementById("key");
  const show = (message) => {
    why.textContent = key() ? message : "";
    why.hidden = !why.textContent;
    button.hidden = false;
    if (!dialog.open) {
      field.value = "";
      dialog.showModal();
    }
    field.focus();
  };
  document.getElementById("door-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const given = field.value.trim();
    // what a header cannot carry is no key
    if (!/^[\x21-\x7e]+$/.test(given)) {
      why.textContent = "A key has no spaces and only plain characters.";
      why.hidden = false;
      return;
    }
    keep(given);
    field.value = "";
    dialog.close();
    again();
  });
  button.hidden = !key();
  button.addEventListener("click", () => show(""));
  return show;
}
