// @ts-check
/** The paint of a scale: the same colours and opacities as in the pictures that the library draws. */
import { decodeArray } from "./arrays.js";

const PALETTE_STEPS = 1025; // odd, so that zero of a signed scale is exactly one of the steps

/** @typedef {{low: number, high: number, signed: boolean, flat: boolean}} Scale */
/** @typedef {{colours: Float32Array, veil: Float32Array, strength: Float32Array}} Paint */

/** @type {Map<boolean, Paint>} */
const paints = new Map();

/**
 * Colours and opacities along a scale, 0 where the value is zero.
 * @param {{unsigned: any, signed: any}} ramps uint8 (256, 3) each
 * @param {boolean} signed
 * @returns {Paint}
 */
export function paintOf(ramps, signed) {
  const painted = paints.get(signed);
  if (painted) return painted;
  const ramp = decodeArray(signed ? ramps.signed : ramps.unsigned).values;
  const colours = new Float32Array(PALETTE_STEPS * 3);
  const veil = new Float32Array(PALETTE_STEPS);
  const strengths = new Float32Array(PALETTE_STEPS);
  for (let step = 0; step < PALETTE_STEPS; step += 1) {
    const position = step / (PALETTE_STEPS - 1);
    const strength = signed ? Math.abs(2 * position - 1) : position;
    const rise = Math.min(1, strength / 0.7);
    // between a line and a smooth step: faint values stay visible, yet zero meets the photo without an edge
    veil[step] = 0.5 * rise * (2 - rise) + 0.5 * rise * rise * (3 - 2 * rise);
    strengths[step] = strength;
    const place = position * 255;
    const below = Math.min(254, Math.floor(place));
    for (let channel = 0; channel < 3; channel += 1) {
      const first = ramp[3 * below + channel];
      colours[3 * step + channel] = first + (ramp[3 * (below + 1) + channel] - first) * (place - below);
    }
  }
  const paint = { colours, veil, strength: strengths };
  paints.set(signed, paint);
  return paint;
}

/** @param {Scale} scale @param {number} value @returns {number} the step of the paint, 0 to 1024 */
export function stepOf(scale, value) {
  const position = (value - scale.low) / (scale.high - scale.low);
  return Math.round(Math.min(1, Math.max(0, position)) * (PALETTE_STEPS - 1));
}

/**
 * The key to the colours: a painted strip with its numbers.
 * @param {HTMLCanvasElement} canvas
 * @param {{unsigned: any, signed: any}} ramps
 * @param {boolean} signed
 * @param {number} opacity
 */
export function paintStrip(canvas, ramps, signed, opacity) {
  canvas.width = 256;
  canvas.height = 1;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const pixels = context.createImageData(256, 1);
  const paint = paintOf(ramps, signed);
  for (let x = 0; x < 256; x += 1) {
    const step = Math.round((x / 255) * (PALETTE_STEPS - 1));
    const cover = paint.veil[step] * opacity;
    for (let channel = 0; channel < 3; channel += 1) pixels.data[4 * x + channel] = 96 * (1 - cover) + paint.colours[3 * step + channel] * cover;
    pixels.data[4 * x + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
}
