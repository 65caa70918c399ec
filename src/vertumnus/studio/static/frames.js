// Binary frames: poses of many layers, little-endian; see docs/api.md.
//
//   u8 version = 1, u8 kind, u16 zero, u32 revision, u32 step, u32 count,
//   count u32 slots, then x, y, scale, rotation (degrees) of count float32 each, then count u8 flags

const HEAD = 16;
export const FLIP = 1;
export const PLACED = 2;
export const PINNED = 4;
export const POSES = 1;
export const DRAG = 3;

/**
 * @typedef {object} Frame
 * @property {number} kind
 * @property {number} revision
 * @property {number} step
 * @property {Uint32Array} slots
 * @property {Float32Array} x
 * @property {Float32Array} y
 * @property {Float32Array} scale
 * @property {Float32Array} rotation
 * @property {Uint8Array} flags
 */

/**
 * @param {ArrayBuffer} buffer
 * @returns {Frame | null} null for a frame of another version, or one that is not whole
 */
export function readFrame(buffer) {
  if (buffer.byteLength < HEAD) return null;
  const head = new DataView(buffer);
  const count = head.getUint32(12, true);
  if (head.getUint8(0) !== 1 || buffer.byteLength !== HEAD + count * 21) return null;
  const at = (/** @type {number} */ n) => HEAD + 4 * count * n;
  return {
    kind: head.getUint8(1),
    revision: head.getUint32(4, true),
    step: head.getUint32(8, true),
    slots: new Uint32Array(buffer, at(0), count),
    x: new Float32Array(buffer, at(1), count),
    y: new Float32Array(buffer, at(2), count),
    scale: new Float32Array(buffer, at(3), count),
    rotation: new Float32Array(buffer, at(4), count),
    flags: new Uint8Array(buffer, at(5), count),
  };
}

/**
 * What a hand does to some layers, while it does it.
 * @param {import('./types').Layer[]} layers
 * @param {number} revision
 */
export function dragFrame(layers, revision) {
  const count = layers.length;
  const buffer = new ArrayBuffer(HEAD + count * 21);
  const head = new DataView(buffer);
  head.setUint8(0, 1);
  head.setUint8(1, DRAG);
  head.setUint32(4, revision, true);
  head.setUint32(12, count, true);
  layers.forEach((layer, n) => {
    head.setUint32(HEAD + 4 * n, layer.slot, true);
    [layer.x, layer.y, layer.scale, layer.rotation].forEach((value, k) =>
      head.setFloat32(HEAD + 4 * (count * (k + 1) + n), value, true),
    );
    head.setUint8(HEAD + 20 * count + n, (layer.flip ? FLIP : 0) | PLACED);
  });
  return buffer;
}

/**
 * Says that a frame has been seen, so that the next may come.
 * @param {number} step
 */
export function seenFrame(step) {
  const buffer = new ArrayBuffer(5);
  const view = new DataView(buffer);
  view.setUint8(0, 2);
  view.setUint32(1, step, true);
  return buffer;
}
