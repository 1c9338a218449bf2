// @ts-check
/** An image's own blur, as the library computes it: what stands for "nothing new" under a cover. */

/**
 * Smooth along both axes; edges are mirrored, so that a constant stays a constant.
 * @param {ArrayLike<number>} image rows x columns x channels
 * @param {number} rows
 * @param {number} columns
 * @param {number} channels
 * @param {number} sigma standard deviation in pixels
 * @returns {Float32Array<ArrayBuffer>}
 */
export function gaussianBlur(image, rows, columns, channels, sigma) {
  const down = smoothingMatrix(rows, sigma);
  const across = smoothingMatrix(columns, sigma);
  const width = columns * channels;
  const tall = new Float32Array(rows * width);
  for (let row = 0; row < rows; row += 1) {
    for (let other = 0; other < rows; other += 1) {
      const weight = down[row * rows + other];
      if (weight === 0) continue;
      for (let k = 0; k < width; k += 1) tall[row * width + k] += weight * image[other * width + k];
    }
  }
  const result = new Float32Array(rows * width);
  for (let column = 0; column < columns; column += 1) {
    for (let other = 0; other < columns; other += 1) {
      const weight = across[column * columns + other];
      if (weight === 0) continue;
      for (let row = 0; row < rows; row += 1) {
        const to = (row * columns + column) * channels;
        const from = (row * columns + other) * channels;
        for (let channel = 0; channel < channels; channel += 1) result[to + channel] += weight * tall[from + channel];
      }
    }
  }
  return result;
}

/**
 * How much every place takes from every other one.
 * @param {number} length
 * @param {number} sigma
 * @returns {Float64Array} length x length
 */
function smoothingMatrix(length, sigma) {
  const reach = Math.min(Math.ceil(4 * sigma), 2 * length);
  const weights = Array.from({ length: 2 * reach + 1 }, (_, index) => Math.exp(-0.5 * ((index - reach) / sigma) ** 2));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const matrix = new Float64Array(length * length);
  for (let place = 0; place < length; place += 1) {
    for (let index = 0; index <= 2 * reach; index += 1) {
      const folded = (((place + index - reach) % (2 * length)) + 2 * length) % (2 * length);
      matrix[place * length + (folded < length ? folded : 2 * length - 1 - folded)] += weights[index] / sum;
    }
  }
  return matrix;
}
