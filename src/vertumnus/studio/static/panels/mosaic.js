// Mosaics: a picture rebuilt from tiles.

import { html, Icon } from "../parts/html.js";
import { Check, Problem } from "../parts/fields.js";
import { effect, signal } from "../vendor/signals.mjs";
import { useEffect, useRef, useState } from "../vendor/hooks.mjs";
import * as state from "../state.js";
import * as edit from "../edit.js";
import { ask } from "../live.js";
import { documentUrl } from "../http.js";
import { shown, uploads } from "../open.js";
import { Options, useSchema } from "./options.js";
import { JobCard, jobOf, resultUrl, working } from "./job.js";
import { DeepZoom, deep } from "./deepzoom.js";

/** @typedef {import('../types').Upload} Upload */

const reference = signal(/** @type {Upload | null} */ (null));
const tiles = signal(/** @type {Upload[]} */ ([]));
const values = signal(/** @type {Record<string, unknown>} */ ({}));
const live = signal(true);
const excluding = signal(false);
const BASIC = ["count", "grid", "max_uses", "spread", "tone", "cells", "shape", "adaptive", "metric", "feature"];
const OWN = ["like", "reference", "tiles", "folder", "preview", "exclude", "pin", "pins", "generate", "prompt"];

export { reference };

function Sources() {
  const picture = useRef(/** @type {HTMLInputElement | null} */ (null));
  const folder = useRef(/** @type {HTMLInputElement | null} */ (null));
  const [sending, setSending] = useState("");
  const id = shown.value;
  const takeTiles = async (/** @type {any} */ event) => {
    const files = [...event.currentTarget.files].filter((file) => /^image\//.test(file.type) || /\.(heic|avif|tiff?)$/i.test(file.name));
    event.currentTarget.value = "";
    setSending(`Sending ${files.length} pictures …`);
    tiles.value = [...tiles.value, ...(await uploads(files))];
    setSending("");
  };
  return html`<section class="block" aria-labelledby="sources-title">
    <h3 id="sources-title">Picture and tiles</h3>
    <div class="source">
      ${reference.value ? html`<img src=${documentUrl(id, `uploads/${reference.value.id}`)} alt="The picture to rebuild" />` : html`<span class="blank"><${Icon} name="image" size=${26} /></span>`}
      <div>
        <button type="button" class="button small" onClick=${() => picture.current?.click()}><${Icon} name="upload" size=${15} />${reference.value ? "Another picture" : "Picture to rebuild"}</button>
        <p class="note">${reference.value ? `${reference.value.name}, ${reference.value.width} × ${reference.value.height}` : "A portrait, a logo, a landscape."}</p>
      </div>
    </div>
    <div class="line between">
      <button type="button" class="button small" onClick=${() => folder.current?.click()}><${Icon} name="folder-open" size=${15} />Folder of tiles</button>
      <span class="note">${sending || (tiles.value.length ? `${tiles.value.length} tiles` : "none yet")}</span>
      ${tiles.value.length ? html`<button type="button" class="button small" onClick=${() => (tiles.value = [])}>Forget</button>` : null}
    </div>
    <input ref=${picture} type="file" class="unseen" tabindex="-1" aria-label="Picture to rebuild" accept="image/*" onChange=${async (/** @type {any} */ event) => {
      const [one] = await uploads([...event.currentTarget.files]);
      if (one) reference.value = one;
    }} />
    <input ref=${folder} type="file" class="unseen" tabindex="-1" webkitdirectory multiple aria-label="Folder of tiles" onChange=${takeTiles} />
    <${Problem} about="add" />
  </section>`;
}

/** @param {boolean} preview */
function begin(preview) {
  return ask(
    {
      kind: "job",
      verb: "mosaic",
      options: { ...values.value, reference: reference.value?.id, tiles: tiles.value.map((one) => one.id), ...(preview ? { preview: true } : {}) },
    },
    "mosaic",
  );
}

let waiting = 0;
let asked = "";

/** The assignment is made anew, small, whenever something it depends on has changed and nothing is under way. */
effect(() => {
  const key = JSON.stringify([reference.value?.id, tiles.value.length, values.value]);
  const job = jobOf("mosaic");
  if (!live.value || !reference.value || !tiles.value.length || key === asked || working(job) || state.connection.value !== "open") return;
  clearTimeout(waiting);
  waiting = window.setTimeout(() => {
    asked = key;
    begin(true);
  }, 350);
});

function Tile() {
  const chosen = state.chosen();
  const [one] = chosen;
  if (chosen.length !== 1 || !one || state.canvas.value?.made_by?.tool !== "mosaic") return null;
  return html`<section class="block" aria-labelledby="tile-title">
    <h3 id="tile-title">This tile</h3>
    <p class="note">${one.name}</p>
    <div class="row">
      <button type="button" class="button small" onClick=${() => edit.togglePin([one])}><${Icon} name="pin" size=${15} />${one.locked ? "Release" : "Pin here"}</button>
      <button type="button" class="button small" onClick=${() => exclude(one)}><${Icon} name="ban" size=${15} />Not this picture</button>
    </div>
    <button type="button" class="button small wide" onClick=${() => ask({ kind: "job", verb: "generate", options: { layer: one.id } }, "mosaic")}><${Icon} name="refresh-cw" size=${15} />Draw this one anew</button>
  </section>`;
}

/** @param {import('../types').Layer} layer */
function exclude(layer) {
  values.value = { ...values.value, exclude: [...new Set([.../** @type {string[]} */ (values.value["exclude"] ?? []), layer.image])] };
}

export function Mosaic() {
  state.structure.value;
  state.selection.value;
  const schema = useSchema("mosaic");
  const job = jobOf("mosaic");
  const generated = jobOf("generate");
  const busy = working(job);
  const can = Boolean(reference.value && tiles.value.length);
  useEffect(() => () => void (excluding.value = false), []);
  return html`<div class="panel-body">
    <${Sources} />
    <${Options} schema=${schema} values=${values.value} onValues=${(/** @type {Record<string, unknown>} */ next) => (values.value = next)} only=${BASIC} />
    <${Check} label="Preview while options change" value=${live.value} onValue=${(/** @type {boolean} */ on) => (live.value = on)} />
    ${job?.results[0] ? html`<figure class="preview"><img src=${resultUrl(job.results[0].image)} alt="Preview of the mosaic" /></figure>` : null}
    <button type="button" class="button primary wide" disabled=${!can || busy} onClick=${() => begin(false)}><${Icon} name="grid-3x3" size=${17} />Make the mosaic</button>
    ${can ? null : html`<p class="note">Choose a picture and a folder of tiles first.</p>`}
    <${Problem} about="mosaic" />
    ${job ? html`<${JobCard} job=${job} gallery=${false} />` : null}
    <${Tile} />
    ${generated ? html`<${JobCard} job=${generated} choose="Take" />` : null}
    ${state.stack.layers.length ? html`<button type="button" class="button wide" onClick=${() => (deep.value = true)}><${Icon} name="zoom-in" size=${16} />Deep zoom</button>` : null}
    <${DeepZoom} original=${reference.value ? documentUrl(shown.value, `uploads/${reference.value.id}`) : ""} />
    <details class="more"><summary>All options</summary><div><${Options} schema=${schema} values=${values.value} onValues=${(/** @type {Record<string, unknown>} */ next) => (values.value = next)} but=${[...BASIC, ...OWN]} /></div></details>
  </div>`;
}
