// The list of keys.

import { html } from "../parts/html.js";
import { IconButton } from "../parts/fields.js";
import { useEffect, useRef } from "../vendor/hooks.mjs";
import { helping, KEYS } from "../keys.js";

/** @type {Record<string, string>} */
const WRITTEN = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", PageDown: "Page ↓", PageUp: "Page ↑" };

/** @param {string} keys */
const written = (keys) => keys.split(/(?<=.)\+/).map((key) => WRITTEN[key] ?? key);

export function Help() {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const open = helping.value;
  useEffect(() => {
    if (open && !dialog.current?.open) dialog.current?.showModal();
    if (!open) dialog.current?.close();
  }, [open]);
  return html`<dialog ref=${dialog} aria-labelledby="keys-title" onClose=${() => (helping.value = false)} onClick=${(/** @type {any} */ event) => event.target === dialog.current && (helping.value = false)}>
    <div class="dialog-head"><h2 id="keys-title">Keyboard shortcuts</h2><${IconButton} name="x" label="Close" onClick=${() => (helping.value = false)} /></div>
    <div class="dialog-body keys">
      ${KEYS.map(
        (group) => html`<h3>${group.title}</h3>
          ${group.keys.map(
            (key) => html`<div>
              <span>${key.says}</span>
              <span>${key.keys.map((keys, n) => html`${n ? " " : ""}${written(keys).map((one) => html`<kbd>${one}</kbd>`)}`)}</span>
            </div>`,
          )}`,
      )}
    </div>
  </dialog>`;
}
