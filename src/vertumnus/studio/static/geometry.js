// Where a layer lies: its matrix as in the document, back from a matrix to its fields, and boxes.

/** @typedef {import('./types').Layer} Layer */
/** @typedef {[number, number, number, number, number, number]} Matrix a, b, c, d, e, f as in SVG */

const DEGREES = 180 / Math.PI;

/**
 * From picture pixels, origin in the middle of what is shown, to canvas pixels:
 * translate(x y) rotate(r) skewX(shear) scale(±s, s*squeeze).
 * @param {Layer} layer
 * @returns {Matrix}
 */
export function matrixOf(layer) {
  const r = layer.rotation / DEGREES;
  const cos = Math.cos(r);
  const sin = Math.sin(r);
  const k = layer.shear ? Math.tan(layer.shear / DEGREES) : 0;
  const sx = layer.flip ? -layer.scale : layer.scale;
  const sy = layer.scale * layer.squeeze;
  return [cos * sx, sin * sx, (cos * k - sin) * sy, (sin * k + cos) * sy, layer.x, layer.y];
}

/**
 * The fields of a layer whose matrix this is. Any matrix that can be inverted has them.
 * @param {Matrix} matrix
 */
export function fieldsOf([a, b, c, d, e, f]) {
  const flip = a * d - b * c < 0;
  const scale = Math.hypot(a, b);
  const sx = flip ? -scale : scale;
  const rotation = Math.atan2(b / sx, a / sx) * DEGREES;
  const sy = (a * d - b * c) / sx;
  const shear = Math.atan((a * c + b * d) / (sx * sy)) * DEGREES;
  return { x: e, y: f, scale, squeeze: sy / scale, rotation, shear, flip };
}

/**
 * What the first does after the second.
 * @param {Matrix} m
 * @param {Matrix} n
 * @returns {Matrix}
 */
export function times(m, n) {
  return [
    m[0] * n[0] + m[2] * n[1],
    m[1] * n[0] + m[3] * n[1],
    m[0] * n[2] + m[2] * n[3],
    m[1] * n[2] + m[3] * n[3],
    m[0] * n[4] + m[2] * n[5] + m[4],
    m[1] * n[4] + m[3] * n[5] + m[5],
  ];
}

/**
 * @param {Matrix} m
 * @returns {Matrix}
 */
export function inverse([a, b, c, d, e, f]) {
  const det = a * d - b * c;
  return [d / det, -b / det, -c / det, a / det, (c * f - d * e) / det, (b * e - a * f) / det];
}

/**
 * @param {Matrix} m
 * @param {number} x
 * @param {number} y
 */
export function apply(m, x, y) {
  return { x: m[0] * x + m[2] * y + m[4], y: m[1] * x + m[3] * y + m[5] };
}

/**
 * The upright box of a layer, canvas pixels.
 * @param {Layer} layer
 */
export function boxOf(layer) {
  const [a, b, c, d, e, f] = matrixOf(layer);
  const halfWidth = (Math.abs(a) * layer.size[0] + Math.abs(c) * layer.size[1]) / 2;
  const halfHeight = (Math.abs(b) * layer.size[0] + Math.abs(d) * layer.size[1]) / 2;
  return { left: e - halfWidth, top: f - halfHeight, right: e + halfWidth, bottom: f + halfHeight };
}

/** @typedef {{left: number, top: number, right: number, bottom: number}} Box */

/**
 * The box around several.
 * @param {Iterable<Layer>} layers
 * @returns {Box | null}
 */
export function boxAround(layers) {
  /** @type {Box | null} */
  let all = null;
  for (const layer of layers) {
    const box = boxOf(layer);
    all = all
      ? {
          left: Math.min(all.left, box.left),
          top: Math.min(all.top, box.top),
          right: Math.max(all.right, box.right),
          bottom: Math.max(all.bottom, box.bottom),
        }
      : box;
  }
  return all;
}

/**
 * Degrees between -180 and 180.
 * @param {number} degrees
 */
export function upright(degrees) {
  return ((((degrees + 180) % 360) + 360) % 360) - 180;
}
