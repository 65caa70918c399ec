// Between two frames of poses layers move on smoothly: a run says some ten or thirty times a second where they are, and
// a hand's eye sees every frame of the screen. What is shown is at most one frame of poses late.

import * as state from "./state.js";
import { FLIP, PLACED } from "./frames.js";

/** @typedef {import('./types').Layer} Layer */
/** @typedef {{layer: Layer, x: number, y: number, scale: number, rotation: number, toX: number, toY: number, toScale: number, toRotation: number}} Way
 *    from where a layer was shown, and where it goes */

const LONGEST = 160; // milliseconds that a way takes at most

/** @type {Map<string, Way>} */
let ways = new Map();
let began = 0;
let lasts = 33;
let arrived = 0;
let asked = 0;

/**
 * A part of the way from one number to another; all of it ends there, to the last bit.
 * @param {number} from
 * @param {number} to
 * @param {number} part
 */
const between = (from, to, part) => (part === 1 ? to : from + part * (to - from));

/** @param {number} time */
function step(time) {
  asked = 0;
  // The first frame shows the first part of the way, not its beginning.
  const part = Math.min(1, Math.max(0, time - began + 8) / lasts);
  for (const way of ways.values()) {
    const { layer } = way;
    if (state.held.has(layer.id)) continue;
    layer.x = between(way.x, way.toX, part);
    layer.y = between(way.y, way.toY, part);
    layer.scale = between(way.scale, way.toScale, part);
    layer.rotation = between(way.rotation, way.toRotation, part);
  }
  // What draws is asked for first: a frame's drawing that came after the next step would ask for every other frame.
  state.changed("poses");
  if (part === 1) ways.clear();
  else asked = requestAnimationFrame(step);
}

/**
 * Layers go where a frame says.
 * @param {import('./frames.js').Frame} frame
 */
export function follow(frame) {
  const now = performance.now();
  if (arrived && now - arrived < 1000) lasts += 0.3 * (Math.min(LONGEST, now - arrived) - lasts);
  arrived = began = now;
  const { slots, x, y, scale, rotation, flags } = frame;
  /** @type {Map<string, Way>} */
  const next = new Map();
  for (let n = 0; n < slots.length; n++) {
    const slot = /** @type {number} */ (slots[n]);
    const layer = state.slots.get(slot);
    if (!layer) continue;
    const flag = /** @type {number} */ (flags[n]);
    if (flag & PLACED) state.unplaced.delete(slot);
    else state.unplaced.add(slot);
    layer.flip = (flag & FLIP) !== 0;
    const way = {
      layer,
      x: layer.x,
      y: layer.y,
      scale: layer.scale,
      rotation: layer.rotation,
      toX: /** @type {number} */ (x[n]),
      toY: /** @type {number} */ (y[n]),
      toScale: /** @type {number} */ (scale[n]),
      toRotation: /** @type {number} */ (rotation[n]),
    };
    // The short way round; the end is as it was said, but for whole turns.
    way.toRotation -= 360 * Math.round((way.toRotation - layer.rotation) / 360);
    // Where it is there already, to what single precision tells apart, what is known more exactly stays.
    const near = 1e-6 * (Math.abs(way.x) + Math.abs(way.y) + 100);
    const turned = Math.abs(way.toRotation - way.rotation) < 1e-4 + 1e-6 * Math.abs(way.rotation);
    const moved = Math.abs(way.toX - way.x) >= near || Math.abs(way.toY - way.y) >= near;
    if (!moved && turned && Math.abs(way.toScale - way.scale) < 1e-6 * way.scale) continue;
    next.set(layer.id, way);
  }
  ways = next;
  if (!asked) asked = requestAnimationFrame(step);
}

/**
 * Layers of which it was said exactly where they are do not go on.
 * @param {Iterable<string>} ids
 */
export function settled(ids) {
  for (const id of ids) ways.delete(id);
}
