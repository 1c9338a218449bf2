// @ts-check
/** Which photos of a map are meant: by a point, a direction, or a line around them. */

/** Pixels from the middle of a photo within which the pointer still means it. */
const PICK_RADIUS = 14;

/** @typedef {readonly [number, number, number, number]} PhotoBox left, top, width and height of a photo in the frame */
/** @typedef {(number: number) => PhotoBox} BoxOf */

/** @param {PhotoBox} box @returns {[number, number]} */
export function middleOfBox([x, y, wide, high]) {
  return [x + wide / 2, y + high / 2];
}

/**
 * Which photo lies there? The uppermost one, else the nearest within reach.
 * @param {number} x @param {number} y @param {number} count @param {BoxOf} boxOf
 * @param {number[]} above those that lie above the others
 * @returns {number} -1: none
 */
export function photoAt(x, y, count, boxOf, above) {
  for (const number of above) if (isInside(boxOf(number), x, y)) return number;
  let nearest = -1;
  let least = PICK_RADIUS ** 2;
  for (let number = count - 1; number >= 0; number -= 1) {
    const box = boxOf(number);
    if (isInside(box, x, y)) return number;
    const distance = (box[0] + box[2] / 2 - x) ** 2 + (box[1] + box[3] / 2 - y) ** 2;
    if (distance < least) { least = distance; nearest = number; }
  }
  return nearest;
}

/** @param {PhotoBox} box @param {number} x @param {number} y */
function isInside(box, x, y) {
  return x >= box[0] && y >= box[1] && x <= box[0] + box[2] && y <= box[1] + box[3];
}

/** The photo whose middle is nearest to a point. @param {number} x @param {number} y @param {number} count @param {BoxOf} boxOf @returns {number} */
export function photoNearest(x, y, count, boxOf) {
  let nearest = 0;
  let least = Infinity;
  for (let number = 0; number < count; number += 1) {
    const [across, down] = middleOfBox(boxOf(number));
    const far = Math.hypot(across - x, down - y);
    if (far < least) { least = far; nearest = number; }
  }
  return nearest;
}

/**
 * The nearest photo in a direction.
 * @param {Float32Array} places x and y of every photo
 * @param {number} from @param {number} right @param {number} down
 * @returns {number} `from` itself where there is none
 */
export function photoBeside(places, from, right, down) {
  let next = from;
  let least = Infinity;
  for (let number = 0; number < places.length / 2; number += 1) {
    const x = places[2 * number] - places[2 * from];
    const y = places[2 * number + 1] - places[2 * from + 1];
    const along = x * right + y * down;
    const aside = Math.abs(x * down + y * right);
    if (along <= 0.5 || aside > 2 * along) continue;
    const far = along + 1.5 * aside;
    if (far < least) { least = far; next = number; }
  }
  return next;
}

/**
 * The photos whose middle a line goes around.
 * @param {[number, number][]} around @param {number} count @param {BoxOf} boxOf
 * @param {CanvasRenderingContext2D} context any, to ask
 * @returns {number[]}
 */
export function photosWithin(around, count, boxOf, context) {
  const shape = new Path2D();
  around.forEach(([x, y], index) => (index ? shape.lineTo(x, y) : shape.moveTo(x, y)));
  shape.closePath();
  context.setTransform(1, 0, 0, 1, 0, 0);
  return Array.from({ length: count }, (_, number) => number).filter((number) => context.isPointInPath(shape, ...middleOfBox(boxOf(number))));
}
