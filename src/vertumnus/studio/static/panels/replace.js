// Another picture for the piece that is chosen: a file, or an icon. It stays where it is, and about as large.

import { html, Icon } from "../parts/html.js";
import { Problem } from "../parts/fields.js";
import { useEffect, useRef, useState } from "../vendor/hooks.mjs";
import * as state from "../state.js";
import * as edit from "../edit.js";
import { refused, uploads } from "../open.js";
import { IconPicker } from "./icons.js";

/** @param {{layer: import('../types').Layer}} props */
export function Replace({ layer }) {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const section = useRef(/** @type {HTMLElement | null} */ (null));
  const [busy, setBusy] = useState(false);
  state.structure.value;
  useEffect(() => section.current?.querySelector("button")?.focus(), []);
  const take = async (/** @type {any} */ event) => {
    const files = [...event.currentTarget.files];
    event.currentTarget.value = "";
    setBusy(true);
    const [one] = await uploads(files);
    if (one) await edit.replace(layer, { upload: one.id, name: one.name });
    setBusy(false);
  };
  return html`<section class="block replace" ref=${section} aria-labelledby="replace-title">
    <h3 id="replace-title">Another picture for ${layer.name}</h3>
    <button type="button" class="button wide" disabled=${busy} onClick=${() => input.current?.click()}><${Icon} name="upload" size=${16} />${busy ? "Sending …" : "From a file"}</button>
    <input ref=${input} class="unseen" type="file" accept="image/*,.svg,.heic,.avif" tabindex="-1" aria-label="Picture to put in its place" onChange=${take} />
    ${refused.value.map((one) => html`<p class="problem" role="alert"><${Icon} name="triangle-alert" size=${15} /><span><b>${one.name}</b>: ${one.message}</span></p>`)}
    <${IconPicker} id="replace" does="Replace by" most=${18} onPick=${(/** @type {string} */ name, /** @type {string} */ color) => edit.replace(layer, { icon: name, name, color })} />
    <${Problem} about="replace-piece" />
  </section>`;
}
