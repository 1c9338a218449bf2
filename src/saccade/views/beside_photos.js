// @ts-check
/** A photo as each of two networks sees it. */
import { paintSpotlight } from "./stage.js";
import { thresholdOf } from "./where.js";

/** Of a photo so much is lit where only the strongest places are shown. */
const STRONGEST_LIT = 0.2;

/** The photo by the box of the network that looks at it. @param {any} data @param {number} index @param {number} which */
export function photoByNetwork(data, index, which) {
  const photo = data.photos[index];
  return which === 0 ? photo : { ...photo, box: data.beside.photos[index].box };
}

/**
 * Light where a network sees most, and leave the rest in the dark.
 * @param {ImageData} target @param {import("./stage.js").PhotoPixels} pixels @param {Float32Array} placed its map, at the pixels
 */
export function lightStrongest(target, pixels, placed) {
  const least = thresholdOf(placed, STRONGEST_LIT);
  paintSpotlight(target, pixels, (at) => (placed[at] >= least ? 1 : 0), placed);
}
