// Hands on the canvas: choosing, dragging, the box around several, panning, pinching, the lasso.

import * as state from "../state.js";
import { Hand, naming } from "../edit.js";
import { apply, boxAround, boxOf, inverse, matrixOf } from "../geometry.js";
import { linesOf, snapped } from "./snap.js";
import { lasso, snapping, tool } from "./stage.js";
import { input } from "./meter.js";

/** @typedef {import('../types').Layer} Layer */
/** @typedef {{x: number, y: number}} Point */

const REACH = 6; // screen pixels in which a dragged box catches
const STIR = 4; // screen pixels below which a press is a click
const LEAD = 24; // screen pixels that a moving layer may be ahead of the hand that grabs it

/**
 * The uppermost layer at a point.
 * @param {Point} point canvas pixels
 * @param {import('./sprites.js').Sprites} sprites
 */
export function layerAt(point, sprites) {
  for (let n = state.stack.layers.length - 1; n >= 0; n--) {
    const layer = /** @type {Layer} */ (state.stack.layers[n]);
    if (!layer.visible) continue;
    const [w, h] = layer.size;
    const reach = layer.scale * Math.max(1, layer.squeeze) * (w + h) * (layer.shear ? 4 : 0.71);
    if (Math.abs(point.x - layer.x) > reach || Math.abs(point.y - layer.y) > reach) continue;
    const at = apply(inverse(matrixOf(layer)), point.x, point.y);
    if (Math.abs(at.x) > w / 2 || Math.abs(at.y) > h / 2) continue;
    let [u, v] = [at.x / w + 0.5, at.y / h + 0.5];
    if (layer.crop && layer.picture) {
      u = (layer.crop[0] + u * layer.crop[2]) / layer.picture[0];
      v = (layer.crop[1] + v * layer.crop[3]) / layer.picture[1];
    }
    if (sprites.solid(layer, u, v)) return layer;
  }
  return null;
}

/**
 * The visible layer whose middle is nearest to a point.
 * @param {Point} point canvas pixels
 * @param {number} reach canvas pixels at most
 */
function layerNear(point, reach) {
  /** @type {Layer | null} */
  let found = null;
  for (const layer of state.stack.layers) {
    const far = Math.hypot(layer.x - point.x, layer.y - point.y);
    if (layer.visible && !layer.locked && far < reach) [found, reach] = [layer, far];
  }
  return found;
}

export class Pointer {
  /** @param {import('./stage.js').Stage} stage */
  constructor(stage) {
    this.stage = stage;
    /** Fingers on the canvas. @type {Map<number, Point>} */
    this.down = new Map();
    /** @type {null | {kind: "press" | "drag" | "pan" | "box" | "lasso" | "pinch", at: Point, screen: Point, layer: Layer | null, add: boolean, was: Set<string>}} */
    this.doing = null;
    /** @type {Hand | null} */
    this.hand = null;
    this.space = false;
    /** @type {{xs: number[], ys: number[]}} */
    this.lines = { xs: [], ys: [] };
    /** A click is asked about first, as by the mosaic panel. @type {((layer: Layer | null, event: PointerEvent) => boolean) | null} */
    this.click = null;
    this.over = /** @type {((point: Point | null) => void) | null} */ (null);
    const target = stage.container;
    this.quit = new AbortController();
    const options = { signal: this.quit.signal };
    target.addEventListener("pointerdown", (event) => this.press(event), options);
    target.addEventListener("pointermove", (event) => this.move(event), options);
    target.addEventListener("pointerup", (event) => this.lift(event), options);
    target.addEventListener("pointercancel", (event) => this.lift(event), options);
    target.addEventListener("pointerleave", () => this.over?.(null), options);
    target.addEventListener("dblclick", () => stage.zoomToSelection(), options);
    target.addEventListener("wheel", (event) => this.wheel(event), { passive: false, ...options });
    window.addEventListener("keyup", (event) => {
      if (event.key === " ") this.space = false;
      this.cursor();
    }, options);
  }

  destroy() {
    this.quit.abort();
  }

  cursor() {
    const style = this.stage.container.style;
    style.cursor =
      this.doing?.kind === "pan" ? "grabbing"
      : this.space || tool.value === "pan" ? "grab"
      : tool.value === "lasso" ? "crosshair"
      : this.doing?.kind === "drag" ? "grabbing"
      : "default";
  }

  /** @param {PointerEvent} event */
  press(event) {
    if (this.stage.handles.owns(event)) return;
    this.stage.container.focus({ preventScroll: true });
    this.stage.container.setPointerCapture(event.pointerId);
    this.down.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const at = this.stage.toCanvas(event);
    const screen = { x: event.clientX, y: event.clientY };
    const add = event.shiftKey || event.ctrlKey || event.metaKey;
    const was = new Set(state.selection.value);
    if (this.down.size === 2) {
      this.hand?.cancel();
      this.hand = null;
      this.doing = { kind: "pinch", at, screen, layer: null, add, was };
      return;
    }
    if (event.button === 1 || this.space || tool.value === "pan") {
      this.doing = { kind: "pan", at, screen, layer: null, add, was };
      this.cursor();
      event.preventDefault();
      return;
    }
    if (event.button !== 0) return;
    if (tool.value === "lasso") {
      lasso.value = [[at.x, at.y]];
      this.doing = { kind: "lasso", at, screen, layer: null, add, was };
      return;
    }
    const layer = layerAt(at, this.stage.sprites) ?? (state.running() ? layerNear(at, LEAD / this.stage.view.scale) : null);
    if (this.click?.(layer, event)) return;
    if (layer && add) {
      const ids = new Set(was);
      if (ids.has(layer.id)) ids.delete(layer.id);
      else ids.add(layer.id);
      state.choose(ids);
    } else if (layer && !was.has(layer.id)) state.choose([layer.id]);
    this.doing = { kind: layer ? "press" : "box", at, screen, layer, add, was };
    if (layer) state.said.value = `${layer.name} chosen`;
  }

  /** @param {PointerEvent} event */
  move(event) {
    const before = this.down.get(event.pointerId);
    const now = { x: event.clientX, y: event.clientY };
    this.over?.(this.stage.toCanvas(event));
    if (!this.doing || !before) return;
    if (this.doing.kind === "pinch") {
      const [other] = [...this.down].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
      this.down.set(event.pointerId, now);
      if (other) this.pinch(before, now, other);
      return;
    }
    this.down.set(event.pointerId, now);
    const { doing } = this;
    const moved = Math.hypot(now.x - doing.screen.x, now.y - doing.screen.y) > STIR;
    const at = this.stage.toCanvas(event);
    if (doing.kind === "pan") this.stage.pan(now.x - before.x, now.y - before.y);
    else if (doing.kind === "lasso") {
      const last = lasso.value.at(-1);
      if (last && Math.hypot(at.x - last[0], at.y - last[1]) * this.stage.view.scale > 3) lasso.value = [...lasso.value, [at.x, at.y]];
    } else if (doing.kind === "press" && moved) this.grab();
    if (doing.kind === "drag") this.drag(at, event);
    if (doing.kind === "box" && moved) this.box(doing.at, at);
  }

  grab() {
    const layers = state.chosen();
    if (!this.doing || !layers.length) return;
    this.hand = new Hand(layers);
    if (!this.hand.layers.length) {
      state.setError("selection", `${naming(layers)} ${layers.length === 1 ? "is" : "are"} locked: L unlocks`);
      this.hand = null;
      this.doing = null;
      return;
    }
    this.doing.kind = "drag";
    this.cursor();
    const canvas = state.canvas.value;
    const others = state.stack.layers.filter((layer) => !state.held.has(layer.id) && layer.visible);
    // With very many, every line is near some layer's edge: the canvas is caught on alone.
    if (canvas) this.lines = linesOf(canvas, others.length > 60 ? [] : others.map(boxOf));
  }

  /**
   * @param {Point} at
   * @param {PointerEvent} event
   */
  drag(at, event) {
    const { doing, hand } = this;
    if (!doing || !hand) return;
    input(event.timeStamp);
    let [dx, dy] = [at.x - doing.at.x, at.y - doing.at.y];
    if (event.shiftKey) [dx, dy] = Math.abs(dx) > Math.abs(dy) ? [dx, 0] : [0, dy];
    /** @type {import('./snap.js').Guides} */
    let guides = { x: null, y: null };
    const box = boxAround(hand.start.values());
    if (snapping.value && !event.ctrlKey && !event.metaKey && !state.running() && box) {
      const moved = { left: box.left + dx, right: box.right + dx, top: box.top + dy, bottom: box.bottom + dy };
      const caught = snapped(moved, this.lines, REACH / this.stage.view.scale);
      [dx, dy, guides] = [dx + caught.dx, dy + caught.dy, caught.guides];
    }
    this.stage.handles.showGuides(guides);
    hand.move((start) => ({ x: start.x + dx, y: start.y + dy }));
    state.changed("poses");
  }

  /**
   * @param {Point} from
   * @param {Point} to
   */
  box(from, to) {
    const { doing } = this;
    if (!doing) return;
    const box = {
      left: Math.min(from.x, to.x),
      top: Math.min(from.y, to.y),
      right: Math.max(from.x, to.x),
      bottom: Math.max(from.y, to.y),
    };
    this.stage.handles.showBox(box);
    const within = state.stack.layers.filter(
      (layer) => layer.visible && !layer.locked && layer.x > box.left && layer.x < box.right && layer.y > box.top && layer.y < box.bottom,
    );
    state.choose([...(doing.add ? doing.was : []), ...within.map((layer) => layer.id)]);
    this.stage.invalidate();
  }

  /**
   * @param {Point} before
   * @param {Point} now
   * @param {Point} other
   */
  pinch(before, now, other) {
    const box = this.stage.container.getBoundingClientRect();
    const was = Math.hypot(before.x - other.x, before.y - other.y);
    const is = Math.hypot(now.x - other.x, now.y - other.y);
    this.stage.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
    if (was > 5) this.stage.zoomBy(is / was, { x: (now.x + other.x) / 2 - box.left, y: (now.y + other.y) / 2 - box.top });
  }

  /** @param {PointerEvent} event */
  lift(event) {
    const { doing } = this;
    this.down.delete(event.pointerId);
    if (!doing) return;
    if (doing.kind === "pinch" && this.down.size) return;
    this.doing = null;
    this.stage.handles.showGuides({ x: null, y: null });
    this.stage.handles.showBox(null);
    if (doing.kind === "drag" && this.hand) {
      const { hand } = this;
      this.hand = null;
      hand.drop(`Move ${naming(hand.layers)}`);
    } else if (doing.kind === "press" && doing.layer && !doing.add) state.choose([doing.layer.id]);
    else if (doing.kind === "box" && !doing.add && Math.hypot(event.clientX - doing.screen.x, event.clientY - doing.screen.y) <= STIR) state.choose([]);
    else if (doing.kind === "lasso") tool.value = "select";
    this.cursor();
    this.stage.invalidate();
  }

  /** Lets go of everything as if nothing had been done. */
  cancel() {
    this.hand?.cancel();
    this.hand = null;
    const was = this.doing;
    this.doing = null;
    this.stage.handles.showBox(null);
    this.stage.handles.showGuides({ x: null, y: null });
    this.cursor();
    return was !== null;
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    event.preventDefault();
    const box = this.stage.container.getBoundingClientRect();
    const pad = event.deltaMode === 0 && (event.deltaX !== 0 || Math.abs(event.deltaY) < 40);
    if (event.ctrlKey || event.metaKey || !(pad || event.shiftKey)) {
      const step = event.ctrlKey && pad ? 0.01 : 0.0016;
      const about = { x: event.clientX - box.left, y: event.clientY - box.top };
      this.stage.zoomBy(Math.exp(-event.deltaY * step * (event.deltaMode ? 30 : 1)), about);
    } else if (event.shiftKey && !event.deltaX) this.stage.pan(-event.deltaY, 0);
    else this.stage.pan(-event.deltaX, -event.deltaY);
  }
}
