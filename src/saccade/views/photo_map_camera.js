// @ts-check
/** Which part of a map is looked at: where, and how near. It never leaves the map. */

const MOST_ZOOM = 40;
/** A map that is nearer than this is moved by one finger. */
const NEAR = 1.01;

/** @typedef {ReturnType<typeof createCamera>} Camera */

export function createCamera() {
  let width = 1;
  let height = 1;
  let zoom = 1;
  let left = 0;
  let top = 0;

  function hold() {
    zoom = Math.min(MOST_ZOOM, Math.max(1, zoom));
    left = Math.min(0, Math.max(width * (1 - zoom), left));
    top = Math.min(0, Math.max(height * (1 - zoom), top));
  }

  return {
    /** What it sees, in pixels of the page: the frame's size, and where the plane begins. */
    view: () => ({ width, height, zoom, left, top }),
    isNear: () => zoom > NEAR,
    /** @param {number} wide @param {number} high the frame's new size */
    resize(wide, high) {
      width = wide;
      height = high;
      hold();
    },
    /** @param {number} x @param {number} y */
    pan(x, y) {
      left += x;
      top += y;
      hold();
    },
    /**
     * @param {number} factor
     * @param {number} [x] @param {number} [y] the point of the frame that stays where it is
     * @param {number} [right] @param {number} [down] by how much it is moved as well
     */
    zoomBy(factor, x = width / 2, y = height / 2, right = 0, down = 0) {
      const next = Math.min(MOST_ZOOM, Math.max(1, zoom * factor));
      left = x - ((x - left - right) * next) / zoom;
      top = y - ((y - top - down) * next) / zoom;
      zoom = next;
      hold();
    },
    /** See all of it. */
    reset() {
      zoom = 1;
      left = 0;
      top = 0;
    },
  };
}
