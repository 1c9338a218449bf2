// @ts-check
/** What is said of a collection's map: how it is laid out, what is compared, and how far it may be believed. */
import { captionStrip } from "./controls.js";
import { asCount, asPercent, inWords } from "./wording.js";

/** @type {Record<string, {text: string, words: string, method: string}>} ways of laying photos out: their name, what they show, how they are made */
export const ARRANGEMENTS = {
  shuffled: { text: "Shuffled", words: "In no order: so the photos were before the network had seen them.", method: "drawn at random" },
  neighbours: { text: "By likeness", words: "Photos with like codes lie side by side. Distances between far islands mean little.", method: "t-SNE of the strongest principal components" },
  grid: { text: "In rows", words: "The same order, with a place of its own for every photo, so that none covers another; there all are cut to one shape.", method: "t-SNE, then each photo in the cell that moves all the least" },
  pca: { text: "Two directions", words: "The two directions along which the codes differ most, and nothing else.", method: "principal components" },
};

/** @param {string} layout @param {number[] | null} shares of what the codes differ in, by direction @returns {string} */
export function arrangementInWords(layout, shares) {
  return `${ARRANGEMENTS[layout].words}${shares ? ` They hold ${asPercent(shares[0] + shares[1])} of how the codes differ.` : ""}`;
}

/** @param {{count: number, names: string[]}} collection @returns {string} how many photos are shown */
export function countInWords({ count, names }) {
  return names.length < count ? `${asCount(names.length)} of ${asCount(count)} photos, drawn at random` : `${asCount(names.length)} photos`;
}

/**
 * @param {any} data of the page
 * @param {string} layout
 * @param {number | null} trustworthiness
 * @returns {HTMLElement}
 */
export function collectionCaption(data, layout, trustworthiness) {
  const { layer, centring, names, count, skipped } = data.collection;
  const mean = centring === "none" ? "" : `, less the mean code of ${centring === "model" ? data.mean_of || "the photos that the model knows" : "this collection"}`;
  return captionStrip([
    ["what is compared", `the codes (layer ${layer}) by their cosine${mean}; ${sameScoresInWords(data)}`],
    ["layout", ARRANGEMENTS[layout].method],
    ["may the map be believed?", trustworthiness === null ? null : `${inWords(trustworthiness)} trustworthy: 1 if all that lie side by side are alike by the code too, 0.5 by chance (10 nearest)`],
    ["shown", `${asCount(names.length)} of ${asCount(count)} photos${skipped ? `; ${asCount(skipped)} could not be read` : ""}`],
  ]);
}

/** Where else are these scores given? @param {any} data of the page @returns {string} */
function sameScoresInWords({ photos, mean_of: mean, collection: { centring } }) {
  if (!photos.length) return "the number that \u201csaccade search\u201d gives";
  if (centring === "collection" && !mean) return "\u201cWhy are these two alike?\u201d takes no mean off, so its scores are others";
  return "the same number as in \u201cWhy are these two alike?\u201d";
}
