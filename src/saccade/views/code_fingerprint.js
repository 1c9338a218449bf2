// @ts-check
/** The code as a picture: every cell, or every number of a vector, as bright as it moved. */
import { decodeArray } from "./arrays.js";
import { build } from "./build.js";
import { COVER_ROUNDNESS } from "./model_image.js";
import { inWords } from "./wording.js";

/** @typedef {{rows: number, columns: number, noun: string, extent: string, isPlaced: boolean}} CodeGrid */

/**
 * How is a code drawn? Cells where they lie; the numbers of a vector side by side.
 * @param {{rows: number, columns: number, channels: number}} code
 * @returns {CodeGrid}
 */
export function gridOfCode({ rows, columns, channels }) {
  if (rows * columns > 1) return { rows, columns, noun: "cell", extent: "length", isPlaced: rows > 1 };
  const across = Math.ceil(Math.sqrt(channels));
  let divisor = across;
  while (channels % divisor) divisor += 1;
  return { rows: channels / divisor, columns: divisor, noun: "number", extent: "size", isPlaced: false };
}

/** @param {{grid: CodeGrid, format: import("./model_image.js").ImageFormat, colours: any}} options colours: the ramp that the page carries */
export function createFingerprint({ grid, format, colours }) {
  const ramp = /** @type {Uint8Array} */ (decodeArray(colours).values);
  const canvas = build("canvas", { class: "cover-code", role: "img" });
  /** @type {{cells: Float32Array, cover: import("./model_image.js").Cover | null} | null} */
  let shown = null;

  function draw() {
    if (shown === null) return;
    const { cells, cover } = shown;
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    paintCells(context, cells, grid, ramp);
    if (cover && grid.isPlaced) outlineCover(context, cover, format);
    const farthest = cells.reduce((most, value) => Math.max(most, value), 0);
    canvas.setAttribute("aria-label", cover ? `The code, ${grid.rows} by ${grid.columns}: the ${grid.noun} that moved farthest moved by ${inWords(farthest)} of a typical ${grid.extent}.` : "The code: nothing moved.");
  }

  new ResizeObserver(() => {
    // As many pixels as it is shown with, so that the seams between cells stay even.
    canvas.width = Math.max(Math.round(devicePixelRatio * canvas.clientWidth), grid.columns);
    canvas.height = Math.max(Math.round(devicePixelRatio * canvas.clientHeight), grid.rows);
    draw();
  }).observe(canvas);

  return {
    node: build("figure", { class: "cover-middle" },
      canvas,
      build("div", { class: "cover-bar" }, rampStrip(ramp), build("ol", { class: "key-marks" }, build("li", {}, "0"), build("li", {}, "0.5"), build("li", {}, "1 or more"))),
      build("figcaption", {}, build("b", {}, "The code."), ` Each ${grid.noun} is as bright as it moved: 1 is the typical ${grid.extent} of a ${grid.noun}.`)),
    /** @param {string} shape of the photo, for what lies on it: width / height */
    begin(shape) {
      shown = null;
      canvas.style.aspectRatio = grid.isPlaced ? shape : `${grid.columns} / ${grid.rows}`;
    },
    /** @param {Float32Array} cells how far each has moved @param {import("./model_image.js").Cover | null} cover */
    show(cells, cover) {
      shown = { cells, cover };
      draw();
    },
  };
}

/** @param {CanvasRenderingContext2D} context @param {Float32Array} cells @param {CodeGrid} grid @param {Uint8Array} ramp */
function paintCells(context, cells, grid, ramp) {
  const [wide, tall] = [context.canvas.width / grid.columns, context.canvas.height / grid.rows];
  const gap = Math.min(wide, tall) >= 12 ? 2 : 0;
  for (let cell = 0; cell < cells.length; cell += 1) {
    const [x, y] = [(cell % grid.columns) * wide, Math.floor(cell / grid.columns) * tall];
    context.fillStyle = rampColour(ramp, Math.min(cells[cell], 1));
    context.beginPath();
    context.roundRect(x + gap / 2, y + gap / 2, wide - gap, tall - gap, gap * 1.5);
    context.fill();
  }
}

/** @param {CanvasRenderingContext2D} context @param {import("./model_image.js").Cover} cover @param {import("./model_image.js").ImageFormat} format */
function outlineCover(context, cover, { rows, columns }) {
  const [across, down] = [context.canvas.width / columns, context.canvas.height / rows];
  context.save();
  context.strokeStyle = "#fff";
  context.lineWidth = 3;
  context.setLineDash([9, 6]);
  context.beginPath();
  context.roundRect(cover.left * across + 1, cover.top * down + 1, cover.size * across - 2, cover.size * down - 2, [{ x: COVER_ROUNDNESS * cover.size * across, y: COVER_ROUNDNESS * cover.size * down }]);
  context.stroke();
  context.restore();
}

/** @param {Uint8Array} ramp 256 colours @param {number} share @returns {string} */
function rampColour(ramp, share) {
  const [red, green, blue] = ramp.slice(3 * Math.round(255 * share));
  return `rgb(${red} ${green} ${blue})`;
}

/** @param {Uint8Array} ramp @returns {HTMLCanvasElement} the key to the colours */
function rampStrip(ramp) {
  const canvas = build("canvas", { class: "key-strip", width: 256, height: 1, "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(256, 1);
  for (let x = 0; x < 256; x += 1) pixels.data.set([...ramp.slice(3 * x, 3 * x + 3), 255], 4 * x);
  context.putImageData(pixels, 0, 0);
  return canvas;
}
