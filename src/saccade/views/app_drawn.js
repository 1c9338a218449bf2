// @ts-check
/** What the decoder has drawn, from the server's numbers to pixels. */

/** @param {HTMLCanvasElement} canvas @param {import("./app_socket.js").SocketAnswer} answer @param {[number, number]} range of the model's values */
export function paintDrawn(canvas, answer, [low, high]) {
  const { rows, columns, channels } = answer.words;
  const values = new Float32Array(answer.numbers);
  canvas.width = columns;
  canvas.height = rows;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const target = context.createImageData(columns, rows);
  for (let pixel = 0; pixel < rows * columns; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) target.data[4 * pixel + channel] = (255 * (values[pixel * channels + Math.min(channel, channels - 1)] - low)) / (high - low);
    target.data[4 * pixel + 3] = 255;
  }
  context.putImageData(target, 0, 0);
}

/** @param {any} photo @returns {string} the shape of what the model was given of it, as it lay on the photo */
export function shapeOfGiven(photo) {
  return String(((photo.box[2] - photo.box[0]) * photo.width) / ((photo.box[3] - photo.box[1]) * photo.height));
}
