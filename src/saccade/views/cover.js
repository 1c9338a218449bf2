// @ts-check
/** Cover it and watch: a cover is moved over the photo, and the code and the redrawing change while it moves. */
import { decodeArray } from "./arrays.js";
import { gaussianBlur } from "./blur.js";
import { build } from "./build.js";
import { codeChange, correlationOfRanks, largestDifference } from "./code_change.js";
import { button, captionStrip, readout, slider, wantsStillness } from "./controls.js";
import { paintStrip } from "./palette.js";
import { createStage, mapAtPixels, paintMap, photoPixels } from "./stage.js";
import { createTrail } from "./trail.js";
import { asPercent, asScore, inWords, placeInWords } from "./wording.js";

/** Sides of covers in pixels, of images of 128 pixels and smaller ones; with larger images they grow. */
const COVER_SIZES = { least: 8, most: 64, step: 4, first: 24 };
const COVER_SIZES_FOR = 128;
/** The corners of a cover, as a share of its side. */
const COVER_ROUNDNESS = 0.28;
/** A sweep goes on by so much of the cover's side, and not faster than this. */
const SWEEP = { step: 0.5, milliseconds: 55 };
/** The map is painted anew so often, in milliseconds: it is the slowest picture, and the finger comes first. */
const TRAIL_PAUSE = 150;

/** @typedef {{top: number, left: number, size: number}} Cover in pixels of the model's image */
/** @typedef {{code: ArrayLike<number>, redrawn: ArrayLike<number> | null, milliseconds: number}} Answer */

/**
 * @typedef {object} Transport computes images while the page is read
 * @property {(image: Float32Array) => Promise<Answer | null>} run null for an image that a newer one has overtaken
 * @property {string} words who computes, and how
 */

/** @param {{data: any, element: HTMLElement, store: any, transport: Transport}} view */
export function renderCover({ data, element, store, transport }) {
  const [rows, columns, channels] = data.model.input;
  const [low, high] = data.model.value_range;
  const grid = gridOfCode(data.code);
  const larger = Math.max(1, Math.min(rows, columns) / COVER_SIZES_FOR);
  const [least, most, first] = [COVER_SIZES.least, COVER_SIZES.most, COVER_SIZES.first].map((side) => Math.min(COVER_SIZES.step * Math.round((larger * side) / COVER_SIZES.step), rows, columns));
  let size = first;
  /** @type {Cover | null} */
  let cover = null;
  /** @type {any} what is known of the photo that is shown */
  let shown = null;
  /** @type {WeakMap<object, ReturnType<typeof createTrail>>} */
  const trails = new WeakMap();
  let sweeps = 0;
  let sweeping = 0;
  let isTouched = false;
  const ramp = /** @type {Uint8Array} */ (decodeArray(data.ramps.unsigned).values);

  const stage = createStage({
    label: "", help: "Move the pointer or a finger, or press the arrow keys, to move the cover. Press Home to lift it.",
    onPlace: (across, down) => place(across, down),
  });
  stage.frame.classList.add("cover-stage");
  const piece = build("canvas", { class: "cover-piece", hidden: true, "aria-hidden": "true", style: { "border-radius": `${100 * COVER_ROUNDNESS}%` } });
  stage.frame.append(piece);
  const fingerprint = build("canvas", { class: "cover-code", role: "img" });
  const redrawn = build("canvas", { class: "cover-redrawn", role: "img" });
  const trailStage = build("canvas", { class: "cover-trail", role: "img" });
  const score = build("b", { class: "score-number" }, "1");
  const moved = build("span", { class: "score-words" });
  // Everything that it says stands on the page, too, and changes there at once.
  const read = readout();
  read.node.classList.add("visually-hidden");
  const trailWords = build("figcaption", {});
  const trailKey = build("div", { class: "cover-bar" });
  const caption = build("div");
  const sizeSlider = slider({
    label: "Size of the cover", least, most, step: COVER_SIZES.step, value: size,
    inWords: (value) => `${value} of ${columns} px`, onInput: (value) => { size = value; stopSweep(); prepareBlur(); if (cover) moveTo(cover.left + cover.size / 2, cover.top + cover.size / 2); tellCaption(); },
  });
  const play = button("Sweep it over the photo", () => { isTouched = true; if (sweeping) stopSweep(); else startSweep(); }, { class: "button primary cover-play" });
  const lift = button("Lift the cover", () => { stopSweep(); liftCover(); });
  const libraryMap = build("canvas", { class: "cover-trail", role: "img" });
  const libraryWords = build("figcaption", {});
  const libraryFigure = build("figure", { hidden: true }, libraryMap, libraryWords);
  const compare = button("Compare with the library\u2019s map", () => { libraryFigure.hidden = !libraryFigure.hidden; drawLibraryMap(); }, { hidden: true });
  const forget = button("Start the map again", () => { shown?.trail.clear(); drawTrail(); });

  element.append(
    build("div", { class: "toolbar" }, play, lift, sizeSlider.node),
    build("div", { class: `cover-row${data.photos[0].redrawn ? "" : " without-redrawing"}` },
      build("figure", { class: "cover-photo" }, stage.node, build("figcaption", {}, build("b", {}, "The photo."), " The cover holds nothing new: under it lies the photo\u2019s own blur.")),
      build("p", { class: "cover-score" }, score, moved),
      build("figure", { class: "cover-middle" },
        fingerprint,
        build("div", { class: "cover-bar" }, rampStrip(ramp), build("ol", { class: "key-marks" }, build("li", {}, "0"), build("li", {}, "0.5"), build("li", {}, "1 or more"))),
        build("figcaption", {}, build("b", {}, "The code."), ` Each ${grid.noun} is as bright as it moved: 1 is the typical ${grid.extent} of a ${grid.noun}.`)),
      data.photos[0].redrawn ? build("figure", { class: "cover-right" }, redrawn, build("figcaption", {}, build("b", {}, "Redrawn"), " from that code alone, while you move.")) : null),
    read.node,
    build("div", { class: "cover-below" },
      build("figure", {}, trailStage, trailKey, trailWords),
      build("div", { class: "beside" },
        build("p", { class: "finding" }, "You are painting its map by hand."),
        build("p", { class: "method-words" }, "Wherever the cover has been, the map keeps how much of the code changed. Bright: cover that, and the network sees another photo. Dark: it hardly cared. This is all that an occlusion map is."),
        build("div", { class: "toolbar" }, forget, compare), libraryFigure)),
    caption,
  );

  // What is shown

  /** @param {number} index */
  async function show(index) {
    stopSweep();
    const photo = data.photos[index];
    const image = /** @type {Float32Array} */ (decodeArray(photo.model_image).values);
    const expected = decodeArray(photo.code).values;
    const next = { index, photo, image, expected, pixels: null, blurred: null, screen: null, before: null, difference: null, trail: trailOf(photo), answer: null };
    shown = next;
    cover = null;
    prepareBlur();
    const pixels = await photoPixels(photo);
    if (shown !== next) return;
    shown.pixels = pixels;
    stage.frame.style.aspectRatio = `${pixels.width} / ${pixels.height}`;
    stage.frame.style.setProperty("--shape", String(pixels.width / pixels.height));
    stage.canvas.width = pixels.width;
    stage.canvas.height = pixels.height;
    const shape = String(((photo.box[2] - photo.box[0]) * photo.width) / ((photo.box[3] - photo.box[1]) * photo.height));
    redrawn.style.aspectRatio = shape;
    fingerprint.style.aspectRatio = grid.isPlaced ? shape : `${grid.columns} / ${grid.rows}`;
    compare.hidden = libraryMapOf(photo) === null;
    libraryFigure.hidden = true;
    stage.describe(`${photo.alt}, under a cover that can be moved`);
    drawPhoto();
    drawCover();
    drawTrail();
    tellCaption();
    await askUncovered(next);
  }

  /** @param {any} photo @returns {ReturnType<typeof createTrail>} what was painted on it, also before another photo was shown */
  function trailOf(photo) {
    const trail = trails.get(photo) ?? createTrail(rows, columns);
    trails.set(photo, trail);
    return trail;
  }

  /** @param {any} next */
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
    tellCaption();
    if (cover === null) receive(answer, null);
    else ask();
    sweepOnceSeen();
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

  function prepareBlur() {
    if (!shown) return;
    shown.blurred = gaussianBlur(shown.image, rows, columns, channels, size);
    shown.screen = canvasOf(shown.blurred);
  }

  /**
   * Pixels of the model's value range as a picture of its own size.
   * @param {ArrayLike<number>} image
   * @returns {HTMLCanvasElement}
   */
  function canvasOf(image) {
    const canvas = build("canvas", {});
    paintImage(canvas, image);
    return canvas;
  }

  /** @param {HTMLCanvasElement} canvas @param {ArrayLike<number>} image */
  function paintImage(canvas, image) {
    canvas.width = columns;
    canvas.height = rows;
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const target = context.createImageData(columns, rows);
    for (let pixel = 0; pixel < rows * columns; pixel += 1) {
      for (let channel = 0; channel < 3; channel += 1) {
        const value = image[pixel * channels + Math.min(channel, channels - 1)];
        target.data[4 * pixel + channel] = (255 * (value - low)) / (high - low);
      }
      target.data[4 * pixel + 3] = 255;
    }
    context.putImageData(target, 0, 0);
  }

  // The cover

  /** @param {number} across @param {number} down shares of the photo */
  function place(across, down) {
    if (!shown?.pixels) return;
    isTouched = true;
    stopSweep();
    const [left, top, right, bottom] = shown.photo.box;
    moveTo(((across - left) / (right - left)) * columns, ((down - top) / (bottom - top)) * rows);
  }

  /** @param {number} x @param {number} y the middle, in pixels of the model's image */
  function moveTo(x, y) {
    const left = Math.round(Math.min(Math.max(x - size / 2, 0), columns - size));
    const top = Math.round(Math.min(Math.max(y - size / 2, 0), rows - size));
    if (cover && cover.left === left && cover.top === top && cover.size === size) return;
    cover = { top, left, size };
    drawCover();
    ask();
  }

  function liftCover() {
    cover = null;
    drawCover();
    ask();
  }

  /** @param {Cover} where @returns {Float32Array} what the model gets */
  function covered(where) {
    const image = shown.image.slice();
    const radius = COVER_ROUNDNESS * where.size;
    const half = where.size / 2;
    for (let row = 0; row < where.size; row += 1) {
      for (let column = 0; column < where.size; column += 1) {
        // How far inside the rounded square does this pixel lie? On the edge it is half covered.
        const x = Math.max(Math.abs(column + 0.5 - half) - (half - radius), 0);
        const y = Math.max(Math.abs(row + 0.5 - half) - (half - radius), 0);
        const share = Math.min(Math.max(radius - Math.hypot(x, y) + 0.5, 0), 1);
        const start = ((where.top + row) * columns + where.left + column) * channels;
        for (let k = start; k < start + channels; k += 1) image[k] += share * (shown.blurred[k] - image[k]);
      }
    }
    return image;
  }

  async function ask() {
    const photo = shown;
    const where = cover;
    if (!photo?.before) return; // the uncovered code comes first; then this is asked again
    try {
      const answer = await transport.run(where ? covered(where) : photo.image);
      if (answer !== null && shown === photo) receive(answer, where);
    } catch (error) {
      tellFailure(error);
    }
  }

  /** @param {Answer} answer @param {Cover | null} where */
  function receive(answer, where) {
    const change = codeChange(shown.before, answer.code, grid.rows * grid.columns);
    shown.answer = { ...answer, change, where };
    if (where) shown.trail.add(where, change.share);
    score.textContent = similarityInWords(change.similarity);
    if (where) moved.replaceChildren("plain similarity to the code of the uncovered photo; ", build("b", {}, asPercent(change.share)), " of the code changed");
    else moved.textContent = "plain similarity to itself: nothing is covered yet";
    drawFingerprint(change.cells, where);
    if (answer.redrawn) drawRedrawn(answer.redrawn);
    drawTrail();
    say(change, where);
    element.dataset.cover = where ? `${where.top},${where.left},${where.size}` : "";
    element.dataset.similarity = String(change.similarity);
    element.dataset.share = String(change.share);
    element.dataset.milliseconds = String(answer.milliseconds);
  }

  /** The sentence waits until the cover rests, so that nobody is talked over. */
  let waiting = 0;
  /** @param {import("./code_change.js").CodeChange} change @param {Cover | null} where */
  function say(change, where) {
    clearTimeout(waiting);
    waiting = window.setTimeout(() => {
      if (!where) { read.say("Nothing is covered. Move the cover over the photo."); return; }
      const across = (where.left + where.size / 2) / columns;
      const down = (where.top + where.size / 2) / rows;
      read.say(`Cover ${placeInWords(across, down)}: similarity of the code now `, build("b", {}, similarityInWords(change.similarity)), ": ", build("b", {}, asPercent(change.share)), " of it changed.");
    }, 180);
  }

  // Drawing

  /** The photo stays; only the piece over it moves, so that a finger is followed at once. */
  function drawPhoto() {
    const { pixels } = shown;
    const context = stage.canvas.getContext("2d");
    context.putImageData(new ImageData(pixels.colour, pixels.width, pixels.height), 0, 0);
  }

  function drawCover() {
    piece.hidden = cover === null || !shown?.pixels;
    if (cover === null || piece.hidden) return;
    const [left, top, right, bottom] = shown.photo.box;
    const [across, down] = [(right - left) / columns, (bottom - top) / rows];
    piece.style.left = `${100 * (left + cover.left * across)}%`;
    piece.style.top = `${100 * (top + cover.top * down)}%`;
    piece.style.width = `${100 * cover.size * across}%`;
    piece.style.height = `${100 * cover.size * down}%`;
    piece.width = cover.size;
    piece.height = cover.size;
    piece.getContext("2d").drawImage(shown.screen, cover.left, cover.top, cover.size, cover.size, 0, 0, cover.size, cover.size);
  }

  /** @param {Float32Array} cells @param {Cover | null} where */
  function drawFingerprint(cells, where) {
    const [wide, tall] = [fingerprint.width / grid.columns, fingerprint.height / grid.rows];
    const gap = Math.min(wide, tall) >= 12 ? 2 : 0;
    const context = fingerprint.getContext("2d");
    context.clearRect(0, 0, fingerprint.width, fingerprint.height);
    for (let cell = 0; cell < cells.length; cell += 1) {
      const [x, y] = [(cell % grid.columns) * wide, Math.floor(cell / grid.columns) * tall];
      context.fillStyle = rampColour(ramp, Math.min(cells[cell], 1));
      context.beginPath();
      context.roundRect(x + gap / 2, y + gap / 2, wide - gap, tall - gap, gap * 1.5);
      context.fill();
    }
    if (where && grid.isPlaced) {
      context.strokeStyle = "#fff";
      context.lineWidth = 3;
      context.save();
      context.setLineDash([9, 6]);
      const [across, down] = [fingerprint.width / columns, fingerprint.height / rows];
      context.beginPath();
      context.roundRect(where.left * across + 1, where.top * down + 1, where.size * across - 2, where.size * down - 2, [{ x: COVER_ROUNDNESS * where.size * across, y: COVER_ROUNDNESS * where.size * down }]);
      context.stroke();
      context.restore();
    }
    const farthest = cells.reduce((most, value) => Math.max(most, value), 0);
    fingerprint.setAttribute("aria-label", where ? `The code, ${grid.rows} by ${grid.columns}: the ${grid.noun} that moved farthest moved by ${inWords(farthest)} of a typical ${grid.extent}.` : "The code: nothing moved.");
  }

  /** @param {ArrayLike<number>} image */
  function drawRedrawn(image) {
    paintImage(redrawn, image);
    redrawn.setAttribute("aria-label", `${shown.photo.alt}, as the network redraws it from the code${cover ? " of the covered photo" : ""}`);
  }

  let trailDrawn = 0;
  function drawTrail() {
    if (trailDrawn || !shown?.pixels) return;
    trailDrawn = window.setTimeout(() => {
      trailDrawn = 0;
      const { pixels, photo, trail } = shown;
      if (!pixels) return;
      const { share, greatest, place: brightest } = trail.summary();
      const high = greatest || 1;
      if (trailStage.width !== pixels.width || trailStage.height !== pixels.height) { trailStage.width = pixels.width; trailStage.height = pixels.height; }
      const context = trailStage.getContext("2d");
      const target = context.createImageData(pixels.width, pixels.height);
      const placed = mapAtPixels({ values: trail.means, rows: trail.rows, columns: trail.columns, scale: { low: 0, high, signed: false, flat: false } }, photo.box, pixels.width, pixels.height, false);
      paintMap(target, pixels, placed, { low: 0, high, signed: false, flat: false }, { ramps: data.ramps, opacity: 0.9, contours: false });
      context.putImageData(target, 0, 0);
      const strip = build("canvas", { class: "key-strip", "aria-hidden": "true" });
      paintStrip(strip, data.ramps, false, 0.9);
      trailKey.replaceChildren(strip, build("ol", { class: "key-marks" }, build("li", {}, "0"), build("li", {}, share ? asPercent(greatest / 2) : ""), build("li", {}, share ? asPercent(greatest) : "")));
      const where = brightest < 0 ? "" : placeInWords(((brightest % trail.columns) + 0.5) / trail.columns, (Math.floor(brightest / trail.columns) + 0.5) / trail.rows);
      trailWords.replaceChildren(build("b", {}, "Your map so far."), share ? ` ${asPercent(share)} of the picture was covered at some time. Brightest: ${where}, where covering changes ${asPercent(greatest)} of the code.` : " Nothing yet: move the cover over the photo.");
      trailStage.setAttribute("aria-label", share ? `A map of what was covered so far; most changed ${where}.` : "An empty map of what was covered so far.");
      element.dataset.painted = String(share);
    }, TRAIL_PAUSE);
  }

  function drawLibraryMap() {
    if (libraryFigure.hidden || !shown?.pixels) return;
    const { pixels, photo, trail } = shown;
    const map = libraryMapOf(photo);
    if (map === null) return;
    const { values, shape } = decodeArray(map.values);
    libraryMap.width = pixels.width;
    libraryMap.height = pixels.height;
    const context = libraryMap.getContext("2d");
    const target = context.createImageData(pixels.width, pixels.height);
    const scale = { low: 0, high: map.scale.high, signed: false, flat: map.scale.flat };
    const placed = mapAtPixels({ values, rows: shape[0], columns: shape[1], scale }, photo.box, pixels.width, pixels.height, true);
    paintMap(target, pixels, placed, scale, { ramps: data.ramps, opacity: 0.9, contours: false });
    context.putImageData(target, 0, 0);
    const likeness = likenessOfMaps(trail, values, shape[0], shape[1]);
    libraryWords.replaceChildren(build("b", {}, "The library\u2019s map of the same question."), ` ${map.sentence}`, likeness === null ? "" : ` Rank correlation with yours, where you have been: ${asScore(likeness)} (1: the same order of places).`);
    libraryMap.setAttribute("aria-label", `The library\u2019s occlusion map. ${map.sentence}`);
  }

  function tellCaption() {
    const difference = shown?.difference;
    caption.replaceChildren(captionStrip([
      ["method", `one pass of the network for each place of the cover; under it lies the photo\u2019s own blur (${size} px wide), with rounded corners`],
      ["unit", `similarity: the plain cosine of the two codes; change: the squared change of the code, as a share of the code\u2019s square; of a ${grid.noun}: the ${grid.extent} of its change, as a share of the typical ${grid.extent} of a ${grid.noun}`],
      ["for comparison", shown ? othersInWords(data.photos, shown.index, Boolean(data.pairs?.[0]?.centred)) : ""],
      ["scale", "the code: 0 to 1, always; your map: 0 to its own greatest value"],
      ["computed", transport.words],
      ["how near", difference === null || difference === undefined ? "" : `largest difference to the library\u2019s code of this photo: ${inWords(difference)} of its largest number`],
      ["good to know", "On its rounded edge the cover lies half on a pixel. In your map the middle of a cover counts more than its edge, and every place keeps the mean of all covers that lay on it."],
    ]));
    if (difference !== null && difference !== undefined) element.dataset.difference = String(difference);
  }

  // By itself

  async function startSweep() {
    if (!shown?.before) return;
    sweeps += 1;
    sweeping = sweeps;
    const mine = sweeping;
    play.textContent = "Stop";
    const step = Math.max(Math.round(size * SWEEP.step), 1);
    /** @type {[number, number][]} */
    const way = [];
    for (let row = 0, turn = 0; ; row = Math.min(row + step, rows - size), turn += 1) {
      const line = [];
      for (let column = 0; ; column = Math.min(column + step, columns - size)) { line.push(column); if (column >= columns - size) break; }
      if (turn % 2) line.reverse();
      way.push(...line.map((column) => /** @type {[number, number]} */ ([column, row])));
      if (row >= rows - size) break;
    }
    for (const [left, top] of way) {
      if (sweeping !== mine || !element.isConnected) break;
      const pause = new Promise((resolve) => { setTimeout(resolve, SWEEP.milliseconds); });
      cover = { left, top, size };
      drawCover();
      await Promise.all([ask(), pause]);
    }
    if (sweeping !== mine) return;
    stopSweep();
    // At the end it rests where it changed most.
    const { place: brightest } = shown.trail.summary();
    moveTo(((brightest % shown.trail.columns) + 0.5) * (columns / shown.trail.columns), (Math.floor(brightest / shown.trail.columns) + 0.5) * (rows / shown.trail.rows));
  }

  let isAwaited = false;
  /** The first time that the photo is in view the cover sets out by itself, unless the reader was quicker or wants stillness. */
  function sweepOnceSeen() {
    if (isAwaited || wantsStillness()) return;
    isAwaited = true;
    const observer = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      if (!isTouched) startSweep();
    }, { threshold: 0.6 });
    observer.observe(stage.frame);
  }

  function stopSweep() {
    sweeping = 0;
    play.textContent = "Sweep it over the photo";
  }

  stage.frame.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    // A finger keeps its cover when it leaves the photo.
    if (event.pointerType !== "mouse") stage.frame.setPointerCapture(event.pointerId);
  });
  stage.frame.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const move = /** @type {Record<string, number[]>} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] })[event.key];
    if (move) {
      isTouched = true;
      stopSweep();
      const step = Math.max(Math.round(size / 4), 1);
      if (cover) moveTo(cover.left + size / 2 + step * move[0], cover.top + size / 2 + step * move[1]);
      else moveTo(columns / 2, rows / 2);
    } else if (event.key === "Home" || event.key === "Escape") {
      isTouched = true;
      stopSweep();
      liftCover();
    } else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, { capture: true });

  new ResizeObserver(() => {
    // As many pixels as it is shown with, so that the seams between cells stay even.
    fingerprint.width = Math.max(Math.round(devicePixelRatio * fingerprint.clientWidth), grid.columns);
    fingerprint.height = Math.max(Math.round(devicePixelRatio * fingerprint.clientHeight), grid.rows);
    if (shown?.answer) drawFingerprint(shown.answer.change.cells, shown.answer.where);
  }).observe(fingerprint);

  store.follow((/** @type {any} */ state, /** @type {any} */ before) => { if (state.photo !== before.photo) show(state.photo); });
}

/**
 * How is a code drawn? Cells where they lie; the numbers of a vector side by side.
 * @param {{rows: number, columns: number, channels: number}} code
 */
function gridOfCode({ rows, columns, channels }) {
  if (rows * columns > 1) return { rows, columns, noun: "cell", extent: "length", isPlaced: rows > 1 };
  const across = Math.ceil(Math.sqrt(channels));
  let divisor = across;
  while (channels % divisor) divisor += 1;
  return { rows: channels / divisor, columns: divisor, noun: "number", extent: "size", isPlaced: false };
}

/**
 * How similar are other photos, measured in the same way? Without that a similarity says little.
 * @param {any[]} photos
 * @param {number} index
 * @param {boolean} centred whether the page elsewhere compares photos less what all share
 */
function othersInWords(photos, index, centred) {
  const own = decodeArray(photos[index].code).values;
  // In the app other photos arrive one by one.
  const others = photos.filter((photo, other) => other !== index && photo.code).map((photo) => codeChange(own, decodeArray(photo.code).values, 1).similarity);
  if (others.length === 0) return "";
  const [least, most] = [Math.min(...others), Math.max(...others)].map((value) => asScore(value));
  const words = others.length === 1 ? `the other photo of this page has a plain similarity of ${least}` : `the other photos of this page have plain similarities of ${least} to ${most}`;
  return centred ? `${words}; \u201cWhy are these two alike?\u201d first takes off what all photos share, so its scores are others` : words;
}

/** @param {any} photo @returns {any} the map of occlusion that the library has computed, or null */
function libraryMapOf(photo) {
  return photo.maps?.find((/** @type {any} */ map) => map.method === "occlusion" && !map.scale.signed) ?? null;
}

/**
 * @param {{rows: number, columns: number, means: Float32Array}} trail
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
    const row = Math.floor(((Math.floor(place / trail.columns) + 0.5) / trail.rows) * rows);
    const column = Math.floor((((place % trail.columns) + 0.5) / trail.columns) * columns);
    mine.push(trail.means[place]);
    theirs.push(values[row * columns + column]);
  }
  return mine.length < 50 ? null : correlationOfRanks(mine, theirs);
}

/** @param {number} similarity @returns {string} never rounded to the same */
function similarityInWords(similarity) {
  if (similarity >= 1) return "1";
  if (similarity >= 0.99995) return "0.9999+";
  return similarity >= 0.9995 ? similarity.toFixed(4) : asScore(similarity);
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
