// @ts-check
/** Cover it and watch: a cover is moved over the photo, and the code and the redrawing change while it moves. */
import { decodeArray } from "./arrays.js";
import { gaussianBlur } from "./blur.js";
import { build } from "./build.js";
import { codeChange, largestDifference } from "./code_change.js";
import { createFingerprint, gridOfCode } from "./code_fingerprint.js";
import { button, readout, slider } from "./controls.js";
import { createCoverStage } from "./cover_stage.js";
import { createSweep, sweepOf } from "./cover_sweep.js";
import { coverCaption, othersInWords, similarityInWords } from "./cover_words.js";
import { coverAround, coveredImage, imageFormat, paintModelImage } from "./model_image.js";
import { photoPixels } from "./stage.js";
import { createTrail } from "./trail.js";
import { createLibraryMap, createTrailMap, libraryMapOf, middleOfPlace } from "./trail_map.js";
import { asPercent, placeInWords } from "./wording.js";

/** Sides of covers in pixels, of images of 128 pixels and smaller ones; with larger images they grow. */
const COVER_SIZES = { least: 8, most: 64, step: 4, first: 24 };
const COVER_SIZES_FOR = 128;
/** An arrow key moves the cover by so much of its side. */
const KEY_STEP = 0.25;
/** The sentence waits until the cover rests, in milliseconds, so that nobody is talked over. */
const SPEECH_PAUSE = 180;

/** @typedef {import("./model_image.js").Cover} Cover */
/** @typedef {{code: ArrayLike<number>, redrawn: ArrayLike<number> | null, milliseconds: number}} Answer */

/**
 * @typedef {object} Transport computes images while the page is read
 * @property {(image: Float32Array) => Promise<Answer | null>} run null for an image that a newer one has overtaken
 * @property {string} words who computes, and how
 */

/**
 * @typedef {object} CoveredPhoto what is known of the photo that is shown
 * @property {number} index
 * @property {any} photo
 * @property {Float32Array} image what the model is given of it
 * @property {ArrayLike<number>} expected the library's code of it
 * @property {ReturnType<typeof createTrail>} trail where the cover has been
 * @property {import("./stage.js").PhotoPixels | null} pixels null while they are read
 * @property {Float32Array | null} blurred what lies under a cover
 * @property {Float32Array | null} before the code of the uncovered photo; null while it is computed
 * @property {number | null} difference of that to the library's
 */

/** @param {{data: any, element: HTMLElement, store: any, transport: Transport}} view */
export function renderCover({ data, element, store, transport }) {
  const format = imageFormat(data.model);
  const { rows, columns } = format;
  const grid = gridOfCode(data.code);
  const sizes = coverSizes(format);
  let size = sizes.first;
  /** @type {Cover | null} */
  let cover = null;
  /** @type {CoveredPhoto | null} */
  let shown = null;
  /** @type {WeakMap<object, ReturnType<typeof createTrail>>} what was painted on each photo, also before another one was shown */
  const trails = new WeakMap();
  let isTouched = false;

  const stage = createCoverStage({
    format,
    onPlace: (across, down) => {
      if (!shown?.pixels) return;
      take();
      const [left, top, right, bottom] = shown.photo.box;
      moveTo(((across - left) / (right - left)) * columns, ((down - top) / (bottom - top)) * rows);
    },
    onStep: (across, down) => {
      take();
      const step = Math.max(Math.round(size * KEY_STEP), 1);
      if (cover) moveTo(cover.left + size / 2 + step * across, cover.top + size / 2 + step * down);
      else moveTo(columns / 2, rows / 2);
    },
    onLift: () => { take(); coverWith(null); },
  });
  const sweep = createSweep({
    canStart: () => Boolean(shown?.before) && element.isConnected,
    way: () => sweepOf(size, format),
    visit: (left, top) => coverWith({ left, top, size }),
    end: restOnBrightest,
    tell: (isRunning) => { play.textContent = isRunning ? "Stop" : "Sweep it over the photo"; },
  });
  const fingerprint = createFingerprint({ grid, format, colours: data.ramps.unsigned });
  const trailMap = createTrailMap(data.ramps, (share) => { element.dataset.painted = String(share); });
  const libraryMap = createLibraryMap(data.ramps);
  const redrawn = build("canvas", { class: "cover-redrawn", role: "img" });
  const score = build("b", { class: "score-number" }, "1");
  const moved = build("span", { class: "score-words" });
  // Everything that it says stands on the page, too, and changes there at once.
  const read = readout();
  read.node.classList.add("visually-hidden");
  const caption = build("div");
  const play = button("Sweep it over the photo", () => { isTouched = true; if (sweep.isRunning()) sweep.stop(); else sweep.start(); }, { class: "button primary cover-play" });
  const compare = button("Compare with the library\u2019s map", () => libraryMap.turn(painted()), { hidden: true });

  layOut(element, {
    play, stage, score, moved, fingerprint, read, trailMap, libraryMap, caption, compare,
    lift: button("Lift the cover", () => { sweep.stop(); coverWith(null); }),
    forget: button("Start the map again", () => { shown?.trail.clear(); drawTrail(); }),
    sizeSlider: slider({ label: "Size of the cover", ...sizes, value: size, inWords: (value) => `${value} of ${columns} px`, onInput: resize }),
    redrawn: data.photos[0].redrawn ? redrawn : null,
  });

  // The photo

  /** @param {number} index */
  async function show(index) {
    sweep.stop();
    const photo = data.photos[index];
    const trail = trails.get(photo) ?? createTrail(rows, columns);
    trails.set(photo, trail);
    const image = /** @type {Float32Array} */ (decodeArray(photo.model_image).values);
    const expected = decodeArray(photo.code).values;
    /** @type {CoveredPhoto} */
    const next = { index, photo, image, expected, trail, pixels: null, blurred: null, before: null, difference: null };
    shown = next;
    cover = null;
    prepareBlur();
    const pixels = await photoPixels(photo);
    if (shown !== next) return;
    next.pixels = pixels;
    const shape = String(((photo.box[2] - photo.box[0]) * photo.width) / ((photo.box[3] - photo.box[1]) * photo.height));
    redrawn.style.aspectRatio = shape;
    fingerprint.begin(shape);
    compare.hidden = libraryMapOf(photo) === null;
    libraryMap.hide();
    stage.showPhoto(photo, pixels);
    drawCover();
    drawTrail();
    tellCaption();
    await askUncovered(next);
  }

  /** @param {CoveredPhoto} next */
  async function askUncovered(next) {
    tellStatus("The network starts\u2026");
    let answer = null;
    try {
      while (answer === null && shown === next) answer = await transport.run(next.image);
    } catch (error) {
      tellFailure(error);
      return;
    }
    if (answer === null || shown !== next) return;
    next.before = Float32Array.from(answer.code);
    next.difference = largestDifference(answer.code, next.expected);
    element.dataset.difference = String(next.difference);
    tellCaption();
    if (cover === null) receive(next, answer, null);
    else ask();
    sweep.startOnceSeen(stage.frame, () => isTouched);
  }

  function prepareBlur() {
    if (!shown) return;
    shown.blurred = gaussianBlur(shown.image, rows, columns, format.channels, size);
    stage.setBlur(shown.blurred);
  }

  // The cover

  /** The reader has it in hand now. */
  function take() {
    isTouched = true;
    sweep.stop();
  }

  /** @param {number} value */
  function resize(value) {
    size = value;
    sweep.stop();
    prepareBlur();
    if (cover) moveTo(cover.left + cover.size / 2, cover.top + cover.size / 2);
    tellCaption();
  }

  /** @param {number} x @param {number} y the middle, in pixels of the model's image */
  function moveTo(x, y) {
    const next = coverAround(x, y, size, format);
    if (cover && cover.left === next.left && cover.top === next.top && cover.size === next.size) return;
    coverWith(next);
  }

  /** @param {Cover | null} next null: nothing is covered */
  function coverWith(next) {
    cover = next;
    drawCover();
    return ask();
  }

  /** At the end of a sweep it rests where it changed most. */
  function restOnBrightest() {
    if (!shown) return;
    const [across, down] = middleOfPlace(shown.trail, shown.trail.summary().place);
    moveTo(across * columns, down * rows);
  }

  // What the network answers

  async function ask() {
    const photo = shown;
    const where = cover;
    if (!photo?.before || !photo.blurred) return; // the uncovered code comes first; then this is asked again
    try {
      const answer = await transport.run(where ? coveredImage(photo.image, photo.blurred, where, format) : photo.image);
      if (answer !== null && shown === photo) receive(photo, answer, where);
    } catch (error) {
      tellFailure(error);
    }
  }

  /** @param {CoveredPhoto} photo @param {Answer} answer @param {Cover | null} where */
  function receive(photo, answer, where) {
    const change = codeChange(/** @type {Float32Array} */ (photo.before), answer.code, grid.rows * grid.columns);
    if (where) photo.trail.add(where, change.share);
    score.textContent = similarityInWords(change.similarity);
    if (where) moved.replaceChildren("plain similarity to the code of the uncovered photo; ", build("b", {}, asPercent(change.share)), " of the code changed");
    else moved.textContent = "plain similarity to itself: nothing is covered yet";
    fingerprint.show(change.cells, where);
    if (answer.redrawn) drawRedrawn(photo, answer.redrawn);
    drawTrail();
    say(change, where);
    element.dataset.cover = where ? `${where.top},${where.left},${where.size}` : "";
    element.dataset.similarity = String(change.similarity);
    element.dataset.share = String(change.share);
    element.dataset.milliseconds = String(answer.milliseconds);
  }

  // Drawing

  function drawCover() {
    if (shown) stage.showCover(shown.pixels ? cover : null, shown.photo.box);
  }

  /** @param {CoveredPhoto} photo @param {ArrayLike<number>} image */
  function drawRedrawn({ photo }, image) {
    paintModelImage(redrawn, image, format);
    redrawn.setAttribute("aria-label", `${photo.alt}, as the network redraws it from the code${cover ? " of the covered photo" : ""}`);
  }

  /** @returns {import("./trail_map.js").PaintedPhoto | null} */
  function painted() {
    return shown?.pixels ? { photo: shown.photo, pixels: shown.pixels, trail: shown.trail } : null;
  }

  function drawTrail() {
    const now = painted();
    if (now) trailMap.draw(now);
  }

  // Words

  let waiting = 0;
  /** @param {import("./code_change.js").CodeChange} change @param {Cover | null} where */
  function say(change, where) {
    clearTimeout(waiting);
    waiting = window.setTimeout(() => {
      if (!where) { read.say("Nothing is covered. Move the cover over the photo."); return; }
      const place = placeInWords((where.left + where.size / 2) / columns, (where.top + where.size / 2) / rows);
      read.say(`Cover ${place}: similarity of the code now `, build("b", {}, similarityInWords(change.similarity)), ": ", build("b", {}, asPercent(change.share)), " of it changed.");
    }, SPEECH_PAUSE);
  }

  /** @param {unknown} error */
  function tellFailure(error) {
    tellStatus(`The network cannot compute here: ${error instanceof Error ? error.message : error}`);
  }

  /** @param {string} text */
  function tellStatus(text) {
    moved.textContent = text;
    read.say(text);
  }

  function tellCaption() {
    const others = shown ? othersInWords(data.photos, shown.index, Boolean(data.pairs?.[0]?.centred)) : "";
    caption.replaceChildren(coverCaption({ size, grid, others, difference: shown?.difference ?? null, computed: transport.words }));
  }

  store.follow((/** @type {any} */ state, /** @type {any} */ before) => { if (state.photo !== before.photo) show(state.photo); });
}

/**
 * @param {{rows: number, columns: number}} format
 * @returns {{least: number, most: number, step: number, first: number}} sides of covers, in pixels of an image of this size
 */
function coverSizes({ rows, columns }) {
  const { step, ...sides } = COVER_SIZES;
  const larger = Math.max(1, Math.min(rows, columns) / COVER_SIZES_FOR);
  const [least, most, first] = [sides.least, sides.most, sides.first].map((side) => Math.min(step * Math.round((larger * side) / step), rows, columns));
  return { least, most, step, first };
}

/**
 * Where everything stands.
 * @param {HTMLElement} element
 * @param {Record<string, any>} parts elements, and what has a `node`; `redrawn` is null for a model that redraws nothing
 */
function layOut(element, parts) {
  element.append(
    build("div", { class: "toolbar" }, parts.play, parts.lift, parts.sizeSlider.node),
    build("div", { class: `cover-row${parts.redrawn ? "" : " without-redrawing"}` },
      build("figure", { class: "cover-photo" }, parts.stage.node, build("figcaption", {}, build("b", {}, "The photo."), " The cover holds nothing new: under it lies the photo\u2019s own blur.")),
      build("p", { class: "cover-score" }, parts.score, parts.moved),
      parts.fingerprint.node,
      parts.redrawn ? build("figure", { class: "cover-right" }, parts.redrawn, build("figcaption", {}, build("b", {}, "Redrawn"), " from that code alone, while you move.")) : null),
    parts.read.node,
    build("div", { class: "cover-below" },
      parts.trailMap.node,
      build("div", { class: "beside" },
        build("p", { class: "finding" }, "You are painting its map by hand."),
        build("p", { class: "method-words" }, "Wherever the cover has been, the map keeps how much of the code changed. Bright: cover that, and the network sees another photo. Dark: it hardly cared. This is all that an occlusion map is."),
        build("div", { class: "toolbar" }, parts.forget, parts.compare), parts.libraryMap.node)),
    parts.caption,
  );
}
