// @ts-check
/** Where the photos of a map lie in its frame: at the cells of a grid, or where an arrangement puts them, as large as there is room. */

/** This share of the frame stays free. */
const MARGIN = 0.035;
/** The longer side of a photo in pixels, at most: larger ones would hide each other where there are few. */
const LARGEST = 96;

/** Photos of a grid that are smaller touch each other, since a gap would take as much of the screen as they; on a page they are brought nearer. */
const TOUCHING = 14;
/** To this side, in pixels, at which it can be seen what is on them. */
const READABLE = 26;

/**
 * @typedef {object} Arrangement where every photo lies
 * @property {Float32Array} positions x and y of each; for a grid column and row
 * @property {number} columns of a grid, in which photos are cut to one shape; 0 where they lie freely
 * @property {number} [stretch] by how much it may be stretched to the shape of the screen; 1 where distances are real
 */

/**
 * @param {Arrangement} to @param {import("./photo_atlas.js").Atlas} atlas @param {number} width @param {number} height of the frame, in pixels
 * @param {Float32Array} into gets x and y of the middle of every photo, in pixels
 * @returns {number} the side of a photo
 */
export function placePhotos(to, { count, ratio }, width, height, into) {
  let left = Infinity;
  let right = -Infinity;
  let top = Infinity;
  let bottom = -Infinity;
  for (let index = 0; index < count; index += 1) {
    left = Math.min(left, to.positions[2 * index]);
    right = Math.max(right, to.positions[2 * index]);
    top = Math.min(top, to.positions[2 * index + 1]);
    bottom = Math.max(bottom, to.positions[2 * index + 1]);
  }
  if (to.columns) {
    const [cellWidth, cellHeight] = [Math.min(1, ratio), Math.min(1, 1 / ratio)];
    const columns = right - left + 1;
    const rows = bottom - top + 1;
    const pitch = Math.min((width * (1 - MARGIN)) / (columns * cellWidth), (height * (1 - MARGIN)) / (rows * cellHeight));
    const x = (width - columns * cellWidth * pitch) / 2;
    const y = (height - rows * cellHeight * pitch) / 2;
    for (let index = 0; index < count; index += 1) {
      into[2 * index] = x + (to.positions[2 * index] - left + 0.5) * cellWidth * pitch;
      into[2 * index + 1] = y + (to.positions[2 * index + 1] - top + 0.5) * cellHeight * pitch;
    }
    return pitch < TOUCHING ? pitch : pitch * 0.96;
  }
  const size = Math.min(width / 6, LARGEST, Math.max(9, 1.2 * Math.sqrt((width * height) / count)));
  const room = [width * (1 - MARGIN) - size, height * (1 - MARGIN) - size];
  const scale = Math.min(room[0] / (right - left || 1), room[1] / (bottom - top || 1));
  const across = Math.min(room[0] / (right - left || 1), (to.stretch ?? 1) * scale);
  const down = Math.min(room[1] / (bottom - top || 1), (to.stretch ?? 1) * scale);
  for (let index = 0; index < count; index += 1) {
    into[2 * index] = width / 2 + (to.positions[2 * index] - (left + right) / 2) * across;
    into[2 * index + 1] = height / 2 + (to.positions[2 * index + 1] - (top + bottom) / 2) * down;
  }
  return size;
}

/** How near a map begins: photos in rows are all shown where that makes them large enough to be seen. @param {Arrangement} to @param {number} side of a photo */
export function firstZoom(to, side) {
  return to.columns && side < TOUCHING ? READABLE / side : 1;
}
