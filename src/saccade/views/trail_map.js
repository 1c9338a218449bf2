// @ts-check
/** The two maps below the photo: the one that is painted by hand, and the library's own of the same question. */
import { decodeArray } from "./arrays.js";
import { build } from "./build.js";
import { correlationOfRanks } from "./code_change.js";
import { paintStrip } from "./palette.js";
import { mapAtPixels, paintMap } from "./stage.js";
import { asPercent, asScore, placeInWords } from "./wording.js";

/** The map is painted anew so often, in milliseconds: it is the slowest picture, and the finger comes first. */
const TRAIL_PAUSE = 150;
const MAP_OPACITY = 0.9;
/** With fewer places two maps are not compared. */
const LEAST_PLACES = 50;

/** @typedef {ReturnType<typeof import("./trail.js").createTrail>} Trail */
/** @typedef {{photo: any, pixels: import("./stage.js").PhotoPixels, trail: Trail}} PaintedPhoto */

/** @param {any} ramps @param {(share: number) => void} onPainted told how much of the photo was covered at some time */
export function createTrailMap(ramps, onPainted) {
  const canvas = build("canvas", { class: "cover-trail", role: "img" });
  const words = build("figcaption", {});
  const key = build("div", { class: "cover-bar" });
  let timer = 0;
  /** @type {PaintedPhoto | null} */
  let next = null;

  function paint() {
    timer = 0;
    if (next === null) return;
    const { photo, pixels, trail } = next;
    const { share, greatest, place } = trail.summary();
    paintOnPhoto(canvas, pixels, photo.box, { values: trail.means, rows: trail.rows, columns: trail.columns, scale: { low: 0, high: greatest || 1, signed: false, flat: false } }, ramps, false);
    const strip = build("canvas", { class: "key-strip", "aria-hidden": "true" });
    paintStrip(strip, ramps, false, MAP_OPACITY);
    const marks = share ? ["0", asPercent(greatest / 2), asPercent(greatest)] : ["0", "", ""];
    key.replaceChildren(strip, build("ol", { class: "key-marks" }, marks.map((mark) => build("li", {}, mark))));
    const where = place < 0 ? "" : placeInWords(...middleOfPlace(trail, place));
    words.replaceChildren(build("b", {}, "Your map so far."), share ? ` ${asPercent(share)} of the picture was covered at some time. Brightest: ${where}, where covering changes ${asPercent(greatest)} of the code.` : " Nothing yet: move the cover over the photo.");
    canvas.setAttribute("aria-label", share ? `A map of what was covered so far; most changed ${where}.` : "An empty map of what was covered so far.");
    onPainted(share);
  }

  return {
    node: build("figure", {}, canvas, key, words),
    /** @param {PaintedPhoto} painted */
    draw(painted) {
      next = painted;
      timer ||= window.setTimeout(paint, TRAIL_PAUSE);
    },
  };
}

/** @param {any} ramps */
export function createLibraryMap(ramps) {
  const canvas = build("canvas", { class: "cover-trail", role: "img" });
  const words = build("figcaption", {});
  const node = build("figure", { hidden: true }, canvas, words);

  /** @param {PaintedPhoto} painted */
  function draw({ photo, pixels, trail }) {
    const map = libraryMapOf(photo);
    if (map === null) return;
    const { values, shape } = decodeArray(map.values);
    const scale = { low: 0, high: map.scale.high, signed: false, flat: map.scale.flat };
    paintOnPhoto(canvas, pixels, photo.box, { values, rows: shape[0], columns: shape[1], scale }, ramps, true);
    const likeness = likenessOfMaps(trail, values, shape[0], shape[1]);
    words.replaceChildren(build("b", {}, "The library\u2019s map of the same question."), ` ${map.sentence}`, likeness === null ? "" : ` Rank correlation with yours, where you have been: ${asScore(likeness)} (1: the same order of places).`);
    canvas.setAttribute("aria-label", `The library\u2019s occlusion map. ${map.sentence}`);
  }

  return {
    node,
    hide() { node.hidden = true; },
    /** @param {PaintedPhoto | null} painted null while it is read */
    turn(painted) {
      node.hidden = !node.hidden;
      if (!node.hidden && painted !== null) draw(painted);
    },
  };
}

/** @param {any} photo @returns {any} the map of occlusion that the library has computed, or null */
export function libraryMapOf(photo) {
  return photo.maps?.find((/** @type {any} */ map) => map.method === "occlusion" && !map.scale.signed) ?? null;
}

/** @param {Trail} trail @param {number} place @returns {[number, number]} its middle, as shares of the model's image */
export function middleOfPlace({ rows, columns }, place) {
  return [((place % columns) + 0.5) / columns, (Math.floor(place / columns) + 0.5) / rows];
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {import("./stage.js").PhotoPixels} pixels
 * @param {number[]} box
 * @param {import("./stage.js").MapOnPhoto} map
 * @param {any} ramps
 * @param {boolean} smooth
 */
function paintOnPhoto(canvas, pixels, box, map, ramps, smooth) {
  const { width, height } = pixels;
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const target = context.createImageData(width, height);
  paintMap(target, pixels, mapAtPixels(map, box, width, height, smooth), map.scale, { ramps, opacity: MAP_OPACITY, contours: false });
  context.putImageData(target, 0, 0);
}

/**
 * @param {Trail} trail
 * @param {ArrayLike<number>} values
 * @param {number} rows
 * @param {number} columns
 * @returns {number | null} Spearman's rank correlation where both are known; null for too few places
 */
function likenessOfMaps(trail, values, rows, columns) {
  const mine = [];
  const theirs = [];
  for (let place = 0; place < trail.means.length; place += 1) {
    if (Number.isNaN(trail.means[place])) continue;
    const [across, down] = middleOfPlace(trail, place);
    mine.push(trail.means[place]);
    theirs.push(values[Math.floor(down * rows) * columns + Math.floor(across * columns)]);
  }
  return mine.length < LEAST_PLACES ? null : correlationOfRanks(mine, theirs);
}
