// @ts-check
/** Watch it look: the photo goes dark, what matters most keeps its colours, the code fills, the redrawing appears. */
import { build } from "./build.js";
import { button, slider, wantsStillness } from "./controls.js";
import { cellsOf } from "./cell_codes.js";
import { mapOf } from "./where.js";
import { aspectOfSeen, createStage, loadImage, mapAtPixels, paintSpotlight, photoPixels } from "./stage.js";
import { asCount, asPercent } from "./wording.js";

/** Seconds of the whole. */
const HERO_SECONDS = 6;
/** The code is drawn so wide, in pixels. */
const FINGERPRINT_SIDE = 480;

/** @param {{data: any, element: HTMLElement, store: any, onDrawn: () => void}} view `onDrawn` is called when the first picture is there */
export function renderHero({ data, element, store, onDrawn }) {
  const stage = createStage({ label: "", help: "" });
  const fingerprint = build("canvas", { class: "fingerprint", role: "img" });
  const redrawn = build("img", { class: "hero-redrawn", alt: "" });
  const redrawnBox = build("figure", { class: "hero-small" }, redrawn, build("figcaption", {}, "what it can redraw from that"));
  const codeNote = build("figcaption");
  const step = build("p", { class: "hero-step" });
  const credit = build("figcaption", { class: "credit" });
  let time = 1;
  let playing = false;
  let started = 0;
  const play = button("Watch it look", () => (playing ? pause() : start()), { class: "button primary" });
  const scrub = slider({ label: "Time", least: 0, most: 1, step: 0.01, value: 1, inWords: (value) => `${(value * HERO_SECONDS).toFixed(1)} s`, onInput: (value) => { time = value; pause(); draw(); } });
  element.append(
    build("div", { class: "hero-grid" }, build("figure", { class: "hero-main" }, stage.node, credit), build("div", { class: "hero-side" }, build("figure", { class: "hero-small" }, fingerprint, codeNote), redrawnBox)),
    build("div", { class: "toolbar" }, play, scrub.node), step,
  );
  /** @type {any} */
  let ready = null;

  async function prepare() {
    const index = store.get().photo;
    const photo = data.photos[index];
    const pixels = await photoPixels(photo);
    if (store.get().photo !== index) return;
    const map = photo.maps[0];
    const placed = mapAtPixels(mapOf(map), photo.box, pixels.width, pixels.height, true);
    const { order, half } = orderOfPlaces(placed);
    const cells = cellsOf(photo.code);
    const aspect = aspectOfSeen(photo);
    const isVector = cells.rows * cells.columns === 1;
    const strengths = isVector ? cells.values.map(Math.abs) : strengthOfCells(cells);
    ready = { index, photo, pixels, placed, order, half, strengths, columns: isVector ? Math.ceil(Math.sqrt(strengths.length * 2)) : cells.columns, aspect: isVector ? 2 : aspect, map };
    credit.textContent = photo.credit ? `Photo: ${photo.credit}` : "";
    codeNote.textContent = `its code: ${asCount(cells.values.length)} numbers${isVector ? "" : ` in ${cells.rows}\u00d7${cells.columns} cells`}`;
    fingerprint.setAttribute("aria-label", `the code of ${photo.name}, bright where it is strong`);
    redrawnBox.hidden = !photo.redrawn;
    if (photo.redrawn) {
      redrawn.src = photo.redrawn;
      redrawn.alt = `${photo.alt}, as the model redraws it`;
      redrawn.style.aspectRatio = String(aspect);
      await loadImage(photo.redrawn);
    }
    stage.describe(`${photo.alt}. In its own colours: the ${asPercent(half)} of it that hold half of what counts; the rest is dark. ${map.sentence}`);
    draw();
    requestAnimationFrame(onDrawn);
  }

  function draw() {
    if (!ready) return;
    const { pixels, placed, order, half } = ready;
    const darkness = Math.min(1, time / 0.15);
    const lit = half * ease(Math.max(0, Math.min(1, (time - 0.15) / 0.55)));
    stage.paint(pixels, (target) => paintSpotlight(target, pixels, (index) => {
      const inLight = time >= 0.15 ? Math.min(1, Math.max(0, (lit - order[index]) / 0.01 + 0.5)) : 0;
      return 1 - darkness * (1 - inLight);
    }, time >= 0.15 ? placed : undefined));
    drawFingerprint(Math.max(0, Math.min(1, (time - 0.3) / 0.5)));
    redrawn.style.opacity = String(Math.max(0, Math.min(1, (time - 0.78) / 0.2)));
    step.textContent = time < 0.15 ? "A photo." : time < 0.7 ? `Lit first: what counts most for its code. Now ${asPercent(Math.max(0.001, lit))} of the photo.` : time < 0.98 ? "All it keeps are these numbers." : `Lit: the ${asPercent(half)} of the photo that hold half of what counts for its code.`;
  }

  /** @param {number} filled */
  function drawFingerprint(filled) {
    const { strengths, columns, aspect } = ready;
    const rows = Math.ceil(strengths.length / columns);
    // Drawn larger than it is shown, so that the lines between cells are evenly thin; cells have the shape of their place.
    const wide = Math.max(2, Math.floor(FINGERPRINT_SIDE / columns));
    const high = Math.max(2, Math.round((wide * columns) / rows / aspect));
    const gap = Math.max(1, Math.round(wide / 14));
    fingerprint.width = columns * wide;
    fingerprint.height = rows * high;
    const context = fingerprint.getContext("2d");
    const largest = strengths.reduce((/** @type {number} */ most, /** @type {number} */ value) => Math.max(most, value), 1e-12);
    const least = 1 - filled;
    for (let index = 0; index < strengths.length; index += 1) {
      const share = strengths[index] / largest;
      context.fillStyle = filled > 0 && share >= least ? `rgb(${40 + 215 * share} ${30 + 150 * share} ${60 + 20 * share})` : "#1b1c22";
      context.fillRect((index % columns) * wide, Math.floor(index / columns) * high, Math.max(1, wide - gap), Math.max(1, high - gap));
    }
  }

  /** @param {number} now */
  function tick(now) {
    if (!playing) return;
    time = Math.min(1, (now - started) / 1000 / HERO_SECONDS);
    scrub.show(time);
    draw();
    if (time < 1) requestAnimationFrame(tick);
    else pause();
  }

  function start() {
    playing = true;
    play.textContent = "Pause";
    const offset = time >= 1 ? 0 : time;
    started = performance.now() - offset * 1000 * HERO_SECONDS;
    requestAnimationFrame(tick);
  }

  function pause() {
    playing = false;
    play.textContent = time >= 1 ? "Watch it again" : "Go on";
  }

  store.follow((/** @type {any} */ state, /** @type {any} */ before) => {
    if (state.photo === before.photo) return;
    const first = before.photo === undefined;
    time = 1;
    scrub.show(1);
    prepare().then(() => { if (first && !wantsStillness()) { time = 0; start(); } });
  });
}

/** @param {number} value @returns {number} */
function ease(value) { return value * value * (3 - 2 * value); }

/** Values are told apart in so many steps between the least and the largest: counting them takes a tenth of the time of sorting. */
const HERO_STEPS = 65536;

/**
 * @param {Float32Array} placed NaN where nothing is known
 * @returns {{order: Float32Array, half: number}} of each place the share of the photo that counts more (NaN counts last), and the smallest share
 *     of the photo that holds half of all that is above zero
 */
export function orderOfPlaces(placed) {
  let low = Infinity;
  let high = -Infinity;
  let count = 0;
  for (const value of placed) {
    if (value !== value) continue;
    count += 1;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const stepsOfValue = (HERO_STEPS - 1) / Math.max(high - low, 1e-30);
  const steps = new Uint16Array(placed.length);
  const counts = new Uint32Array(HERO_STEPS);
  const sums = new Float64Array(HERO_STEPS);
  let sum = 0;
  for (let index = 0; index < placed.length; index += 1) {
    const value = placed[index];
    if (value !== value) continue;
    const step = Math.round((value - low) * stepsOfValue);
    steps[index] = step;
    counts[step] += 1;
    if (value > 0) { sums[step] += value; sum += value; }
  }
  const sharesOfSteps = new Float32Array(HERO_STEPS);
  let above = 0;
  let half = count && sum > 0 ? 0 : 1;
  let sumAbove = 0;
  for (let step = HERO_STEPS - 1; step >= 0; step -= 1) {
    sharesOfSteps[step] = above / placed.length;
    if (half === 0 && sumAbove + sums[step] >= sum / 2) half = (above + Math.max(1, Math.ceil((counts[step] * (sum / 2 - sumAbove)) / sums[step]))) / placed.length;
    above += counts[step];
    sumAbove += sums[step];
  }
  return { order: Float32Array.from(placed, (value, index) => (value === value ? sharesOfSteps[steps[index]] : 1)), half };
}

/** @param {import("./cell_codes.js").Cells} cells @returns {Float32Array} the length of each cell */
function strengthOfCells(cells) {
  const strengths = new Float32Array(cells.rows * cells.columns);
  for (let cell = 0; cell < strengths.length; cell += 1) {
    let sum = 0;
    for (let channel = 0; channel < cells.channels; channel += 1) sum += cells.values[cell * cells.channels + channel] ** 2;
    strengths[cell] = Math.sqrt(sum);
  }
  return strengths;
}
