// @ts-check
/** What is drawn over the photos of a map: the chosen one and those that are lit with it, the one under the pointer, a line around some. */
import { middleOfBox } from "./photo_map_picking.js";

/** More photos than this are lit where they are, and not made larger. */
const MANY = 40;
/** How much larger photos are drawn, and how wide the line around them is. */
const UNDER_POINTER = { larger: 1.35, line: 2 };
const LIT = { larger: 1.5, line: 2 };
const LIT_AMONG_MANY = { larger: 1, line: 1 };
const CHOSEN = { larger: 1.9, line: 3 };
const WARM = "#ffb466";

/** @typedef {import("./photo_map_picking.js").PhotoBox} PhotoBox */

/**
 * @typedef {object} MapMarks
 * @property {number} chosen -1: none
 * @property {number[]} lit
 * @property {number} touched the photo under the pointer; -1: none
 * @property {[number, number][] | null} line that is being drawn around photos
 */

/**
 * @param {CanvasRenderingContext2D} context in pixels of the page
 * @param {MapMarks} marks
 * @param {{width: number, height: number, boxOf: import("./photo_map_picking.js").BoxOf, draw: (number: number, box: PhotoBox) => void}} map
 */
export function paintMarks(context, { chosen, lit, touched, line }, { width, height, boxOf, draw }) {
  /** @param {number} number @param {{larger: number, line: number}} style @param {string} colour */
  const drawLarger = (number, style, colour) => {
    const box = enlarged(boxOf(number), style.larger);
    if (box[0] > width || box[1] > height || box[0] + box[2] < 0 || box[1] + box[3] < 0) return;
    draw(number, box);
    outlineBox(context, box, colour, style.line);
  };
  if (chosen >= 0 || lit.length > 0) {
    context.fillStyle = "rgb(15 16 19 / .74)";
    context.fillRect(0, 0, width, height);
  }
  if (chosen >= 0) joinWithLines(context, boxOf(chosen), lit.map(boxOf));
  for (const number of [...lit].reverse()) drawLarger(number, lit.length > MANY ? LIT_AMONG_MANY : LIT, WARM);
  if (chosen >= 0) drawLarger(chosen, CHOSEN, "#fff");
  if (touched >= 0) drawLarger(touched, UNDER_POINTER, "#fff");
  if (line) paintLineAround(context, line);
}

/** @param {PhotoBox} box @param {number} larger @returns {PhotoBox} around the same middle */
function enlarged([x, y, wide, high], larger) {
  const more = (larger - 1) / 2;
  return [x - wide * more, y - high * more, wide * larger, high * larger];
}

/** @param {CanvasRenderingContext2D} context @param {PhotoBox} chosen @param {PhotoBox[]} others */
function joinWithLines(context, chosen, others) {
  context.lineWidth = 1.25;
  context.strokeStyle = "rgb(255 190 120 / .55)";
  context.beginPath();
  for (const other of others) {
    context.moveTo(...middleOfBox(chosen));
    context.lineTo(...middleOfBox(other));
  }
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {PhotoBox} box @param {string} colour @param {number} width */
function outlineBox(context, box, colour, width) {
  context.lineWidth = width + 2;
  context.strokeStyle = "rgb(0 0 0 / .7)";
  context.strokeRect(...box);
  context.lineWidth = width;
  context.strokeStyle = colour;
  context.strokeRect(...box);
}

/** @param {CanvasRenderingContext2D} context @param {[number, number][]} around */
function paintLineAround(context, around) {
  context.beginPath();
  around.forEach(([x, y], index) => (index ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.closePath();
  context.fillStyle = "rgb(255 180 102 / .18)";
  context.fill();
  context.lineWidth = 4;
  context.strokeStyle = "rgb(0 0 0 / .7)";
  context.stroke();
  context.lineWidth = 2;
  context.strokeStyle = WARM;
  context.stroke();
}
