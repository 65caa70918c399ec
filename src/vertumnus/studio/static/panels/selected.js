// What is chosen, in numbers; or the canvas, if nothing is.

import { html, Icon } from "../parts/html.js";
import { Check, IconButton, NumberField, Slider, TextField } from "../parts/fields.js";
import * as state from "../state.js";
import * as edit from "../edit.js";
import { ask } from "../live.js";
import { pictureUrl } from "../http.js";
import { upright } from "../geometry.js";
import { replacing } from "../place.js";
import { Replace } from "./replace.js";

/** @typedef {import('../types').Layer} Layer */

/**
 * What all of them have in common, or null.
 * @template T
 * @param {Layer[]} layers
 * @param {(layer: Layer) => T} field
 * @returns {T | null}
 */
function common(layers, field) {
  const [first, ...rest] = layers.map(field);
  return rest.every((one) => one === first) ? /** @type {T} */ (first) : null;
}

const HINTS = {
  squeeze: "Multiplies the height once more: below 1 flatter, above 1 taller.",
  shear: "Slants the piece sideways, in degrees, before it is turned.",
  pinned: "Left alone by every tool: a run flows around it, and it cannot be dragged by accident.",
  tint: "Each colour becomes gain × light + offset. Gains of 1 and offsets of 0 leave the picture as it is.",
  noise: "How far harmonising may change this piece: 0 keeps it to the pixel, 1 draws it anew.",
  control: "How firmly harmonising keeps this piece's edges.",
  attract: "How strongly the picture's attention to these words is drawn to where the piece lies.",
  repel: "How strongly these words are kept from showing anywhere else.",
  prompt: "What the piece shows. Harmonising uses it for this piece alone.",
  depth: "Which piece is nearer the eye, where the rendering is by opacity.",
};

/** @param {number} light */
const toSrgb = (light) => (light <= 0.0031308 ? light * 12.92 : 1.055 * Math.min(1, light) ** (1 / 2.4) - 0.055);
/** @param {number} value */
const toLinear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);

/** @param {Layer} layer */
function tintHex(layer) {
  const channel = (/** @type {number} */ gain) => {
    const value = layer.light === "linear" ? toSrgb(gain) : Math.min(1, gain);
    return Math.round(255 * value).toString(16).padStart(2, "0");
  };
  return `#${layer.gain.map(channel).join("")}`;
}

/** @param {{layers: Layer[]}} props */
function Tint({ layers }) {
  const [one] = layers;
  if (!one) return null;
  const set = (/** @type {"gain" | "offset"} */ field, /** @type {number} */ channel, /** @type {number} */ value) =>
    edit.change(
      layers,
      (layer) => ({ [field]: layer[field].map((old, n) => (n === channel ? value : old)) }),
      `Tint ${edit.naming(layers)}`,
    );
  const tinted = (/** @type {string} */ hex) => {
    const channels = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);
    edit.change(
      layers,
      (layer) => ({ gain: /** @type {[number, number, number]} */ (channels.map((v) => Number((layer.light === "linear" ? toLinear(v) : v).toFixed(4)))) }),
      `Tint ${edit.naming(layers)}`,
    );
  };
  const plain = layers.every((layer) => layer.gain.every((v) => v === 1) && layer.offset.every((v) => v === 0));
  return html`<details class="more">
    <summary>Tint${plain ? "" : " · on"}</summary>
    <div>
      <div class="line between">
        <span class="line"><label class="note" for="tint-colour">Multiply by</label><input id="tint-colour" type="color" value=${tintHex(one)} onChange=${(/** @type {any} */ event) => tinted(event.currentTarget.value)} /></span>
        <button type="button" class="button small" disabled=${plain} onClick=${() => edit.change(layers, () => ({ gain: [1, 1, 1], offset: [0, 0, 0] }), `Tint ${edit.naming(layers)}`)}>None</button>
      </div>
      ${/** @type {const} */ (["gain", "offset"]).map(
        (field) => html`<div class="row three">
          ${["red", "green", "blue"].map(
            (colour, n) => html`<${NumberField} key=${field + colour} label=${n ? colour : `${field[0]?.toUpperCase()}${field.slice(1)}: ${colour}`} value=${common(layers, (layer) => /** @type {number} */ (layer[field][n]))} step=${0.05} digits=${3}
              min=${field === "gain" ? 0 : -1} max=${field === "gain" ? 10 : 1} hint=${n === 2 && field === "gain" ? HINTS.tint : undefined} onValue=${(/** @type {number} */ value) => set(field, n, value)} />`,
          )}
        </div>`,
      )}
    </div>
  </details>`;
}

/** @param {{layers: Layer[]}} props */
function Steering({ layers }) {
  const number = (/** @type {"noise" | "control" | "attract" | "repel"} */ field, /** @type {string} */ label, /** @type {number} */ max) =>
    html`<${Slider} label=${label} value=${common(layers, (layer) => layer[field])} min=${0} max=${max} hint=${HINTS[field]} onValue=${(/** @type {number} */ value) => edit.change(layers, () => ({ [field]: value }), `${label} of ${edit.naming(layers)}`, true)} />`;
  return html`<details class="more">
    <summary>For harmonising</summary>
    <div>
      <${TextField} label="What it shows" value=${common(layers, (layer) => layer.prompt ?? "") ?? ""} hint=${HINTS.prompt} placeholder="a red apple" onValue=${(/** @type {string} */ prompt) => edit.change(layers, () => ({ prompt: prompt || null }), `Words of ${edit.naming(layers)}`, true)} />
      ${number("noise", "May change", 1)} ${number("control", "Keeps its edges", 1)} ${number("attract", "Attention drawn here", 2)} ${number("repel", "Attention kept from elsewhere", 2)}
    </div>
  </details>`;
}

/** @param {{layers: Layer[]}} props */
function Pieces({ layers }) {
  const [one] = layers;
  if (!one) return null;
  const single = layers.length === 1;
  const locked = layers.every((layer) => layer.locked);
  const field = (/** @type {"x" | "y" | "scale" | "rotation" | "squeeze" | "shear" | "opacity"} */ name) => common(layers, (layer) => layer[name]);
  const set = (/** @type {string} */ name, /** @type {string} */ label, /** @type {number} */ value) => edit.change(layers, () => ({ [name]: value }), `${label} ${edit.naming(layers)}`);
  return html`
    <div class="chosen">
      ${single
        ? html`<span class="start"><button type="button" class="portrait" aria-label="Replace the picture" aria-pressed=${String(replacing.value)} aria-keyshortcuts="R" data-tip="Replace the picture  R" onClick=${() => (replacing.value = !replacing.value)}>
              <img src=${pictureUrl(state.canvas.value?.id ?? "", one.image, 128)} alt="" /><span class="badge"><${Icon} name="image" size=${14} /></span>
            </button></span>
            <${TextField} label="Name" value=${one.name} onValue=${(/** @type {string} */ name) => name && edit.change(layers, () => ({ name }), `Rename ${one.name}`, true)} />`
        : html`<h3>${layers.length} layers chosen</h3>`}
    </div>
    <div class="line tight start own-row" role="toolbar" aria-label="What is chosen">
      <${IconButton} name="square-centerline-dashed-horizontal" label="Flip" keys="F" pressed=${single ? one.flip : undefined} disabled=${locked} onClick=${() => edit.flip(layers)} />
      <${IconButton} name=${locked ? "pin" : "pin-off"} label=${locked ? "Release" : "Pin"} keys="L" pressed=${locked} onClick=${() => edit.togglePin(layers)} />
      <${IconButton} name=${layers.every((layer) => layer.visible) ? "eye" : "eye-off"} label=${layers.every((layer) => layer.visible) ? "Hide" : "Show"} keys="H" onClick=${() => edit.toggleVisible(layers)} />
      <${IconButton} name="arrow-up-to-line" label="To the front" onClick=${() => edit.reorder(layers, "front")} />
      <${IconButton} name="arrow-down-to-line" label="To the back" onClick=${() => edit.reorder(layers, "back")} />
      <${IconButton} name="copy" label="Duplicate" keys="Control+D" onClick=${() => edit.duplicate(layers)} />
      <span class="end"><${IconButton} name="trash" label="Delete" keys="Delete" onClick=${() => edit.remove(layers)} /></span>
    </div>
    ${single && replacing.value ? html`<${Replace} layer=${one} />` : null}
    ${locked ? html`<p class="note line"><${Icon} name="pin" size=${14} /> Pinned: tools and hands leave it where it is.</p>` : null}
    <div class="row">
      <${NumberField} label="X" unit="px" value=${field("x")} disabled=${locked} onValue=${(/** @type {number} */ v) => set("x", "Move", v)} />
      <${NumberField} label="Y" unit="px" value=${field("y")} disabled=${locked} onValue=${(/** @type {number} */ v) => set("y", "Move", v)} />
      <${NumberField} label="Scale" unit="%" value=${common(layers, (layer) => layer.scale * 100)} min=${0.001} digits=${2} disabled=${locked} hint="Of the picture's own pixels." onValue=${(/** @type {number} */ v) => set("scale", "Scale", v / 100)} />
      <${NumberField} label="Turned" unit="°" value=${common(layers, (layer) => upright(layer.rotation))} disabled=${locked} onValue=${(/** @type {number} */ v) => set("rotation", "Turn", v)} />
      <${NumberField} label="Squeeze" value=${field("squeeze")} step=${0.05} min=${0.001} max=${1000} digits=${3} disabled=${locked} hint=${HINTS.squeeze} onValue=${(/** @type {number} */ v) => set("squeeze", "Squeeze", v)} />
      <${NumberField} label="Shear" unit="°" value=${field("shear")} min=${-89} max=${89} disabled=${locked} hint=${HINTS.shear} onValue=${(/** @type {number} */ v) => set("shear", "Shear", v)} />
    </div>
    <${Slider} label="Opacity" value=${field("opacity")} min=${0} max=${1} onValue=${(/** @type {number} */ v) => edit.change(layers, () => ({ opacity: v }), `Opacity of ${edit.naming(layers)}`)} />
    <div class="line tight start align" role="toolbar" aria-label="Line up">
      ${/** @type {const} */ ([
        ["left", "align-start-vertical", "Left edges"],
        ["centre", "align-center-vertical", "Middles across"],
        ["right", "align-end-vertical", "Right edges"],
        ["top", "align-start-horizontal", "Top edges"],
        ["middle", "align-center-horizontal", "Middles down"],
        ["bottom", "align-end-horizontal", "Bottom edges"],
      ]).map(([edge, icon, label]) => html`<${IconButton} name=${icon} label=${`Line up: ${label.toLowerCase()}`} disabled=${locked} onClick=${() => edit.align(layers, edge)} />`)}
    </div>
    <${Tint} layers=${layers} />
    <${Steering} layers=${layers} />
    ${state.canvas.value?.rendering === "opacity" ? html`<${Slider} label="Depth" value=${common(layers, (layer) => layer.depth)} min=${0} max=${1} hint=${HINTS.depth} onValue=${(/** @type {number} */ v) => edit.change(layers, () => ({ depth: v }), `Depth of ${edit.naming(layers)}`)} />` : null}
  `;
}

function Canvas() {
  const canvas = state.canvas.value;
  if (!canvas) return null;
  const set = (/** @type {Record<string, unknown>} */ changes) => ask({ kind: "canvas", ...changes }, "canvas");
  const hex = /^#[0-9a-f]{6}$/i.test(canvas.background ?? "") ? canvas.background : "#ffffff";
  return html`
    <div class="row">
      <${NumberField} label="Width" unit="px" value=${canvas.width} min=${1} digits=${0} onValue=${(/** @type {number} */ width) => set({ width: Math.round(width) })} />
      <${NumberField} label="Height" unit="px" value=${canvas.height} min=${1} digits=${0} onValue=${(/** @type {number} */ height) => set({ height: Math.round(height) })} />
    </div>
    <${Check} label="Transparent ground" value=${canvas.background === null} onValue=${(/** @type {boolean} */ on) => set({ background: on ? null : "#ffffff" })} />
    ${canvas.background === null
      ? null
      : html`<div class="line"><input id="ground-colour" type="color" value=${hex} onChange=${(/** @type {any} */ event) => set({ background: event.currentTarget.value })} /><label for="ground-colour" class="note">Colour of the ground</label></div>`}
    ${canvas.clip ? html`<div class="line between"><span class="note">Layers show in a shape only.</span><button type="button" class="button small" onClick=${() => set({ clip: null })}>Show all of them</button></div>` : null}
    <p class="note">${state.errors.value.get("canvas") ?? ""}</p>
    <p class="note">Choose a piece on the canvas to see its numbers. Hold Shift to choose several, or drag a box around them.</p>
    ${canvas.made_by ? html`<p class="note">Last made by <b>${canvas.made_by.tool}</b>${canvas.seed === null ? "" : `, seed ${canvas.seed}`}.</p>` : null}
  `;
}

export function Selected() {
  state.structure.value;
  state.numbers.value;
  state.selection.value;
  const layers = state.chosen();
  return html`<div class="panel-head"><h2>${layers.length ? "Piece" : "Canvas"}${layers.length > 1 ? "s" : ""}</h2></div>
    <div class="panel-body">${layers.length ? html`<${Pieces} layers=${layers} />` : html`<${Canvas} />`}</div>`;
}

