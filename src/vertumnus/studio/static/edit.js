// What a person does to layers, as commands: at once on the page, and then as the server says.

import * as state from "./state.js";
import { ask, send, sendBytes } from "./live.js";
import { dragFrame } from "./frames.js";
import { boxAround, boxOf } from "./geometry.js";

/** @typedef {import('./types').Layer} Layer */
/** @typedef {Partial<Layer>} Changes */

/**
 * Numbers as a document holds them: no longer than they need to be.
 * @param {Changes} changes
 * @returns {Changes}
 */
function tidy(changes) {
  /** @type {Record<string, unknown>} */
  const made = {};
  for (const [name, value] of Object.entries(changes)) {
    if (typeof value !== "number") made[name] = value;
    else if (name === "scale" || name === "squeeze") made[name] = Number(value.toPrecision(7));
    else made[name] = Math.round(value * 1e4) / 1e4;
  }
  return made;
}

/**
 * Changes layers; one step of the history.
 * @param {Layer[]} layers
 * @param {(layer: Layer) => Changes} changes
 * @param {string} name what the step is called
 * @param {boolean} [evenLocked] locked layers are changed too
 */
export async function change(layers, changes, name, evenLocked = false) {
  settle();
  const free = evenLocked ? layers : layers.filter((layer) => !layer.locked);
  if (layers.length && !free.length) {
    state.setError("selection", layers.length === 1 ? `${layers[0]?.name} is locked` : "the chosen layers are locked");
    return null;
  }
  const edits = free.map((layer) => ({ layer, made: tidy(changes(layer)) }));
  if (!edits.length) return null;
  const before = edits.map(({ layer, made }) => Object.fromEntries(Object.keys(made).map((key) => [key, layer[/** @type {keyof Layer} */ (key)]])));
  for (const { layer, made } of edits) Object.assign(layer, made);
  state.changed("layers");
  const done = await ask(
    { kind: "edit", name, layers: edits.map(({ layer, made }) => ({ id: layer.id, changes: made })) },
    "selection",
  );
  if (!done) {
    edits.forEach(({ layer }, n) => Object.assign(layer, before[n]));
    state.changed("layers");
  }
  return done;
}

/** @param {Layer[]} layers */
export function naming(layers) {
  return layers.length === 1 ? String(layers[0]?.name) : `${layers.length} layers`;
}

const POSE = new Set(["x", "y", "scale", "rotation", "flip"]);
const EVERY = 33; // milliseconds between what is sent of a drag

/**
 * How many hands hold a layer: one may have taken it before the server has answered the one before.
 * @type {Map<string, number>}
 */
const holds = new Map();

/** A hand that holds layers until it lets go: everybody sees them move, and all of it is one step. */
export class Hand {
  /** @param {Layer[]} layers */
  constructor(layers) {
    this.layers = layers.filter((layer) => !layer.locked);
    this.start = new Map(this.layers.map((layer) => [layer.id, { ...layer }]));
    this.changed = false;
    this.plain = true;
    this.sent = 0;
    this.released = false;
    for (const layer of this.layers) {
      holds.set(layer.id, (holds.get(layer.id) ?? 0) + 1);
      state.held.add(layer.id);
    }
  }

  /** @param {(start: Layer) => Changes} changes */
  move(changes) {
    for (const layer of this.layers) {
      const made = tidy(changes(/** @type {Layer} */ (this.start.get(layer.id))));
      if (Object.keys(made).some((name) => !POSE.has(name))) this.plain = false;
      Object.assign(layer, made);
    }
    this.changed = true;
    const now = performance.now();
    if (now - this.sent < EVERY) return;
    this.sent = now;
    if (this.plain) sendBytes(dragFrame(this.layers, state.revision.value));
    else send(this.command("Change", true)).catch(() => undefined);
  }

  /**
   * @param {string} name
   * @param {boolean} transient
   * @returns {import('./types').Edit}
   */
  command(name, transient) {
    const fields = /** @type {const} */ (["x", "y", "scale", "rotation", "flip", "squeeze", "shear"]);
    const layers = this.layers.map((layer) => {
      const start = /** @type {Layer} */ (this.start.get(layer.id));
      const changed = fields.filter((field) => transient || layer[field] !== start[field]);
      return { id: layer.id, changes: Object.fromEntries(changed.map((field) => [field, layer[field]])) };
    });
    return { kind: "edit", name, layers, transient };
  }

  /** @param {string} name */
  async drop(name) {
    if (!this.changed || !this.layers.length) return this.release();
    const done = await ask(this.command(name, false), "selection");
    if (!done) this.restore();
    return this.release();
  }

  /** Puts everything back. */
  async cancel() {
    this.restore();
    if (this.changed) await send({ ...this.command("Move", true), transient: false }).catch(() => undefined);
    this.release();
  }

  restore() {
    for (const layer of this.layers) Object.assign(layer, this.start.get(layer.id));
  }

  release() {
    if (!this.released) {
      for (const layer of this.layers) {
        const left = (holds.get(layer.id) ?? 1) - 1;
        if (left) holds.set(layer.id, left);
        else {
          holds.delete(layer.id);
          state.held.delete(layer.id);
        }
      }
    }
    this.released = true;
    state.changed("layers");
  }
}

/** @param {Layer[]} layers */
export async function remove(layers) {
  settle();
  if (!layers.length) return;
  const ids = layers.map((layer) => layer.id);
  if (await ask({ kind: "remove", ids }, "selection")) state.said.value = `${naming(layers)} deleted`;
}

/**
 * Gives a layer another picture: an icon or an upload.
 * @param {Layer} layer
 * @param {{icon: string, color: string, name: string} | {upload: string, name: string}} element
 */
export async function replace(layer, element) {
  await settle();
  const old = layer.name;
  if (await ask({ kind: "replace", id: layer.id, element }, "replace-piece")) state.said.value = `${element.name} in place of ${old}`;
}

/** @param {Layer[]} layers */
export async function duplicate(layers) {
  settle();
  if (!layers.length) return;
  const elements = layers.map((layer) => ({
    image: layer.image,
    name: layer.name,
    x: layer.x + 12,
    y: layer.y + 12,
    scale: layer.scale,
    rotation: layer.rotation,
  }));
  const done = await ask({ kind: "add", elements }, "selection");
  if (done?.ids) state.choose(done.ids);
}

/**
 * @param {Layer[]} layers
 * @param {"front" | "forward" | "backward" | "back"} where
 */
export function reorder(layers, where) {
  settle();
  if (!layers.length) return Promise.resolve(null);
  const ids = new Set(layers.map((layer) => layer.id));
  const order = state.stack.layers.map((layer) => layer.id);
  const rest = order.filter((id) => !ids.has(id));
  const below = order.slice(0, order.findIndex((id) => ids.has(id))).length;
  let last = order.length - 1;
  while (!ids.has(/** @type {string} */ (order[last]))) last -= 1;
  const above = order.slice(last + 1).length;
  const to = {
    front: rest.length,
    forward: Math.min(rest.length, rest.length - above + 1),
    backward: Math.max(0, below - 1),
    back: 0,
  }[where];
  return ask({ kind: "reorder", ids: [...ids], to }, "selection");
}

/**
 * Pins layers, or releases them if all are pinned.
 * @param {Layer[]} layers
 */
export function togglePin(layers) {
  settle();
  if (!layers.length) return Promise.resolve(null);
  const kind = layers.every((layer) => layer.locked) ? "release" : "pin";
  return ask({ kind, ids: layers.map((layer) => layer.id) }, "selection");
}

/** @param {Layer[]} layers */
export function toggleVisible(layers) {
  const visible = !layers.every((layer) => layer.visible);
  return change(layers, () => ({ visible }), `${visible ? "Show" : "Hide"} ${naming(layers)}`, true);
}

/** @param {Layer[]} layers */
export function flip(layers) {
  if (layers.length < 2) return change(layers, (layer) => ({ flip: !layer.flip }), `Flip ${naming(layers)}`);
  // Several are mirrored together, each about the middle of all.
  const box = boxAround(layers);
  const middle = box ? box.left + box.right : 0;
  return change(
    layers,
    (layer) => ({ flip: !layer.flip, x: middle - layer.x, rotation: -layer.rotation, shear: -layer.shear }),
    `Flip ${naming(layers)}`,
  );
}

/**
 * Lines layers up, or spreads them evenly.
 * @param {Layer[]} layers
 * @param {"left" | "centre" | "right" | "top" | "middle" | "bottom"} edge
 */
export function align(layers, edge) {
  const canvas = state.canvas.value;
  if (!canvas) return Promise.resolve(null);
  const whole = { left: 0, top: 0, right: canvas.width, bottom: canvas.height };
  const all = layers.length > 1 ? boxAround(layers) ?? whole : whole;
  return change(
    layers,
    (layer) => {
      const box = boxOf(layer);
      if (edge === "left") return { x: layer.x + all.left - box.left };
      if (edge === "right") return { x: layer.x + all.right - box.right };
      if (edge === "centre") return { x: layer.x + (all.left + all.right - box.left - box.right) / 2 };
      if (edge === "top") return { y: layer.y + all.top - box.top };
      if (edge === "bottom") return { y: layer.y + all.bottom - box.bottom };
      return { y: layer.y + (all.top + all.bottom - box.top - box.bottom) / 2 };
    },
    `Align ${naming(layers)}`,
  );
}

/** @type {{layers: Layer[], timer: number, hand: Hand, label: string} | null} */
let nudging = null;

/**
 * Moves, turns or scales by keys: presses close to each other are one step.
 * @param {Layer[]} layers
 * @param {(layer: Layer) => Changes} changes of a layer as it is now
 * @param {string} label
 */
export function nudge(layers, changes, label) {
  if (!layers.length) return;
  if (nudging && (nudging.label !== label || nudging.layers.map((l) => l.id).join() !== layers.map((l) => l.id).join())) {
    settle();
  }
  if (!nudging) {
    const hand = new Hand(layers);
    if (!hand.layers.length) {
      state.setError("selection", layers.length === 1 ? `${layers[0]?.name} is locked` : "the chosen layers are locked");
      return;
    }
    nudging = { layers, timer: 0, hand, label };
  }
  const { hand } = nudging;
  const now = new Map(hand.layers.map((layer) => [layer.id, { ...layer }]));
  hand.move((start) => changes(/** @type {Layer} */ (now.get(start.id))));
  state.changed("poses");
  clearTimeout(nudging.timer);
  nudging.timer = window.setTimeout(settle, 450);
}

/** Makes a step of what keys did: said before all that is said after, as a connection keeps the order. */
export function settle() {
  if (!nudging) return Promise.resolve();
  const { hand, label, layers, timer } = nudging;
  clearTimeout(timer);
  nudging = null;
  return hand.drop(`${label} ${naming(layers)}`);
}

export async function undo() {
  await settle();
  const { steps, at } = state.history.value;
  if (at > 0 && (await ask({ kind: "undo" }))) state.said.value = `Undone: ${steps[at - 1]}`;
}

export async function redo() {
  await settle();
  const { steps, at } = state.history.value;
  if (at < steps.length && (await ask({ kind: "redo" }))) state.said.value = `Done again: ${steps[at]}`;
}

/**
 * Puts layers at a place in the stack of the others; 0 is the back.
 * @param {Layer[]} layers
 * @param {number} to
 */
export function place(layers, to) {
  return ask({ kind: "reorder", ids: layers.map((layer) => layer.id), to }, "selection");
}

/** Where one more layer lies: of places on a grid, the one farthest from what is there. */
export function freePlace() {
  const canvas = state.canvas.value;
  if (!canvas) return {};
  let best = { x: canvas.width / 2, y: canvas.height / 2 };
  let most = -1;
  const centre = { ...best };
  const among = state.stack.layers.slice(-2000);
  for (let row = 0; row < 7; row++) {
    for (let column = 0; column < 7; column++) {
      const at = { x: (0.2 + 0.1 * column) * canvas.width, y: (0.2 + 0.1 * row) * canvas.height };
      let far = Math.hypot(canvas.width, canvas.height) - 0.5 * Math.hypot(at.x - centre.x, at.y - centre.y);
      for (const layer of among) far = Math.min(far, Math.hypot(layer.x - at.x, layer.y - at.y) - 0.05 * Math.hypot(at.x - centre.x, at.y - centre.y));
      if (far > most) [most, best] = [far, at];
    }
  }
  return best;
}
