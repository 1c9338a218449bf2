// @ts-check
/** The code of a photo, cell by cell, and what cells have in common. */
import { decodeArray } from "./arrays.js";

/** @typedef {{values: Float32Array, rows: number, columns: number, channels: number}} Cells */

/** @param {any} spec float32 (rows, columns, channels) @returns {Cells} */
export function cellsOf(spec) {
  const { values, shape } = decodeArray(spec);
  return { values: /** @type {Float32Array} */ (values), rows: shape[0], columns: shape[1], channels: shape[2] };
}

/** @param {Cells} cells @param {ArrayLike<number> | null} centre one number for each of the code, or one for each channel @returns {Cells} */
export function lessCentre(cells, centre) {
  if (!centre) return cells;
  const values = new Float32Array(cells.values.length);
  for (let index = 0; index < values.length; index += 1) values[index] = cells.values[index] - centre[index % centre.length];
  return { ...cells, values };
}

/** @param {ArrayLike<number>} values @returns {number} */
function lengthOf(values) {
  let sum = 0;
  for (let index = 0; index < values.length; index += 1) sum += values[index] * values[index];
  return Math.sqrt(sum);
}

/**
 * How alike is one cell to every cell of a grid? Raw cosines, -1 to 1, not stretched.
 * @param {Cells} from @param {number} cell @param {Cells} cells @returns {Float32Array}
 */
export function cosinesWith(from, cell, cells) {
  const own = from.values.subarray(cell * from.channels, (cell + 1) * from.channels);
  const length = lengthOf(own);
  const count = cells.rows * cells.columns;
  const cosines = new Float32Array(count);
  for (let other = 0; other < count; other += 1) {
    let product = 0;
    let square = 0;
    for (let channel = 0, at = other * cells.channels; channel < cells.channels; channel += 1, at += 1) {
      product += own[channel] * cells.values[at];
      square += cells.values[at] * cells.values[at];
    }
    cosines[other] = length > 0 && square > 0 ? product / (length * Math.sqrt(square)) : 0;
  }
  return cosines;
}
