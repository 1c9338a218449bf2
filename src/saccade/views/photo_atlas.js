// @ts-check
/** Many small photos out of a few large images. A photo keeps its number, whatever is shown of it. */
import { decodeArray } from "./arrays.js";
import { build } from "./build.js";
import { loadImage } from "./stage.js";

/** Halvings that are kept ready: small sprites are drawn from small images, which is quicker and does not flicker. */
const HALVINGS = 3;

/**
 * @typedef {object} Atlas
 * @property {number} count
 * @property {Uint8Array} shapes width and height of every photo, as it is carried
 * @property {number[]} cell width and height of the largest
 * @property {number} ratio width to height of the photo in the middle of all
 * @property {(context: CanvasRenderingContext2D, number: number, x: number, y: number, width: number, height: number, pixels: number) => void} draw
 *     the middle of a photo, as much as fills the box
 */

/** @param {any} spec @returns {Promise<Atlas>} */
export async function openAtlas(spec) {
  const images = await Promise.all(spec.pages.map(loadImage));
  const shapes = /** @type {Uint8Array} */ (decodeArray(spec.shapes).values);
  const [cellWidth, cellHeight] = spec.cell;
  const levels = images.map((image) => {
    /** @type {CanvasImageSource[]} */
    const sizes = [];
    let last = /** @type {HTMLImageElement | HTMLCanvasElement} */ (image);
    for (let halving = 0; halving <= HALVINGS; halving += 1) {
      const width = Math.max(1, Math.round(image.naturalWidth / 2 ** halving));
      const height = Math.max(1, Math.round(image.naturalHeight / 2 ** halving));
      const canvas = build("canvas", { width, height });
      canvas.getContext("2d").drawImage(last, 0, 0, width, height);
      sizes.push(canvas);
      last = canvas;
    }
    return sizes;
  });
  const perPage = spec.columns * spec.rows;
  const ratios = Array.from({ length: shapes.length / 2 }, (_, number) => shapes[2 * number] / shapes[2 * number + 1]).sort((a, b) => a - b);
  return {
    count: shapes.length / 2,
    shapes,
    cell: spec.cell,
    ratio: ratios[ratios.length >> 1],
    draw(context, number, x, y, width, height, pixels) {
      const page = Math.floor(number / perPage);
      const place = number - page * perPage;
      const across = (place % spec.columns) * cellWidth;
      const down = Math.floor(place / spec.columns) * cellHeight;
      const wide = Math.min(shapes[2 * number], (shapes[2 * number + 1] * width) / height);
      const high = Math.min(shapes[2 * number + 1], (shapes[2 * number] * height) / width);
      const halving = Math.min(HALVINGS, Math.max(0, Math.floor(Math.log2(wide / Math.max(1, width * pixels)))));
      const scale = 1 / 2 ** halving;
      // Half a pixel of the edge is left out: there the neighbours in the image shine through.
      const edge = 0.5 / scale;
      const from = across + (shapes[2 * number] - wide) / 2 + edge;
      const below = down + (shapes[2 * number + 1] - high) / 2 + edge;
      context.drawImage(levels[page][halving], from * scale, below * scale, Math.max(1, (wide - 2 * edge) * scale), Math.max(1, (high - 2 * edge) * scale), x, y, width, height);
    },
  };
}
