// @ts-check
/** The image that the model is given: painted as a picture, and covered in part. */

/** The corners of a cover, as a share of its side. */
export const COVER_ROUNDNESS = 0.28;

/** @typedef {{top: number, left: number, size: number}} Cover in pixels of the model's image */
/** @typedef {{rows: number, columns: number, channels: number, low: number, high: number}} ImageFormat with the model's value range */

/** @param {{input: number[], value_range: number[]}} model @returns {ImageFormat} */
export function imageFormat(model) {
  const [rows, columns, channels] = model.input;
  const [low, high] = model.value_range;
  return { rows, columns, channels, low, high };
}

/** @param {HTMLCanvasElement} canvas gets the image's own size @param {ArrayLike<number>} image @param {ImageFormat} format */
export function paintModelImage(canvas, image, { rows, columns, channels, low, high }) {
  canvas.width = columns;
  canvas.height = rows;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const target = context.createImageData(columns, rows);
  for (let pixel = 0; pixel < rows * columns; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      const value = image[pixel * channels + Math.min(channel, channels - 1)];
      target.data[4 * pixel + channel] = (255 * (value - low)) / (high - low);
    }
    target.data[4 * pixel + 3] = 255;
  }
  context.putImageData(target, 0, 0);
}

/**
 * @param {number} x the middle, in pixels of the image @param {number} y
 * @param {number} size
 * @param {ImageFormat} format
 * @returns {Cover} within the image
 */
export function coverAround(x, y, size, { rows, columns }) {
  const left = Math.round(Math.min(Math.max(x - size / 2, 0), columns - size));
  const top = Math.round(Math.min(Math.max(y - size / 2, 0), rows - size));
  return { top, left, size };
}

/**
 * @param {Float32Array} image
 * @param {ArrayLike<number>} blurred what lies under the cover
 * @param {Cover} cover
 * @param {ImageFormat} format
 * @returns {Float32Array} what the model gets
 */
export function coveredImage(image, blurred, cover, { columns, channels }) {
  const result = image.slice();
  const radius = COVER_ROUNDNESS * cover.size;
  const half = cover.size / 2;
  for (let row = 0; row < cover.size; row += 1) {
    for (let column = 0; column < cover.size; column += 1) {
      // How far inside the rounded square does this pixel lie? On the edge it is half covered.
      const x = Math.max(Math.abs(column + 0.5 - half) - (half - radius), 0);
      const y = Math.max(Math.abs(row + 0.5 - half) - (half - radius), 0);
      const share = Math.min(Math.max(radius - Math.hypot(x, y) + 0.5, 0), 1);
      const start = ((cover.top + row) * columns + cover.left + column) * channels;
      for (let k = start; k < start + channels; k += 1) result[k] += share * (blurred[k] - result[k]);
    }
  }
  return result;
}
