// Pictures of layers as bitmaps about as large as they are shown: small ones draw fast, and no picture is sent twice.

import { pictureUrl } from "../http.js";

/** @typedef {import('../types').Layer} Layer */
/** @typedef {{bitmap: ImageBitmap, side: number}} Sprite */

const SIDES = [64, 128, 256, 512, 1024, 2048];
const MOST_PIXELS = 150_000_000; // kept, all bitmaps together
const AT_ONCE = 6;
const MASK = 48; // pixels of the masks that say what of a picture can be clicked

/**
 * @param {number} light 0 to 1, sRGB
 */
const toLinear = (light) => (light <= 0.04045 ? light / 12.92 : ((light + 0.055) / 1.055) ** 2.4);
/**
 * @param {number} light 0 to 1, linear
 */
const toSrgb = (light) => (light <= 0.0031308 ? light * 12.92 : 1.055 * light ** (1 / 2.4) - 0.055);

/**
 * What each of 256 values of a channel becomes.
 * @param {number} gain
 * @param {number} offset
 * @param {"linear" | "srgb"} light
 */
function tone(gain, offset, light) {
  const table = new Uint8ClampedArray(256);
  for (let value = 0; value < 256; value++) {
    const given = light === "linear" ? toLinear(value / 255) : value / 255;
    const made = Math.min(1, Math.max(0, gain * given + offset));
    table[value] = 255 * (light === "linear" ? toSrgb(made) : made);
  }
  return table;
}

/** @param {Layer} layer */
function toneKey(layer) {
  const { gain: g, offset: o } = layer;
  if (g[0] === 1 && g[1] === 1 && g[2] === 1 && o[0] === 0 && o[1] === 0 && o[2] === 0) return "";
  return `|${g.map((v) => v.toFixed(3))}|${o.map((v) => v.toFixed(3))}|${layer.light}`;
}

export class Sprites {
  /**
   * @param {string} document
   * @param {() => void} arrived called when a picture has come
   */
  constructor(document, arrived) {
    this.document = document;
    this.arrived = arrived;
    /** By image: the bitmaps there are, by side. @type {Map<string, Map<number, ImageBitmap>>} */
    this.plain = new Map();
    /** By image, side and tone. @type {Map<string, ImageBitmap>} */
    this.toned = new Map();
    /** @type {Map<string, Uint8Array | null>} */
    this.masks = new Map();
    /** @type {Map<string, {image: string, side: number}>} */
    this.wanted = new Map();
    this.asked = new Set();
    this.failed = new Set();
    this.busy = 0;
    this.pixels = 0;
    this.closed = false;
  }

  close() {
    this.closed = true;
    for (const sizes of this.plain.values()) for (const bitmap of sizes.values()) bitmap.close();
    for (const bitmap of this.toned.values()) bitmap.close();
  }

  /**
   * The best there is of a layer's picture for so many pixels to a pixel of the picture; a better one is sent for.
   * @param {Layer} layer
   * @param {number} scale
   * @returns {ImageBitmap | null}
   */
  get(layer, scale) {
    const longest = Math.max(...(layer.picture ?? layer.size));
    const needed = longest * Math.min(scale, 1);
    let side = SIDES.find((one) => one >= needed * 0.8) ?? 2048;
    if (side > longest) side = SIDES.find((one) => one >= longest) ?? 2048;
    const sizes = this.plain.get(layer.image);
    let bitmap = sizes?.get(side) ?? null;
    let found = side;
    if (!bitmap) {
      this.want(layer.image, side);
      let best = Infinity;
      for (const [other, kept] of sizes ?? []) {
        const far = other > side ? other / side : (side / other) * 4;
        if (far < best) [best, bitmap, found] = [far, kept, other];
      }
    }
    const key = toneKey(layer);
    if (!key || !bitmap) return bitmap;
    return this.tonedOf(layer, bitmap, `${layer.image}@${found}${key}`);
  }

  /**
   * @param {Layer} layer
   * @param {ImageBitmap} bitmap
   * @param {string} key
   */
  tonedOf(layer, bitmap, key) {
    const kept = this.toned.get(key);
    if (kept) return kept;
    const surface = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (
      surface.getContext("2d", { willReadFrequently: true })
    );
    context.drawImage(bitmap, 0, 0);
    const pixels = context.getImageData(0, 0, bitmap.width, bitmap.height);
    const tables = [0, 1, 2].map((channel) =>
      tone(/** @type {number} */ (layer.gain[channel]), /** @type {number} */ (layer.offset[channel]), layer.light),
    );
    const data = pixels.data;
    const [red, green, blue] = /** @type {[Uint8ClampedArray, Uint8ClampedArray, Uint8ClampedArray]} */ (tables);
    for (let at = 0; at < data.length; at += 4) {
      data[at] = /** @type {number} */ (red[/** @type {number} */ (data[at])]);
      data[at + 1] = /** @type {number} */ (green[/** @type {number} */ (data[at + 1])]);
      data[at + 2] = /** @type {number} */ (blue[/** @type {number} */ (data[at + 2])]);
    }
    context.putImageData(pixels, 0, 0);
    const made = surface.transferToImageBitmap();
    this.toned.set(key, made);
    if (this.toned.size > 4000) {
      // The oldest go; they are made anew where they are still shown.
      for (const old of [...this.toned.keys()].slice(0, 1000)) {
        this.toned.get(old)?.close();
        this.toned.delete(old);
      }
    }
    return made;
  }

  /**
   * @param {string} image
   * @param {number} side
   */
  want(image, side) {
    const key = `${image}@${side}`;
    if (this.asked.has(key) || this.failed.has(image)) return;
    this.asked.add(key);
    this.wanted.set(key, { image, side });
    this.pump();
  }

  pump() {
    while (this.busy < AT_ONCE && this.wanted.size) {
      const [key, next] = /** @type {[string, {image: string, side: number}]} */ (
        this.wanted.entries().next().value
      );
      this.wanted.delete(key);
      this.busy += 1;
      this.load(next.image, next.side)
        .catch(() => this.failed.add(next.image))
        .finally(() => {
          this.busy -= 1;
          this.pump();
        });
    }
  }

  /**
   * @param {string} image
   * @param {number} side
   */
  async load(image, side) {
    const response = await fetch(pictureUrl(this.document, image, side));
    if (!response.ok) throw new Error(response.statusText);
    const bitmap = await createImageBitmap(await response.blob());
    if (this.closed) return bitmap.close();
    const sizes = this.plain.get(image) ?? new Map();
    this.plain.set(image, sizes);
    sizes.set(side, bitmap);
    this.pixels += bitmap.width * bitmap.height;
    if (this.pixels > MOST_PIXELS) this.forget();
    this.arrived();
  }

  /** Lets the largest bitmaps go, which are sent for again (out of the browser's cache) when they are shown. */
  forget() {
    for (const side of [...SIDES].reverse()) {
      for (const [image, sizes] of this.plain) {
        const bitmap = sizes.get(side);
        if (!bitmap || sizes.size === 1) continue;
        this.pixels -= bitmap.width * bitmap.height;
        sizes.delete(side);
        this.asked.delete(`${image}@${side}`);
        bitmap.close();
        if (this.pixels < MOST_PIXELS / 2) return;
      }
    }
  }

  /**
   * Whether a layer's picture has colour at a point, 0 to 1 across and down the whole picture.
   * @param {Layer} layer
   * @param {number} u
   * @param {number} v
   */
  solid(layer, u, v) {
    const mask = this.maskOf(layer.image);
    if (!mask) return true;
    const x = Math.min(MASK - 1, Math.floor(u * MASK));
    const y = Math.min(MASK - 1, Math.floor(v * MASK));
    // A thin piece can be clicked a pixel beside it.
    for (let dy = -1; dy <= 1; dy++) {
      for (let dx = -1; dx <= 1; dx++) {
        const [px, py] = [x + dx, y + dy];
        if (px >= 0 && py >= 0 && px < MASK && py < MASK && /** @type {number} */ (mask[py * MASK + px]) > 60) return true;
      }
    }
    return false;
  }

  /** @param {string} image */
  maskOf(image) {
    const kept = this.masks.get(image);
    if (kept !== undefined) return kept;
    const sizes = this.plain.get(image);
    const bitmap = sizes && [...sizes.entries()].sort(([a], [b]) => a - b)[0]?.[1];
    if (!bitmap) return null;
    const surface = new OffscreenCanvas(MASK, MASK);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (
      surface.getContext("2d", { willReadFrequently: true })
    );
    context.drawImage(bitmap, 0, 0, MASK, MASK);
    const data = context.getImageData(0, 0, MASK, MASK).data;
    const mask = new Uint8Array(MASK * MASK);
    for (let at = 0; at < mask.length; at++) mask[at] = /** @type {number} */ (data[4 * at + 3]);
    this.masks.set(image, mask);
    return mask;
  }
}
