// Keys: one table, which is what is obeyed and what `?` shows.

import { signal } from "./vendor/signals.mjs";
import * as state from "./state.js";
import * as edit from "./edit.js";
import { ask } from "./live.js";
import { lasso, snapping, stage, tool } from "./canvas/stage.js";
import { replacing, rightOpen } from "./place.js";

/** Whether the list of keys is shown. */
export const helping = signal(false);

/** @typedef {import('./types').Layer} Layer */

/** @param {number} step */
function next(step) {
  const list = state.stack.layers.filter((layer) => layer.visible);
  if (!list.length) return;
  const chosen = state.chosen();
  const last = chosen.at(-1);
  const at = last ? list.indexOf(last) : step > 0 ? -1 : 0;
  const layer = /** @type {Layer} */ (list[(at + step + list.length) % list.length]);
  state.choose([layer.id]);
  state.said.value = `${layer.name}, ${list.indexOf(layer) + 1} of ${list.length}${layer.locked ? ", pinned" : ""}`;
}

/**
 * @param {number} dx
 * @param {number} dy
 */
function move(dx, dy) {
  const chosen = state.chosen();
  if (!chosen.length) stage.current?.pan(-dx * 40, -dy * 40);
  else edit.nudge(chosen, (layer) => ({ x: layer.x + dx, y: layer.y + dy }), "Move");
}

/** @param {number} degrees */
function turn(degrees) {
  edit.nudge(state.chosen(), (layer) => ({ rotation: layer.rotation + degrees }), "Turn");
}

/** @param {number} factor */
function scale(factor) {
  edit.nudge(state.chosen(), (layer) => ({ scale: layer.scale * factor }), "Scale");
}

/** @param {number} factor */
function squeeze(factor) {
  edit.nudge(state.chosen(), (layer) => ({ squeeze: layer.squeeze * factor }), "Squeeze");
}

/** @param {number} degrees */
function shear(degrees) {
  edit.nudge(state.chosen(), (layer) => ({ shear: Math.max(-80, Math.min(80, layer.shear + degrees)) }), "Shear");
}

function replace() {
  if (state.chosen().length !== 1) return;
  replacing.value = !(replacing.value && rightOpen.value);
  rightOpen.value = true;
}

function escape() {
  if (helping.value) helping.value = false;
  else if (stage.current?.pointer.cancel() || stage.current?.handles.cancel()) return;
  else if (tool.value !== "select") tool.value = "select";
  else if (lasso.value.length) lasso.value = [];
  else state.choose([]);
}

function pause() {
  const now = state.run.value?.state;
  if (now === "running" || now === "starting") ask({ kind: "pause" }, "run");
  else if (now === "paused") ask({ kind: "resume" }, "run");
  else if (stage.current) {
    stage.current.pointer.space = true;
    stage.current.pointer.cursor();
  }
}

/** @typedef {{keys: string[], says: string, does: (shift: boolean) => void, anywhere?: boolean}} Key */

/** @type {{title: string, keys: Key[]}[]} */
export const KEYS = [
  {
    title: "Choose",
    keys: [
      { keys: ["PageDown", "N"], says: "Next layer", does: () => next(1) },
      { keys: ["PageUp", "B"], says: "Layer before", does: () => next(-1) },
      { keys: ["Ctrl+A"], says: "All layers", does: () => state.choose(state.stack.layers.filter((layer) => layer.visible && !layer.locked).map((layer) => layer.id)) },
      { keys: ["Escape"], says: "Nothing; or let go, and put back", does: escape },
    ],
  },
  {
    title: "Change what is chosen",
    keys: [
      { keys: ["ArrowLeft"], says: "Move left; Shift: by 10", does: (shift) => move(shift ? -10 : -1, 0) },
      { keys: ["ArrowRight"], says: "Move right", does: (shift) => move(shift ? 10 : 1, 0) },
      { keys: ["ArrowUp"], says: "Move up", does: (shift) => move(0, shift ? -10 : -1) },
      { keys: ["ArrowDown"], says: "Move down", does: (shift) => move(0, shift ? 10 : 1) },
      { keys: ["[", "]"], says: "Turn by 1°; with Shift by 15°", does: () => undefined },
      { keys: [",", "."], says: "Smaller, larger", does: () => undefined },
      { keys: ["Alt+ArrowUp", "Alt+ArrowDown"], says: "Squeeze", does: () => undefined },
      { keys: ["Alt+ArrowLeft", "Alt+ArrowRight"], says: "Shear", does: () => undefined },
      { keys: ["F"], says: "Flip", does: () => void edit.flip(state.chosen()) },
      { keys: ["L"], says: "Pin (lock), or release", does: () => void edit.togglePin(state.chosen()) },
      { keys: ["H"], says: "Hide, or show", does: () => void edit.toggleVisible(state.chosen()) },
      { keys: ["Ctrl+]", "Ctrl+["], says: "Forward, backward in the stack; with Shift to front, to back", does: () => undefined },
      { keys: ["R"], says: "Another picture in its place", does: replace },
      { keys: ["Ctrl+D"], says: "Duplicate", does: () => void edit.duplicate(state.chosen()) },
      { keys: ["Delete", "Backspace"], says: "Delete", does: () => void edit.remove(state.chosen()) },
    ],
  },
  {
    title: "Steps and runs",
    keys: [
      { keys: ["Ctrl+Z"], says: "Undo", does: () => void edit.undo() },
      { keys: ["Ctrl+Shift+Z", "Ctrl+Y"], says: "Redo", does: () => void edit.redo() },
      { keys: ["Ctrl+S"], says: "Save now", does: () => void ask({ kind: "save" }) },
      { keys: ["Space"], says: "Pause a run, or let it go on; held: move the view", does: pause },
    ],
  },
  {
    title: "Look",
    keys: [
      { keys: ["+", "-"], says: "Larger, smaller", does: () => undefined },
      { keys: ["0"], says: "The whole canvas", does: () => stage.current?.fit() },
      { keys: ["Z"], says: "What is chosen", does: () => stage.current?.zoomToSelection() },
      { keys: ["V"], says: "Choose and move", does: () => (tool.value = "select") },
      { keys: ["S"], says: "Draw a shape", does: () => (tool.value = "lasso") },
      { keys: ["G"], says: "Snapping on or off", does: () => (snapping.value = !snapping.value) },
      { keys: ["C"], says: "To the canvas", does: () => stage.current?.container.focus(), anywhere: true },
      { keys: ["1", "7"], says: "Panels on the left, 1 to 7", does: () => undefined },
      { keys: ["?"], says: "This list", does: () => (helping.value = !helping.value) },
    ],
  },
];

/**
 * Whether a key is the control's own that has the focus.
 * @param {KeyboardEvent} event
 */
function typing(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (!target?.matches) return false;
  if (target.matches("textarea, select, input:not([type=range]):not([type=checkbox])")) return true;
  if (document.querySelector("dialog[open]")) return event.key !== "?" && event.key !== "Escape";
  if (target.matches("input")) return /^(Arrow|Page|Home|End| )/.test(event.key);
  if (target.closest("[role=listbox], [role=tablist], .own-keys")) return /^(Arrow|Page|Home|End| |Enter)/.test(event.key);
  return target.matches("button, a, summary") && (event.key === " " || event.key === "Enter");
}

/** @type {Record<string, Key>} */
const table = {};
for (const group of KEYS) for (const key of group.keys) for (const name of key.keys) table[name.toLowerCase()] = key;

/** @param {{open: (n: number) => void, setTheme: (theme: string) => void}} page */
export function watchKeys(page) {
  addEventListener("keydown", (event) => {
    const control = event.ctrlKey || event.metaKey;
    const { key } = event;
    if (typing(event) && !(control && /^[sz]$/i.test(key) && !/^(INPUT|TEXTAREA)$/.test(/** @type {HTMLElement} */ (event.target).tagName))) {
      return;
    }
    if (!state.canvas.value && key !== "?" && key !== "Escape") return;
    if (event.altKey && key.startsWith("Arrow")) {
      ({ ArrowUp: () => squeeze(1.02), ArrowDown: () => squeeze(1 / 1.02), ArrowLeft: () => shear(-1), ArrowRight: () => shear(1) })[
        /** @type {"ArrowUp"} */ (key)
      ]?.();
    } else if (event.altKey) return;
    else if (control && /^[[\]{}]$/.test(key)) {
      const up = key === "]" || key === "}";
      const far = event.shiftKey || key === "{" || key === "}";
      edit.reorder(state.chosen(), up ? (far ? "front" : "forward") : far ? "back" : "backward");
    } else if (!control && /^[[\]{}]$/.test(key)) {
      turn((key === "]" || key === "}" ? 1 : -1) * (event.shiftKey || key === "{" || key === "}" ? 15 : 1));
    } else if (!control && /^[,.<>]$/.test(key)) {
      const step = event.shiftKey ? 1.1 : 1.02;
      scale(key === "." || key === ">" ? step : 1 / step);
    } else if (!control && (key === "+" || key === "=" || key === "-")) stage.current?.zoomBy(key === "-" ? 1 / 1.25 : 1.25);
    else if (!control && /^[1-7]$/.test(key)) {
      page.open(Number(key) - 1);
      requestAnimationFrame(() => /** @type {HTMLElement | null} */ (document.querySelector("#left-panel input, #left-panel button:not(.icon-button), #left-panel [tabindex='0']"))?.focus());
    } else {
      const name = `${control ? "ctrl+" : ""}${control && event.shiftKey ? "shift+" : ""}${key === " " ? "space" : key.toLowerCase()}`;
      const found = table[name];
      if (!found) return;
      if (event.repeat && name === "space") return event.preventDefault();
      found.does(event.shiftKey);
    }
    event.preventDefault();
  });
}
