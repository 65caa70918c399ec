// Draws the layers of a document, all of them or those below, among and above the ones that a hand moves.

import { matrixOf, boxOf } from "../geometry.js";
import * as state from "../state.js";

/** @typedef {import('../types').Layer} Layer */
/** @typedef {{scale: number, x: number, y: number, ratio: number, width: number, height: number}} View
 *    canvas pixels to screen pixels: screen = scale * canvas + (x, y); ratio: device pixels to a screen pixel */
/** @typedef {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} Context */

/** @type {CanvasPattern | null} */
let checks = null;
let checksDark = false;

/**
 * The pattern that stands for a transparent ground.
 * @param {Context} context
 * @param {boolean} dark
 */
function pattern(context, dark) {
  if (checks && checksDark === dark) return checks;
  const tile = new OffscreenCanvas(20, 20);
  const pen = /** @type {OffscreenCanvasRenderingContext2D} */ (tile.getContext("2d"));
  pen.fillStyle = dark ? "#34353a" : "#ffffff";
  pen.fillRect(0, 0, 20, 20);
  pen.fillStyle = dark ? "#3b3c42" : "#f1f0ee";
  pen.fillRect(0, 0, 10, 10);
  pen.fillRect(10, 10, 10, 10);
  checks = context.createPattern(tile, "repeat");
  checksDark = dark;
  return checks;
}

export class Scene {
  /** @param {import('./sprites.js').Sprites} sprites */
  constructor(sprites) {
    this.sprites = sprites;
    this.dark = false;
    /** What lies still while something is moved: drawn once. @type {{below: OffscreenCanvas, above: OffscreenCanvas, from: number, to: number, key: string} | null} */
    this.still = null;
    this.version = 0;
    this.smooth = true;
    /** @type {Path2D | null} */
    this.clip = null;
    this.clipText = "";
  }

  /** Something has changed that is not held by a hand. */
  stale() {
    this.version += 1;
  }

  /**
   * @param {Context} context
   * @param {View} view
   */
  draw(context, view) {
    if (state.held.size && !state.running()) this.drawHeld(context, view);
    else {
      this.still = null;
      this.ground(context, view);
      this.layers(context, view, 0, state.stack.layers.length);
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.globalAlpha = 1;
  }

  /**
   * @param {Context} context
   * @param {View} view
   */
  drawHeld(context, view) {
    const key = `${this.version} ${view.scale} ${view.x} ${view.y} ${view.width} ${view.height} ${state.held.size}`;
    if (this.still?.key !== key) {
      const stack = state.stack.layers;
      let from = stack.findIndex((layer) => state.held.has(layer.id));
      let to = stack.length;
      while (to > from && !state.held.has(/** @type {Layer} */ (stack[to - 1]).id)) to -= 1;
      if (from < 0) from = to = stack.length;
      const surface = () => new OffscreenCanvas(context.canvas.width, context.canvas.height);
      const [below, above] = [surface(), surface()];
      const first = /** @type {Context} */ (below.getContext("2d"));
      this.ground(first, view);
      this.layers(first, view, 0, from);
      this.layers(/** @type {Context} */ (above.getContext("2d")), view, to, stack.length);
      this.still = { below, above, from, to, key };
    }
    const { below, above, from, to } = this.still;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.globalAlpha = 1;
    context.drawImage(below, 0, 0);
    this.layers(context, view, from, to);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(above, 0, 0);
  }

  /**
   * The canvas itself, and what a clip leaves of it.
   * @param {Context} context
   * @param {View} view
   */
  ground(context, view) {
    const canvas = state.canvas.value;
    if (!canvas) return;
    const { ratio, scale } = view;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const [left, top] = [Math.round(view.x * ratio) / ratio, Math.round(view.y * ratio) / ratio];
    const [width, height] = [canvas.width * scale, canvas.height * scale];
    context.save();
    context.shadowColor = this.dark ? "rgba(0,0,0,.5)" : "rgba(40,30,20,.16)";
    context.shadowBlur = 18 * ratio;
    context.shadowOffsetY = 3 * ratio;
    context.fillStyle = this.dark ? "#34353a" : "#ffffff";
    context.fillRect(left, top, width, height);
    context.restore();
    if (canvas.background) context.fillStyle = canvas.background;
    else context.fillStyle = pattern(context, this.dark) ?? "#ffffff";
    context.fillRect(left, top, width, height);
  }

  /**
   * Layers of the stack, from one to before another.
   * @param {Context} context
   * @param {View} view
   * @param {number} from
   * @param {number} to
   */
  layers(context, view, from, to) {
    const canvas = state.canvas.value;
    if (!canvas) return;
    context.imageSmoothingEnabled = this.smooth;
    const { ratio } = view;
    const k = view.scale * ratio;
    const [dx, dy] = [view.x * ratio, view.y * ratio];
    const { width, height } = context.canvas;
    const clip = this.clipOf(canvas.clip);
    if (clip) {
      context.save();
      context.setTransform(k, 0, 0, k, dx, dy);
      context.clip(clip, "evenodd");
    }
    const stack = state.stack.layers;
    for (let n = from; n < to; n++) {
      const layer = /** @type {Layer} */ (stack[n]);
      if (!layer.visible || layer.opacity <= 0) continue;
      const [w, h] = layer.size;
      const reach = layer.scale * Math.max(1, layer.squeeze) * (w + h) * (layer.shear ? 4 : 0.71) * k;
      const [cx, cy] = [layer.x * k + dx, layer.y * k + dy];
      if (cx + reach < 0 || cy + reach < 0 || cx - reach > width || cy - reach > height) continue;
      const bitmap = this.sprites.get(layer, layer.scale * k * Math.max(1, layer.squeeze));
      if (!bitmap) {
        this.missing(context, layer, k, dx, dy);
        continue;
      }
      context.globalAlpha = state.unplaced.has(layer.slot) ? layer.opacity * 0.25 : layer.opacity;
      if (layer.snap && layer.rotation % 360 === 0 && !layer.shear && !layer.flip) {
        const box = boxOf(layer);
        const [x0, y0] = [Math.round(box.left * k + dx), Math.round(box.top * k + dy)];
        context.setTransform(1, 0, 0, 1, 0, 0);
        this.picture(context, layer, bitmap, x0, y0, Math.round(box.right * k + dx) - x0, Math.round(box.bottom * k + dy) - y0);
        continue;
      }
      const m = matrixOf(layer);
      context.setTransform(m[0] * k, m[1] * k, m[2] * k, m[3] * k, cx, cy);
      this.picture(context, layer, bitmap, -w / 2, -h / 2, w, h);
    }
    if (clip) context.restore();
    context.globalAlpha = 1;
  }

  /**
   * @param {Context} context
   * @param {Layer} layer
   * @param {ImageBitmap} bitmap
   * @param {number} x
   * @param {number} y
   * @param {number} width
   * @param {number} height
   */
  picture(context, layer, bitmap, x, y, width, height) {
    const hexagon = layer.outline === "hexagon";
    if (hexagon) {
      context.save();
      context.beginPath();
      for (const [u, v] of /** @type {[number, number][]} */ ([[0.5, 0], [1, 0.25], [1, 0.75], [0.5, 1], [0, 0.75], [0, 0.25]]))
        context.lineTo(x + u * width, y + v * height);
      context.clip();
    }
    if (layer.crop && layer.picture) {
      const [kx, ky] = [bitmap.width / layer.picture[0], bitmap.height / layer.picture[1]];
      const [left, top, w, h] = layer.crop;
      context.drawImage(bitmap, left * kx, top * ky, w * kx, h * ky, x, y, width, height);
    } else context.drawImage(bitmap, x, y, width, height);
    if (hexagon) context.restore();
  }

  /**
   * A picture that has not come yet.
   * @param {Context} context
   * @param {Layer} layer
   * @param {number} k
   * @param {number} dx
   * @param {number} dy
   */
  missing(context, layer, k, dx, dy) {
    const m = matrixOf(layer);
    const [w, h] = layer.size;
    context.globalAlpha = 0.12;
    context.fillStyle = this.dark ? "#ffffff" : "#000000";
    context.setTransform(m[0] * k, m[1] * k, m[2] * k, m[3] * k, layer.x * k + dx, layer.y * k + dy);
    context.fillRect(-w / 2, -h / 2, w, h);
  }

  /** @param {string | null} text */
  clipOf(text) {
    if (!text) return null;
    if (text !== this.clipText) {
      this.clipText = text;
      this.clip = new Path2D(text);
    }
    return this.clip;
  }
}
