// What a collage is made of: files, icons, words, things cut out of photographs.

import { html, Icon } from "../parts/html.js";
import { NumberField, Problem, TextField } from "../parts/fields.js";
import { useRef, useState } from "../vendor/hooks.mjs";
import { ask } from "../live.js";
import { freePlace } from "../edit.js";
import { addFiles, refused, uploads } from "../open.js";
import { IconPicker } from "./icons.js";
import { JobCard, jobOf, working } from "./job.js";

function Files() {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const folder = useRef(/** @type {HTMLInputElement | null} */ (null));
  const cut = useRef(/** @type {HTMLInputElement | null} */ (null));
  const [busy, setBusy] = useState(false);
  const take = async (/** @type {any} */ event) => {
    const files = [...event.currentTarget.files].filter((file) => !file.name.startsWith("."));
    event.currentTarget.value = "";
    setBusy(true);
    await addFiles(files);
    setBusy(false);
  };
  const cutOut = async (/** @type {any} */ event) => {
    const files = [...event.currentTarget.files];
    event.currentTarget.value = "";
    setBusy(true);
    const found = await uploads(files);
    if (found.length) await ask({ kind: "job", verb: "cutout", options: { uploads: found.map((one) => one.id) } }, "cutout");
    setBusy(false);
  };
  return html`<section class="block" aria-label="Files">
    <div class="row">
      <button type="button" class="button" disabled=${busy} onClick=${() => input.current?.click()}><${Icon} name="image-plus" />Pictures</button>
      <button type="button" class="button" disabled=${busy} onClick=${() => folder.current?.click()}><${Icon} name="folder-open" />A folder</button>
    </div>
    <button type="button" class="button wide" disabled=${busy} onClick=${() => cut.current?.click()}><${Icon} name="scissors" />Cut out of a photograph</button>
    <input ref=${input} class="unseen" type="file" multiple accept="image/*,.svg,.heic,.avif" tabindex="-1" aria-label="Pictures to add" onChange=${take} />
    <input ref=${folder} class="unseen" type="file" webkitdirectory tabindex="-1" aria-label="Folder of pictures to add" onChange=${take} />
    <input ref=${cut} class="unseen" type="file" multiple accept="image/*,.heic,.avif" tabindex="-1" aria-label="Photographs to cut out of" onChange=${cutOut} />
    <p class="note">${busy ? "Sending …" : "Or drop them anywhere on the canvas. PNG, JPEG, WebP, AVIF, TIFF, GIF, SVG."}</p>
    <${Problem} about="add" />
    <${Problem} about="cutout" />
    ${refused.value.map((one) => html`<p class="problem" role="alert"><${Icon} name="triangle-alert" size=${15} /><span><b>${one.name}</b>: ${one.message}</span></p>`)}
    ${jobOf("cutout") ? html`<${JobCard} job=${jobOf("cutout")} />` : null}
  </section>`;
}

function Icons() {
  const [count, setCount] = useState(1);
  const add = (/** @type {string} */ name, /** @type {string} */ color) => ask({ kind: "add", elements: Array.from({ length: count }, () => ({ icon: name, name, color, ...(count === 1 ? freePlace() : {}) })) }, "icon");
  return html`<section class="block" aria-labelledby="icons-title">
    <h3 id="icons-title">Icons</h3>
    <${IconPicker} id="icon" does="Add" onPick=${add}><${NumberField} label="Each" value=${count} min=${1} max=${500} digits=${0} onValue=${setCount} /><//>
  </section>`;
}

function Words() {
  const [text, setText] = useState("");
  const [colour, setColour] = useState("#2f6b35");
  const cloud = jobOf("words");
  const add = async () => {
    if (await ask({ kind: "add", text, color: colour }, "words")) setText("");
  };
  return html`<section class="block" aria-labelledby="words-title">
    <h3 id="words-title">Words</h3>
    <${TextField} label="Each line becomes a piece" lines=${3} value=${text} live onValue=${setText} placeholder=${"sun\nsea\nsand"} />
    <div class="line between">
      <span class="line"><label class="note" for="word-colour">Colour</label><input id="word-colour" type="color" value=${colour} onInput=${(/** @type {any} */ event) => setColour(event.currentTarget.value)} /></span>
      <button type="button" class="button" disabled=${!text.trim()} onClick=${add}><${Icon} name="type" />Add words</button>
    </div>
    <button type="button" class="button wide" disabled=${!text.trim() || working(cloud)} onClick=${() => ask({ kind: "job", verb: "words", options: { text, language: "none" } }, "words")}><${Icon} name="cloud" />Make a word cloud</button>
    <${Problem} about="words" />
    ${cloud ? html`<${JobCard} job=${cloud} choose="Take" />` : null}
  </section>`;
}

export function Add() {
  return html`<div class="panel-body"><${Files} /><${Icons} /><${Words} /></div>`;
}
