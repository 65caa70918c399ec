// Frames that were drawn and how long hands waited to see what they did; for tests and `benchmarks/studio.py`.

const MOST = 20_000;
/** Times at which a frame that shows something new began, milliseconds. @type {number[]} */
const frames = [];
/** From an input event to the frame after the one that drew it, milliseconds. @type {number[]} */
const latencies = [];
let pending = 0;

/** @param {number} time of an input event that moves something */
export function input(time) {
  if (!pending) pending = time;
}

/** @param {number} time of a frame in which something was drawn */
export function drawn(time) {
  frames.push(time);
  if (frames.length > MOST) frames.splice(0, MOST / 2);
  if (!pending) return;
  const since = pending;
  pending = 0;
  // What is drawn in one frame is seen when the next begins.
  requestAnimationFrame((now) => {
    latencies.push(now - since);
    if (latencies.length > MOST) latencies.splice(0, MOST / 2);
  });
}

/** Forgets what was measured, and returns it. */
export function measured() {
  return { frames: frames.splice(0), latencies: latencies.splice(0) };
}
