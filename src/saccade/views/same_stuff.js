// @ts-check
/** What is the same stuff? Touch a place: everything that the network encodes alike lights up, here and in the other photos. */
import { build } from "./build.js";
import { captionStrip, chooser, readout, slider, toggle } from "./controls.js";
import { cellsOf, cosinesWith, lessCentre } from "./cell_codes.js";
import { cellAt, cellInWords, createStage, loadImage, mapAtPixels, middleOfCell, paintMap, paintSpotlight, photoPixels, pixelsOfImage } from "./stage.js";
import { mapOf } from "./where.js";
import { asScore } from "./wording.js";

/** @param {{data: any, element: HTMLElement, store: any}} view */
export function renderSameStuff({ data, element, store }) {
  const layers = data.cells.map((/** @type {any} */ _layer, /** @type {number} */ at) => data.photos.map((/** @type {any} */ photo) => cellsOf(photo.cells[at] ?? photo.code)));
  let depth = layers.length - 1;
  let cells = layers[depth];
  let mean = meanCell(cells);
  let centred = true;
  let least = 0.4;
  let pinned = false;
  /** Is what is touched only shown to begin with? */
  let isExample = false;
  /** @type {number[] | null} */
  let touched = null;
  let showHeat = false;

  const stage = createStage({
    label: "", help: "Move the pointer or press the arrow keys; click or press Enter to hold a place, Escape to let go.",
    onPlace: (across, down, sure) => { isExample = false; if (sure) { pinned = !pinned || !isTouched(cellUnder(across, down)); } if (!pinned || sure) touch(across, down); },
    onLeave: () => { if (!pinned) restView(); }, step: () => keyStep,
  });
  /** @type {[number, number]} */
  let keyStep = [0.1, 0.1];
  const others = build("div", { class: "others" });
  const read = readout();
  const thresholdSlider = slider({ label: "Light up from", least: 0, most: 0.95, step: 0.05, value: least, inWords: (value) => `${value.toFixed(2)} alike`, onInput: (value) => { least = value; draw(); } });
  const centredToggle = toggle({ label: "Take off what all places share", value: true, onChange: (value) => { centred = value; prepared = prepare(); draw(); } });
  const heatToggle = toggle({ label: "Show as heat map", value: false, onChange: (value) => { showHeat = value; draw(); } });
  const depths = chooser({
    label: "Which layer", value: depth, choices: data.cells.map((/** @type {any} */ layer, /** @type {number} */ at) => ({ value: at, text: `${at === 0 ? "coarse" : "finer"}: ${layer.rows}\u00d7${layer.columns} places`, title: layer.layer })).reverse(),
    onChange: (value) => { depth = value; cells = layers[depth]; mean = meanCell(cells); prepared = prepare(); touched = null; pinned = false; stage.hideRing(); tellLayer(); draw(); },
  });
  const caption = build("div");
  let prepared = prepare();

  function tellLayer() {
    const layer = data.cells[depth];
    keyStep = [1 / layer.columns, 1 / layer.rows];
    caption.replaceChildren(captionStrip([
      ["what is compared", `the ${layer.channels} numbers of each cell of layer ${layer.layer}${layer.layer === data.code.layer ? ", the code" : ""}`], ["unit", "cosine, \u22121 to 1, as it is: not stretched"],
      ["real grid", `${layer.rows}\u00d7${layer.columns}, smoothed for display`],
      ["good to know", "A cell sees more of the photo than its own square. \u201cWhat all places share\u201d is the mean cell of the photos on this page. It begins at the strongest place of the first map."],
    ]));
  }

  function prepare() {
    return cells.map((/** @type {any} */ one) => lessCentre(one, centred ? mean : null));
  }

  element.append(
    build("div", { class: "figure-row" },
      build("figure", {}, stage.node, read.node),
      build("div", { class: "beside" }, build("p", { class: "finding" }, "Point at something in the photo. Whatever the network takes for the same stuff lights up."), others,
        build("div", { class: "panel" }, layers.length > 1 ? depths.node : null, thresholdSlider.node, build("div", { class: "toggles" }, centredToggle.node, heatToggle.node)))),
    caption,
  );

  /** @type {OtherPhoto[]} */
  let small = [];

  function buildOthers() {
    const current = store.get().photo;
    small = data.photos.map((/** @type {any} */ _photo, /** @type {number} */ index) => index).filter((/** @type {number} */ index) => index !== current).slice(0, 7)
      .map((/** @type {number} */ index) => ({ index, canvas: build("canvas", { "aria-hidden": "true" }), note: build("span", {}) }));
    others.replaceChildren(...small.map(({ index, canvas, note }) => build("button", { type: "button", class: "other", "aria-label": `go on with ${data.photos[index].name}`, on: { click: () => store.set({ photo: index }) } }, canvas, note)));
  }

  /** @param {number} across @param {number} down @returns {number[] | null} row and column in this photo */
  function cellUnder(across, down) {
    const { photo } = store.get();
    return cellAt(data.photos[photo].box, cells[photo].rows, cells[photo].columns, across, down);
  }

  /** @param {number[] | null} cell */
  function isTouched(cell) {
    return Boolean(cell && touched && cell[0] === touched[0] && cell[1] === touched[1]);
  }

  /** @param {number} across @param {number} down */
  function touch(across, down) {
    const cell = cellUnder(across, down);
    if (!cell || isTouched(cell)) return;
    touched = cell;
    draw();
  }

  /** Touch the strongest place of the first map, where there is one, so that it is seen what a touch does. */
  function touchExample() {
    const { box, maps } = data.photos[store.get().photo];
    if (maps[0]?.values) {
      const { values, rows, columns } = mapOf(maps[0]);
      const place = placeOfGreatest(values);
      stage.point(...middleOfCell(box, rows, columns, Math.floor(place / columns), place % columns), false);
      isExample = true;
    }
    draw();
  }

  function restView() {
    touched = null;
    draw();
  }

  /** @returns {CosineStyle} */
  function style() { return { ramps: data.ramps, isHeat: showHeat, least }; }

  let frame = 0;
  function draw() {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => { paintAll(); });
  }

  async function paintAll() {
    const current = store.get().photo;
    const photo = data.photos[current];
    const own = prepared[current];
    const pixels = await photoPixels(photo);
    if (store.get().photo !== current) return;
    const place = touched;
    if (!place) {
      stage.paint(pixels, (target) => { target.data.set(pixels.colour); });
      stage.describe(`${photo.alt}. Point at a place to see what the network takes for the same stuff.`);
      read.say("Nothing is touched.");
      for (const one of small) paintOther(one, null);
      return;
    }
    const cell = place[0] * own.columns + place[1];
    const cosines = cosinesWith(own, cell, own);
    const alike = cosines.reduce((count, value) => count + (value >= least ? 1 : 0), 0);
    stage.paint(pixels, (target) => paintCosines(target, pixels, { values: cosines, rows: own.rows, columns: own.columns }, photo.box, style()));
    /** @type {{index: number, best: number, cell: number} | null} */
    let nearest = null;
    for (const one of small) {
      const there = cosinesWith(own, cell, prepared[one.index]);
      const best = placeOfGreatest(there);
      if (!nearest || there[best] > nearest.best) nearest = { index: one.index, best: there[best], cell: best };
      paintOther(one, there);
    }
    const where = cellInWords(photo.box, own.rows, own.columns, place[0], place[1]);
    const words = `${alike} of ${cosines.length} cells of this photo are at least ${least.toFixed(2)} alike`;
    const elsewhere = nearest ? ` The nearest elsewhere: ${asScore(nearest.best)}, in ${data.photos[nearest.index].name}.` : "";
    read.say(build("b", {}, where), `${pinned ? " (held)" : isExample ? ", the strongest place of the map" : ""}: ${words}.${elsewhere}`);
    read.node.dataset.alike = String(alike);
    stage.describe(`${photo.alt}; touched ${where}: ${words}`);
  }

  /** @param {OtherPhoto} other @param {Float32Array | null} cosines */
  async function paintOther({ index, canvas, note }, cosines) {
    const photo = data.photos[index];
    const image = await loadImage(photo.thumbnail);
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
    context.drawImage(image, 0, 0);
    note.textContent = "";
    if (!cosines) return;
    const { rows, columns } = prepared[index];
    const target = context.getImageData(0, 0, canvas.width, canvas.height);
    paintCosines(target, pixelsOfImage(target), { values: cosines, rows, columns }, photo.box, style());
    context.putImageData(target, 0, 0);
    const best = placeOfGreatest(cosines);
    note.textContent = cosines[best] >= least ? asScore(cosines[best]) : `${asScore(cosines[best])}: nothing alike enough`;
    if (cosines[best] >= least) ringAround(context, middleOfCell(photo.box, rows, columns, Math.floor(best / columns), best % columns));
  }

  store.follow((/** @type {any} */ state, /** @type {any} */ before) => {
    if (state.photo === before.photo) return;
    touched = null;
    pinned = false;
    stage.hideRing();
    tellLayer();
    buildOthers();
    touchExample();
  });
}

/** @typedef {{index: number, canvas: HTMLCanvasElement, note: HTMLElement}} OtherPhoto */
/** @typedef {{ramps: any, isHeat: boolean, least: number}} CosineStyle from which cosine on places light up, or all of them as a heat map */

const cosineScale = { low: 0, high: 1, signed: false, flat: false };

/**
 * @param {ImageData} target @param {import("./stage.js").PhotoPixels} pixels
 * @param {{values: Float32Array, rows: number, columns: number}} cosines @param {number[]} box
 * @param {CosineStyle} style
 */
function paintCosines(target, pixels, cosines, box, { ramps, isHeat, least }) {
  const placed = mapAtPixels({ ...cosines, scale: cosineScale }, box, pixels.width, pixels.height, true);
  if (isHeat) paintMap(target, pixels, placed, cosineScale, { ramps, opacity: 0.9, contours: false });
  else paintSpotlight(target, pixels, (index) => rise(placed[index], least), placed);
}

/** @param {ArrayLike<number>} values @returns {number} */
function placeOfGreatest(values) {
  let greatest = 0;
  for (let index = 1; index < values.length; index += 1) if (values[index] > values[greatest]) greatest = index;
  return greatest;
}

/** @param {CanvasRenderingContext2D} context @param {[number, number]} middle as shares of the picture */
function ringAround(context, [across, down]) {
  context.lineWidth = 2;
  context.strokeStyle = "#fff";
  context.beginPath();
  context.arc(across * context.canvas.width, down * context.canvas.height, 6, 0, 7);
  context.stroke();
}

/** @param {number} value @param {number} least @returns {number} light rises over a fifth of a cosine, so that edges are soft */
function rise(value, least) {
  const share = Math.min(1, Math.max(0, (value - least + 0.1) / 0.2));
  return share * share * (3 - 2 * share);
}

/** @param {import("./cell_codes.js").Cells[]} cells @returns {Float32Array} the mean cell of all photos */
function meanCell(cells) {
  const mean = new Float32Array(cells[0].channels);
  let count = 0;
  for (const one of cells) {
    count += one.rows * one.columns;
    for (let index = 0; index < one.values.length; index += 1) mean[index % one.channels] += one.values[index];
  }
  return mean.map((value) => value / count);
}
