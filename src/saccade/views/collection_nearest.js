// @ts-check
/** The photos of a collection beside each other: the nearest of one, the odd ones out, and copies. */
import { build } from "./build.js";
import { asCount, asScore, inWords } from "./wording.js";

/** Heights of photos in pixels. */
const OWN_HEIGHT = 150;
const NEAREST_HEIGHT = 104;
const SMALL_HEIGHT = 76;
/** So many copies of one photo are shown. */
const COPIES_SHOWN = 6;

/** @typedef {(number: number, height: number) => HTMLElement} PictureOf draws a photo of the collection */

/**
 * @typedef {object} Selection whose nearest are shown
 * @property {string} name
 * @property {number} number of the collection, or -1
 * @property {string | null} photo an image's address, for a photo that is none of the collection
 * @property {number[]} neighbours
 * @property {number[]} scores
 */

/** @param {import("./photo_atlas.js").Atlas} atlas @param {string[]} names @returns {PictureOf} */
export function pictureMaker(atlas, names) {
  return (number, height) => {
    const width = Math.round((height * atlas.shapes[2 * number]) / atlas.shapes[2 * number + 1]);
    const canvas = build("canvas", { width, height, role: "img", "aria-label": `the photo ${names[number]}` });
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    atlas.draw(context, number, 0, 0, width, height, 1);
    return canvas;
  };
}

/**
 * The nearest of one photo, side by side.
 * @param {any} collection as the page carries it
 * @param {Selection} selection
 * @param {PictureOf} picture
 * @param {(number: number) => void} goOn with one of the nearest
 * @returns {HTMLElement[]}
 */
export function nearestRow(collection, { name, number, photo, neighbours, scores }, picture, goOn) {
  const own = photo ? build("img", { src: photo, alt: `the photo ${name}` }) : picture(number, OWN_HEIGHT);
  const [typical, high] = collection.typical.map(asScore);
  const nearest = neighbours.map((other, index) => build("li", {}, build("button", {
    type: "button", class: "nearest-photo", "aria-label": `${collection.names[other]}, ${asScore(scores[index])} alike; go on with it`, on: { click: () => goOn(other) },
  }, picture(other, NEAREST_HEIGHT), build("span", {}, asScore(scores[index])))));
  return [
    build("h3", {}, "The most alike to ", build("b", {}, name)),
    build("p", { class: "aside" }, `By all ${asCount(collection.numbers)} numbers of the code, not by the map: 1 is the same, ${typical} a typical pair, and 5\u00a0% of all pairs score over ${high}.`),
    build("div", { class: "nearest-row" }, build("figure", { class: "nearest-own" }, own, build("figcaption", {}, "this one")), build("ol", {}, nearest)),
  ];
}

/**
 * Photos that stand out: the odd ones, and copies of each other.
 * @param {any} collection as the page carries it
 * @param {PictureOf} picture
 * @param {(number: number) => void} choose
 * @returns {HTMLElement}
 */
export function standingOut(collection, picture, choose) {
  /** @param {number} number */
  const small = (number) => build("button", { type: "button", class: "nearest-photo", "aria-label": `${collection.names[number]}; show its nearest`, on: { click: () => choose(number) } }, picture(number, SMALL_HEIGHT));
  return build("div", { class: "standing-out" },
    build("div", {}, build("h3", {}, "The odd ones out"),
      build("p", { class: "aside" }, "Least like even their nearest: the collection has little of the kind."),
      build("div", { class: "small-photos" }, collection.odd.map(small))),
    build("div", {}, build("h3", {}, "Copies"),
      build("p", { class: "aside" }, copiesInWords(collection)),
      collection.copies.map((/** @type {number[]} */ group) => build("div", { class: "small-photos" }, group.slice(0, COPIES_SHOWN).map(small), group.length > COPIES_SHOWN ? build("span", { class: "aside" }, `and ${group.length - COPIES_SHOWN} more`) : null))));
}

/** @param {any} collection @returns {string} */
function copiesInWords({ copies, copies_from: threshold, copy_groups: groups }) {
  if (groups === 0) return `No two photos score ${inWords(threshold)} or more: none is a copy of another.`;
  const cut = groups > copies.length ? `; the first ${copies.length} are shown` : "";
  return `${asCount(groups)} ${groups === 1 ? "group" : "groups"} of photos that score ${inWords(threshold)} or more with each other${cut}.`;
}
