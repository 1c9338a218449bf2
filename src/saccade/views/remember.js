// @ts-check
/** What does it remember, and what does it forget? The photo and its redrawing, wiped over one another. */
import { build } from "./build.js";
import { captionStrip, readout, slider, toggle } from "./controls.js";
import { colourKey, mapOf, valueInWords } from "./where.js";
import { cellAt, createStage, loadImage, mapAtPixels, paintMap, photoPixels } from "./stage.js";
import { asCount, asText, inWords, placeInWords } from "./wording.js";

/** @param {{data: any, element: HTMLElement, store: any}} view */
export function renderRemember({ data, element, store }) {
  let wipe = 0.5;
  let mapShown = false;
  const canvas = build("canvas", { class: "stage-canvas", "aria-hidden": "true" });
  const handle = build("div", { class: "wipe-handle", "aria-hidden": "true" });
  const frame = build("div", { class: "stage wipe", role: "img" }, canvas, handle);
  const keptStage = createStage({
    label: "", help: "Move the pointer or press the arrow keys to read how much is kept.", onPlace: (across, down) => tell(across, down), onLeave: () => rest(), step: () => [0.05, 0.05],
  });
  const read = readout();
  const finding = build("p", { class: "finding" });
  const facts = build("p", { class: "method-words" });
  const caption = build("div");
  const key = build("div");
  const wipeSlider = slider({ label: "Photo or memory", least: 0, most: 1, step: 0.01, value: wipe, inWords: (value) => `${Math.round(100 * value)}\u00a0% of it is the redrawing`, onInput: (value) => { wipe = value; drawWipe(); } });
  const mapToggle = toggle({ label: "Show how much detail is kept, place by place", value: false, onChange: (value) => { mapShown = value; keptBox.hidden = !value; draw(); } });
  const keptBox = build("figure", { hidden: true }, keptStage.node, read.node, key);
  element.append(
    build("div", { class: "figure-row" },
      build("figure", {}, frame, build("div", { class: "wipe-names", "aria-hidden": "true" }, build("span", {}, "redrawn from the code"), build("span", {}, "what it was given")), wipeSlider.node),
      build("div", { class: "beside" }, finding, facts, build("div", { class: "panel" }, mapToggle.node), keptBox)),
    caption,
  );

  /** @param {PointerEvent} event */
  const follow = (event) => {
    const area = frame.getBoundingClientRect();
    wipe = Math.min(1, Math.max(0, (event.clientX - area.left) / area.width));
    wipeSlider.show(wipe);
    drawWipe();
  };
  frame.addEventListener("pointermove", follow);
  frame.addEventListener("pointerdown", follow);

  /** @type {{given: HTMLImageElement, redrawn: HTMLImageElement, shape: number} | null} */
  let images = null;

  function drawWipe() {
    if (!images) return;
    const width = 640;
    const height = Math.round(width / images.shape);
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(images.given, 0, 0, width, height);
    const edge = wipe * width;
    context.save();
    context.beginPath();
    context.rect(0, 0, edge, height);
    context.clip();
    context.drawImage(images.redrawn, 0, 0, width, height);
    context.restore();
    handle.style.left = `${100 * wipe}%`;
  }

  async function draw() {
    const index = store.get().photo;
    const photo = data.photos[index];
    const [given, redrawn] = await Promise.all([loadImage(photo.given), loadImage(photo.redrawn)]);
    if (store.get().photo !== index) return;
    const shape = ((photo.box[2] - photo.box[0]) * photo.width) / ((photo.box[3] - photo.box[1]) * photo.height);
    images = { given, redrawn, shape };
    frame.style.aspectRatio = String(shape);
    frame.style.setProperty("--shape", String(shape));
    frame.setAttribute("aria-label", `${photo.alt}: on the left as the model redraws it from its code, on the right what it was given. ${photo.kept.sentence}`);
    drawWipe();
    if (!mapShown) return;
    const pixels = await photoPixels(photo);
    const map = mapOf(photo.kept);
    const placed = mapAtPixels(map, photo.box, pixels.width, pixels.height, true);
    keptStage.paint(pixels, (target) => paintMap(target, pixels, placed, photo.kept.scale, { ramps: data.ramps, opacity: 0.85, contours: true }));
    keptStage.describe(`${photo.alt}, with the share of the detail that is kept. ${photo.kept.sentence}`);
    key.replaceChildren(colourKey(data, photo.kept));
  }

  /** @param {number} across @param {number} down */
  function tell(across, down) {
    const photo = data.photos[store.get().photo];
    const map = mapOf(photo.kept);
    const cell = cellAt(photo.box, map.rows, map.columns, across, down);
    if (!cell) return;
    const value = map.values[cell[0] * map.columns + cell[1]];
    read.say(build("b", {}, valueInWords(photo.kept, value)), ` of the detail is kept, ${placeInWords(across, down)}`);
    read.node.dataset.value = String(value);
  }

  function rest() { read.say("Point at a place to read how much of its detail is kept."); }

  store.follow((/** @type {any} */ state, /** @type {any} */ before) => {
    if (state.photo === before.photo) return;
    const photo = data.photos[state.photo];
    finding.textContent = asText(photo.kept.sentence);
    const numbers = data.code.rows * data.code.columns * data.code.channels;
    const pixels = data.model.input.reduce((/** @type {number} */ product, /** @type {number} */ side) => product * side, 1);
    facts.textContent = `The code is ${asCount(numbers)} numbers for ${asCount(pixels)} of the picture (1 for ${inWords(pixels / numbers)}). Everything in the redrawing came through them. Against what the model was pixels, at ${data.model.input[1]}\u00d7${data.model.input[0]} px, its peak signal-to-noise ratio is ${inWords(photo.decibels, 3)} dB (higher is nearer). Finer detail of the photo was never pixels, and is not counted.`;
    caption.replaceChildren(captionStrip([["method", "the model's own decoder; Detail kept (detail_kept)"], ["unit", photo.kept.unit], ["good to know", photo.kept.notes.join(" \u00b7 ")]]));
    rest();
    draw();
  });
}
