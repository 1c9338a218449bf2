// @ts-check
/** What a person has covered so far: an occlusion map that is painted by hand. */

/** How many pixels of the model's image one place of the trail is wide. */
const TRAIL_STEP = 2;

/**
 * @param {number} rows of the model's image
 * @param {number} columns
 */
export function createTrail(rows, columns) {
  const down = Math.ceil(rows / TRAIL_STEP);
  const across = Math.ceil(columns / TRAIL_STEP);
  const sums = new Float32Array(down * across);
  const weights = new Float32Array(down * across);
  const means = new Float32Array(down * across).fill(NaN);
  return {
    rows: down,
    columns: across,
    /** The mean over all covers that lay on a place, the more the nearer their middle was; NaN where there was none. */
    means,
    /** @param {{top: number, left: number, size: number}} cover @param {number} value what it changed */
    add({ top, left, size }, value) {
      const half = size / 2;
      for (let row = Math.floor(top / TRAIL_STEP); row < Math.min((top + size) / TRAIL_STEP, down); row += 1) {
        const y = ((row + 0.5) * TRAIL_STEP - top - half) / half;
        for (let column = Math.floor(left / TRAIL_STEP); column < Math.min((left + size) / TRAIL_STEP, across); column += 1) {
          const x = ((column + 0.5) * TRAIL_STEP - left - half) / half;
          const weight = Math.max(1 - x * x, 0) * Math.max(1 - y * y, 0);
          if (weight === 0) continue;
          const place = row * across + column;
          sums[place] += weight * value;
          weights[place] += weight;
          means[place] = sums[place] / weights[place];
        }
      }
    },
    clear() {
      sums.fill(0);
      weights.fill(0);
      means.fill(NaN);
    },
    /** @returns {{share: number, greatest: number, place: number}} how much is painted, and where most changed (-1: nowhere) */
    summary() {
      let painted = 0;
      let place = -1;
      for (let k = 0; k < means.length; k += 1) {
        if (weights[k] === 0) continue;
        painted += 1;
        if (place < 0 || means[k] > means[place]) place = k;
      }
      return { share: painted / means.length, greatest: place < 0 ? 0 : means[place], place };
    },
  };
}
