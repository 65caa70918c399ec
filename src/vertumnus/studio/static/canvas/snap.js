// Snapping: a box that is dragged catches on the canvas's edges and middle, and on other layers'.

/** @typedef {import('../geometry.js').Box} Box */
/** @typedef {{x: number | null, y: number | null}} Guides lines to show, canvas pixels */

/**
 * Lines to catch on.
 * @param {{width: number, height: number}} canvas
 * @param {Iterable<Box>} boxes
 */
export function linesOf(canvas, boxes) {
  const xs = [0, canvas.width / 2, canvas.width];
  const ys = [0, canvas.height / 2, canvas.height];
  for (const box of boxes) {
    xs.push(box.left, (box.left + box.right) / 2, box.right);
    ys.push(box.top, (box.top + box.bottom) / 2, box.bottom);
  }
  return { xs: xs.sort((a, b) => a - b), ys: ys.sort((a, b) => a - b) };
}

/**
 * The line nearest to one of some places, if it is near enough.
 * @param {number[]} lines
 * @param {number[]} places
 * @param {number} reach
 */
function nearest(lines, places, reach) {
  let shift = 0;
  let line = null;
  let least = reach;
  for (const place of places) {
    for (const one of lines) {
      const away = Math.abs(one - place);
      if (away < least) [least, shift, line] = [away, one - place, one];
    }
  }
  return { shift, line };
}

/**
 * How far a box is moved on so that it catches.
 * @param {Box} box
 * @param {{xs: number[], ys: number[]}} lines
 * @param {number} reach canvas pixels
 * @returns {{dx: number, dy: number, guides: Guides}}
 */
export function snapped(box, lines, reach) {
  const x = nearest(lines.xs, [box.left, (box.left + box.right) / 2, box.right], reach);
  const y = nearest(lines.ys, [box.top, (box.top + box.bottom) / 2, box.bottom], reach);
  return { dx: x.shift, dy: y.shift, guides: { x: x.line, y: y.line } };
}
