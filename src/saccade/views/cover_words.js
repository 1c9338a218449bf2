// @ts-check
/** What is said below a covered photo. */
import { decodeArray } from "./arrays.js";
import { codeChange } from "./code_change.js";
import { captionStrip } from "./controls.js";
import { asScore, inWords } from "./wording.js";

/** @param {number} similarity @returns {string} never rounded to the same */
export function similarityInWords(similarity) {
  if (similarity >= 1) return "1";
  if (similarity >= 0.99995) return "0.9999+";
  return similarity >= 0.9995 ? similarity.toFixed(4) : asScore(similarity);
}

/**
 * @param {object} options
 * @param {number} options.size of the cover
 * @param {import("./code_fingerprint.js").CodeGrid} options.grid
 * @param {string} options.others how similar other photos are; "" where there are none
 * @param {number | null} options.difference to the library's code of this photo; null while it is not known
 * @param {string} options.computed who computes, and how
 */
export function coverCaption({ size, grid: { noun, extent }, others, difference, computed }) {
  return captionStrip([
    ["method", `one pass of the network for each place of the cover; under it lies the photo\u2019s own blur (${size} px wide), with rounded corners`],
    ["unit", `similarity: the plain cosine of the two codes; change: the squared change of the code, as a share of the code\u2019s square; of a ${noun}: the ${extent} of its change, as a share of the typical ${extent} of a ${noun}`],
    ["for comparison", others],
    ["scale", "the code: 0 to 1, always; your map: 0 to its own greatest value"],
    ["computed", computed],
    ["how near", difference === null ? "" : `largest difference to the library\u2019s code of this photo: ${inWords(difference)} of its largest number`],
    ["good to know", "On its rounded edge the cover lies half on a pixel. In your map the middle of a cover counts more than its edge, and every place keeps the mean of all covers that lay on it."],
  ]);
}

/**
 * How similar are other photos, measured in the same way? Without that a similarity says little.
 * @param {any[]} photos
 * @param {number} index
 * @param {boolean} centred whether the page elsewhere compares photos less what all share
 */
export function othersInWords(photos, index, centred) {
  const own = decodeArray(photos[index].code).values;
  // In the app other photos arrive one by one.
  const others = photos.filter((photo, other) => other !== index && photo.code).map((photo) => codeChange(own, decodeArray(photo.code).values, 1).similarity);
  if (others.length === 0) return "";
  const [least, most] = [Math.min(...others), Math.max(...others)].map((value) => asScore(value));
  const words = others.length === 1 ? `the other photo of this page has a plain similarity of ${least}` : `the other photos of this page have plain similarities of ${least} to ${most}`;
  return centred ? `${words}; \u201cWhy are these two alike?\u201d first takes off what all photos share, so its scores are others` : words;
}
