// What the page knows: the document as the server says it is, and what the person looks at.
//
// Layers are plain objects that a run moves sixty times a second; panels do not look at them directly but at the
// signals `structure` (layers came, went, changed places or looks) and `numbers` (some moved; a few times a second).

import { signal, batch } from "./vendor/signals.mjs";

/** @typedef {import('./types').Layer} Layer */

/** @type {import('./signals').Signal<import('./types').Canvas | null>} */
export const canvas = signal(null);
/** @type {import('./signals').Signal<import('./types').History>} */
export const history = signal({ steps: [], at: 0 });
/** @type {import('./signals').Signal<import('./types').Run | null>} */
export const run = signal(null);
/** @type {import('./signals').Signal<Map<string, import('./types').Job>>} */
export const jobs = signal(new Map());
/** @type {import('./signals').Signal<Set<string>>} */
export const selection = signal(new Set());
/** @type {import('./signals').Signal<"opening" | "open" | "lost" | "closed">} */
export const connection = signal("closed");
export const structure = signal(0);
export const numbers = signal(0);
export const revision = signal(0);
export const saved = signal(0);
export const client = signal(0);
/** What is announced to screen readers. */
export const said = signal("");
/** Sentences of the library, by what they are about. @type {import('./signals').Signal<Map<string, string>>} */
export const errors = signal(new Map());

/** @type {Map<string, Layer>} */
export const layers = new Map();
/** @type {Map<number, Layer>} */
export const slots = new Map();
/** Layers that a hand holds: what the server says of their pose is not looked at. @type {Set<string>} */
export const held = new Set();
/** Slots a run has said are without a place. @type {Set<number>} */
export const unplaced = new Set();
export const stack = {
  /** Back to front. @type {Layer[]} */
  layers: [],
};

/** @type {Set<(what: "layers" | "poses") => void>} */
const listeners = new Set();

/**
 * Calls whenever layers have changed, at once.
 * @param {(what: "layers" | "poses") => void} listener
 */
export function onChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** @param {"layers" | "poses"} what */
export function changed(what) {
  for (const listener of listeners) listener(what);
  if (what === "layers") structure.value += 1;
  tell();
}

let telling = 0;

/** Numbers in panels follow a few times a second. */
function tell() {
  if (telling) return;
  telling = window.setTimeout(() => {
    telling = 0;
    numbers.value += 1;
  }, 150);
}

/** @returns {Layer[]} the layers that are chosen, back to front */
export function chosen() {
  const ids = selection.value;
  if (ids.size === 0) return [];
  if (ids.size === 1) {
    const [id] = ids;
    const layer = layers.get(/** @type {string} */ (id));
    return layer ? [layer] : [];
  }
  return stack.layers.filter((layer) => ids.has(layer.id));
}

/** @param {Iterable<string>} ids */
export function choose(ids) {
  const next = new Set(ids);
  const now = selection.value;
  if (next.size === now.size && [...next].every((id) => now.has(id))) return;
  selection.value = next;
}

/** Whether a run goes on that the layers belong to. */
export function running() {
  const state = run.value?.state;
  return state === "running" || state === "starting" || state === "paused";
}

/**
 * @param {string} about
 * @param {string | null} message
 */
export function setError(about, message) {
  if ((errors.value.get(about) ?? null) === message) return;
  const next = new Map(errors.value);
  if (message) next.set(about, message);
  else next.delete(about);
  errors.value = next;
  if (message) said.value = message;
}

/** @param {import('./types').Welcome} message the first of a connection */
export function welcome(message) {
  batch(() => {
    const { layers: list, ...rest } = message.document;
    layers.clear();
    slots.clear();
    unplaced.clear();
    stack.layers = list;
    for (const layer of list) {
      layers.set(layer.id, layer);
      slots.set(layer.slot, layer);
    }
    canvas.value = rest;
    history.value = message.history;
    revision.value = message.revision;
    saved.value = message.saved;
    client.value = message.client;
    run.value = message.run;
    jobs.value = new Map(message.jobs.map((job) => [job.id, job]));
    choose([...selection.value].filter((id) => layers.has(id)));
  });
  changed("layers");
}

const POSE = /** @type {const} */ (["x", "y", "scale", "rotation", "flip", "squeeze", "shear"]);

/** @param {Pick<import('./types').Changed, "layers" | "revision"> & Partial<import('./types').Changed>} message some of the document has changed */
export function change(message) {
  batch(() => {
    for (const id of message.removed ?? []) {
      const layer = layers.get(id);
      if (layer) slots.delete(layer.slot);
      layers.delete(id);
    }
    const fresh = [];
    for (const layer of message.layers) {
      const known = layers.get(layer.id);
      if (!known) {
        layers.set(layer.id, layer);
        slots.set(layer.slot, layer);
        fresh.push(layer);
        continue;
      }
      const kept = held.has(layer.id) ? Object.fromEntries(POSE.map((name) => [name, known[name]])) : {};
      Object.assign(known, layer, kept);
    }
    if (message.order) {
      stack.layers = message.order.flatMap((id) => layers.get(id) ?? []);
    } else if (fresh.length || message.removed?.length) {
      stack.layers = [...stack.layers.filter((layer) => layers.has(layer.id)), ...fresh];
    }
    if (message.canvas && canvas.value) canvas.value = { ...canvas.value, ...message.canvas };
    revision.value = Math.max(revision.value, message.revision);
    choose([...selection.value].filter((id) => layers.has(id)));
  });
  changed("layers");
}
