// Mosaics: a picture rebuilt from tiles, seen anew while options change; tiles that are pinned, left out, drawn anew.

import { html, Icon } from "../parts/html.js";
import { Check, Choice, NumberField, Problem, TextField } from "../parts/fields.js";
import { effect, signal } from "../vendor/signals.mjs";
import { useRef, useState } from "../vendor/hooks.mjs";
import * as state from "../state.js";
import { ask } from "../live.js";
import { documentUrl } from "../http.js";
import { shown, uploads } from "../open.js";
import { panel } from "../place.js";
import { Options, useSchema, within } from "./options.js";
import { JobCard, jobOf, resultUrl, working } from "./job.js";
import { DeepZoom, deep } from "./deepzoom.js";

/** @typedef {{id: string, name: string}} Reference an upload, or the example that ships */

const reference = signal(/** @type {Reference | null} */ (null));
/** Where tiles come from: uploads of the person's, a folder beside the documents, or the example. */
const tiles = signal(/** @type {{uploads?: string[], folder?: string, example?: boolean} | null} */ (null));
const how = signal(/** @type {Record<string, unknown>} */ ({}));
const live = signal(true);
const kind = signal(/** @type {"photographs" | "generated"} */ ("photographs"));
const prompts = signal("");
const drawing = signal(/** @type {Record<string, unknown>} */ ({}));
const cells = signal(/** @type {number} */ (64));
const seed = signal(0);
const FIRST = ["count", "cells", "max_uses", "tone", "adaptive", "unique", "flips"];
const TOLD = ["pin", "exclude"];

/** What a job was asked for, taken into the form: as for the example, and in another tab. */
let taken = "";
effect(() => {
  const job = jobOf("mosaic");
  const asked = /** @type {any} */ (job?.options);
  if (!job || !asked?.reference || taken === job.id || reference.peek()) return;
  taken = job.id;
  reference.value = { id: asked.reference, name: asked.reference === "example" ? "the astronaut" : "the picture" };
  tiles.value = asked.tiles;
  how.value = asked.how ?? {};
  asking = key();
});

const key = () => JSON.stringify([reference.value?.id, tiles.value, how.value, seed.value]);
let asking = "";
let waiting = 0;

effect(() => {
  // The assignment is made anew when something it depends on has changed; one that is under way for what was is ended.
  const now = key();
  const job = jobOf("mosaic");
  if (!live.value || kind.value !== "photographs" || !reference.value || !tiles.value || now === asking) return;
  if (state.connection.value !== "open" || panel.value !== "mosaic") return;
  clearTimeout(waiting);
  if (job && working(job)) {
    ask({ kind: "cancel", job: job.id }, "mosaic");
    return;
  }
  waiting = window.setTimeout(match, 300);
});

function match() {
  asking = key();
  return ask({ kind: "job", verb: "mosaic", options: { reference: reference.value?.id, tiles: tiles.value, seed: seed.value, how: how.value } }, "mosaic");
}

/** @param {number[]} [again] cells to draw anew */
function draw(again = []) {
  const options = {
    ...(reference.value ? { reference: reference.value.id } : {}),
    prompts: prompts.value.split("\n").map((line) => line.trim()).filter(Boolean),
    seed: seed.value,
    cells: { count: cells.value },
    how: drawing.value,
    ...(again.length ? { again } : {}),
  };
  return ask({ kind: "job", verb: "generate", options }, "mosaic");
}

/** @param {Reference} one */
const originalUrl = (one) =>
  one.id === "example" ? new URL("../examples/original.webp", import.meta.url).href : documentUrl(shown.value, `uploads/${one.id}`);

function Sources() {
  const picture = useRef(/** @type {HTMLInputElement | null} */ (null));
  const folder = useRef(/** @type {HTMLInputElement | null} */ (null));
  const [sending, setSending] = useState("");
  const takeTiles = async (/** @type {any} */ event) => {
    const files = [...event.currentTarget.files].filter((file) => /^image\//.test(file.type) || /\.(heic|avif|tiff?)$/i.test(file.name));
    event.currentTarget.value = "";
    setSending(`Sending ${files.length} pictures …`);
    const more = (await uploads(files)).map((one) => one.id);
    tiles.value = { uploads: [...(tiles.value?.uploads ?? []), ...more] };
    setSending("");
  };
  const many = tiles.value?.uploads?.length ?? 0;
  return html`<section class="block" aria-labelledby="sources-title">
    <h3 id="sources-title">${kind.value === "photographs" ? "Picture and tiles" : "Picture"}</h3>
    <div class="source">
      ${reference.value ? html`<img src=${originalUrl(reference.value)} alt="The picture to rebuild" />` : html`<span class="blank"><${Icon} name="image" size=${26} /></span>`}
      <div class="block">
        <p class="note">${reference.value?.name ?? "A portrait, a logo, a landscape."}</p>
        <button type="button" class="button small" onClick=${() => picture.current?.click()}><${Icon} name="upload" size=${15} />${reference.value ? "Another picture" : "Picture to rebuild"}</button>
      </div>
    </div>
    ${kind.value === "photographs"
      ? html`<div class="line between">
            <button type="button" class="button small" onClick=${() => folder.current?.click()}><${Icon} name="folder-open" size=${15} />Folder of tiles</button>
            <span class="note">${sending || (many ? `${many} tiles` : tiles.value?.example ? "photographs that ship" : tiles.value?.folder ? tiles.value.folder : "none yet")}</span>
            ${tiles.value ? html`<button type="button" class="button small" onClick=${() => (tiles.value = null)}>Forget</button>` : null}
          </div>
          <${TextField} label="Or a folder on the server" value=${tiles.value?.folder ?? ""} placeholder="holidays/" hint="Within the folder that the studio was opened on; nothing is sent." onValue=${(/** @type {string} */ name) => (tiles.value = name.trim() ? { folder: name.trim() } : null)} />`
      : null}
    <input ref=${picture} type="file" class="unseen" tabindex="-1" aria-label="Picture to rebuild" accept="image/*" onChange=${async (/** @type {any} */ event) => {
      const [one] = await uploads([...event.currentTarget.files]);
      if (one) reference.value = one;
    }} />
    <input ref=${folder} type="file" class="unseen" tabindex="-1" webkitdirectory multiple aria-label="Pictures to be tiles" onChange=${takeTiles} />
    <${Problem} about="add" />
  </section>`;
}

function Tile() {
  const [one, ...more] = state.chosen();
  const tool = state.canvas.value?.made_by?.tool;
  if (!one || more.length || (tool !== "mosaic" && tool !== "generate")) return null;
  const cell = state.stack.layers.indexOf(one);
  const told = (/** @type {string} */ name, /** @type {string} */ value) => {
    const old = /** @type {string[]} */ (how.value[name] ?? []);
    how.value = { ...how.value, [name]: old.includes(value) ? old.filter((other) => other !== value) : [...old, value] };
    if (!live.value) match();
  };
  const pins = /** @type {string[]} */ (how.value["pin"] ?? []);
  return html`<section class="block" aria-labelledby="tile-title">
    <h3 id="tile-title">The tile that is chosen</h3>
    <p class="note">${one.name}, cell ${cell}</p>
    ${kind.value === "photographs"
      ? html`<div class="row">
          <button type="button" class="button small" aria-pressed=${String(pins.includes(`${cell}=${one.name}`))} onClick=${() => told("pin", `${cell}=${one.name}`)}><${Icon} name="pin" size=${15} />${pins.includes(`${cell}=${one.name}`) ? "Release" : "Keep here"}</button>
          <button type="button" class="button small" onClick=${() => told("exclude", one.name)}><${Icon} name="ban" size=${15} />Leave it out</button>
        </div>`
      : html`<button type="button" class="button small wide" disabled=${working(jobOf("generate"))} onClick=${() => draw([cell])}><${Icon} name="refresh-cw" size=${15} />Draw this tile anew</button>`}
  </section>`;
}

function Told() {
  const pins = /** @type {string[]} */ (how.value["pin"] ?? []);
  const out = /** @type {string[]} */ (how.value["exclude"] ?? []);
  if (!pins.length && !out.length) return null;
  const drop = (/** @type {string} */ name, /** @type {string} */ value) =>
    (how.value = { ...how.value, [name]: /** @type {string[]} */ (how.value[name]).filter((one) => one !== value) });
  return html`<div class="told">
    ${pins.map((pin) => html`<button type="button" class="chip" aria-label=${`Release ${pin}`} onClick=${() => drop("pin", pin)}><${Icon} name="pin" size=${13} />${pin.replace("=", ": ")} <${Icon} name="x" size=${13} /></button>`)}
    ${out.map((name) => html`<button type="button" class="chip" aria-label=${`Use ${name} again`} onClick=${() => drop("exclude", name)}><${Icon} name="ban" size=${13} />${name} <${Icon} name="x" size=${13} /></button>`)}
  </div>`;
}

/** What a job has made, over the canvas, until it is taken. */
export function Preview() {
  const job = jobOf(kind.value === "photographs" ? "mosaic" : "generate");
  const [left, setLeft] = useState("");
  const result = job?.results.at(-1);
  if (panel.value !== "mosaic" || !job || !result || job.chosen !== null || left === job.id) return null;
  return html`<figure class="preview-over">
    <img src=${resultUrl(result.image)} alt="Preview of the mosaic" />
    <figcaption class="float still">
      <span class="note pad">${working(job) ? "Matching …" : "A preview"}</span>
      <button type="button" class="button small primary" onClick=${() => ask({ kind: "choose", job: job.id, index: result.index }, "mosaic")}><${Icon} name="check" size=${15} />Take it</button>
      <button type="button" class="button small" onClick=${() => setLeft(job.id)}>Not this</button>
    </figcaption>
  </figure>`;
}

export function Mosaic() {
  state.structure.value;
  state.selection.value;
  const schema = within(useSchema("mosaic"), "how");
  const drawn = within(useSchema("generate"), "how");
  const photographs = kind.value === "photographs";
  const job = jobOf(photographs ? "mosaic" : "generate");
  const busy = working(job);
  const can = photographs ? Boolean(reference.value && tiles.value) : Boolean(reference.value && prompts.value.trim());
  const set = (/** @type {Record<string, unknown>} */ next) => (how.value = next);
  return html`<div class="panel-body">
    <${Choice} label="Tiles" value=${kind.value} options=${[
      { value: "photographs", label: "Of pictures", icon: "images" },
      { value: "generated", label: "Drawn", icon: "sparkles" },
    ]} onValue=${(/** @type {any} */ value) => (kind.value = value)} />
    <${Sources} />
    ${photographs
      ? html`<${Options} schema=${schema} values=${how.value} onValues=${set} only=${FIRST} />
          <${Check} label="Preview while options change" value=${live.value} onValue=${(/** @type {boolean} */ on) => (live.value = on)} />
          <${Told} />`
      : html`<${TextField} label="What the tiles show, one a line" lines=${3} live value=${prompts.value} placeholder=${"a star\na red apple"} onValue=${(/** @type {string} */ text) => (prompts.value = text)} hint="The small model that ships knows simple things: stars, hearts, apples, cars, in colours." />
          <${NumberField} label="Cells" value=${cells.value} min=${1} max=${4096} digits=${0} onValue=${(/** @type {number} */ value) => (cells.value = Math.round(value))} />`}
    <${NumberField} label="Seed" value=${seed.value} min=${0} digits=${0} onValue=${(/** @type {number} */ value) => (seed.value = Math.round(value))} />
    ${busy ? null : html`<button type="button" class="button primary wide" disabled=${!can} onClick=${() => (photographs ? match() : draw())}><${Icon} name="grid-3x3" size=${17} />${photographs ? "Match tiles" : "Draw tiles"}</button>`}
    ${can ? null : html`<p class="note">${photographs ? "Choose a picture and tiles first." : "Choose a picture, and say what the tiles show."}</p>`}
    <${Problem} about="mosaic" />
    ${job ? html`<${JobCard} job=${job} gallery=${false} />` : null}
    <${Tile} />
    ${state.stack.layers.length ? html`<button type="button" class="button wide" onClick=${() => (deep.value = true)}><${Icon} name="zoom-in" size=${16} />Deep zoom</button>` : null}
    <${DeepZoom} original=${reference.value ? originalUrl(reference.value) : ""} />
    <details class="more"><summary>All options</summary><div>
      ${photographs
        ? html`<${Options} schema=${schema} values=${how.value} onValues=${set} but=${[...FIRST, ...TOLD]} />`
        : html`<${Options} schema=${drawn} values=${drawing.value} onValues=${(/** @type {Record<string, unknown>} */ next) => (drawing.value = next)} />`}
    </div></details>
  </div>`;
}
