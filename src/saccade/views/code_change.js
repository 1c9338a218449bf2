// @ts-check
/** How far has a code moved? As a whole, and cell by cell. */

/**
 * @typedef {object} CodeChange
 * @property {number} similarity cosine of the two codes
 * @property {number} share squared change of the code, as a share of the code's square
 * @property {Float32Array} cells how far each cell moved, as a share of the cells' typical length
 */

/**
 * @param {ArrayLike<number>} before rows x columns x channels
 * @param {ArrayLike<number>} now
 * @param {number} cells how many cells the code has
 * @returns {CodeChange}
 */
export function codeChange(before, now, cells) {
  const channels = before.length / cells;
  let square = 0;
  let squareNow = 0;
  let product = 0;
  let change = 0;
  const moved = new Float32Array(cells);
  for (let cell = 0; cell < cells; cell += 1) {
    let own = 0;
    for (let k = cell * channels; k < (cell + 1) * channels; k += 1) {
      square += before[k] * before[k];
      squareNow += now[k] * now[k];
      product += before[k] * now[k];
      own += (now[k] - before[k]) ** 2;
    }
    change += own;
    moved[cell] = Math.sqrt(own);
  }
  // A typical cell: the root of the mean square of their lengths.
  const typical = Math.sqrt(square / cells) || 1;
  for (let cell = 0; cell < cells; cell += 1) moved[cell] /= typical;
  return {
    similarity: product / (Math.sqrt(square * squareNow) || 1),
    share: change / (square || 1),
    cells: moved,
  };
}

/**
 * Spearman's correlation: do two lists put things into the same order?
 * @param {number[]} a
 * @param {number[]} b
 * @returns {number} -1 to 1; 0 where one of them is constant
 */
export function correlationOfRanks(a, b) {
  const [first, second] = [ranksOf(a), ranksOf(b)];
  const middle = (a.length - 1) / 2;
  let product = 0;
  let squares = 0;
  let otherSquares = 0;
  for (let k = 0; k < a.length; k += 1) {
    product += (first[k] - middle) * (second[k] - middle);
    squares += (first[k] - middle) ** 2;
    otherSquares += (second[k] - middle) ** 2;
  }
  return product / (Math.sqrt(squares * otherSquares) || 1);
}

/** @param {number[]} values @returns {number[]} from 0; equal values share the mean of their ranks */
function ranksOf(values) {
  const order = values.map((_, index) => index).sort((one, other) => values[one] - values[other]);
  const ranks = new Array(values.length).fill(0);
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && values[order[end]] === values[order[start]]) end += 1;
    for (let k = start; k < end; k += 1) ranks[order[k]] = (start + end - 1) / 2;
    start = end;
  }
  return ranks;
}

/**
 * @param {ArrayLike<number>} computed
 * @param {ArrayLike<number>} expected
 * @returns {number} the largest difference, as a share of the largest of the expected numbers
 */
export function largestDifference(computed, expected) {
  let difference = 0;
  let largest = 0;
  for (let k = 0; k < expected.length; k += 1) {
    difference = Math.max(difference, Math.abs(computed[k] - expected[k]));
    largest = Math.max(largest, Math.abs(expected[k]));
  }
  return difference / (largest || 1);
}
