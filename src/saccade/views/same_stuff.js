// @ts-check
/** What is the same stuff? Touch a place: everything that the network encodes alike lights up, here and in the other photos. */
import { decodeArray } from "./arrays.js";
import { build } from "./build.js";
import { captionStrip, chooser, readout, slider, toggle } from "./controls.js";
import { cellsOf, cosinesWith, lessCentre } from "./cell_codes.js";
import { cellAt, cellInWords, createStage, loadImage, mapAtPixels, middleOfCell, paintMap, paintSpotlight, photoPixels } from "./stage.js";
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
  /** @type {number[] | null} */
  let touched = null;
  let showHeat = false;

  const stage = createStage({
    label: "", help: "Move the pointer or press the arrow keys; click or press Enter to hold a place, Escape to let go.",
    onPlace: (across, down, sure) => { if (sure) { pinned = !pinned || !sameCell(across, down); } if (!pinned || sure) touch(across, down); },
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
      ["good to know", "A cell sees more of the photo than its own square. \u201cWhat all places share\u201d is the mean cell of the photos on this page."],
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

  /** @type {{index: number, canvas: HTMLCanvasElement, note: HTMLElement}[]} */
  let small = [];

  function buildOthers() {
    const current = store.get().photo;
    small = data.photos.map((/** @type {any} */ _photo, /** @type {number} */ index) => index).filter((/** @type {number} */ index) => index !== current).slice(0, 7)
      .map((/** @type {number} */ index) => ({ index, canvas: build("canvas", { "aria-hidden": "true" }), note: build("span", {}) }));
    others.replaceChildren(...small.map(({ index, canvas, note }) => build("button", { type: "button", class: "other", "aria-label": `go on with ${data.photos[index].name}`, on: { click: () => store.set({ photo: index }) } }, canvas, note)));
  }

  /** @param {number} across @param {number} down */
  function sameCell(across, down) {
    const photo = data.photos[store.get().photo];
    const own = cells[store.get().photo];
    const at = cellAt(photo.box, own.rows, own.columns, across, down);
    return Boolean(at && touched && at[0] === touched[0] && at[1] === touched[1]);
  }

  /** @param {number} across @param {number} down */
  function touch(across, down) {
    const photo = data.photos[store.get().photo];
    const own = cells[store.get().photo];
    const at = cellAt(photo.box, own.rows, own.columns, across, down);
    if (!at) return;
    if (touched && at[0] === touched[0] && at[1] === touched[1]) return;
    touched = at;
    draw();
  }

  function restView() {
    touched = null;
    draw();
  }

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
      read.say("Nothing is touched yet.");
      for (const one of small) paintOther(one, null);
      return;
    }
    const cell = place[0] * own.columns + place[1];
    const cosines = cosinesWith(own, cell, own);
    const alike = cosines.reduce((count, value) => count + (value >= least ? 1 : 0), 0);
    const placed = mapAtPixels({ values: cosines, rows: own.rows, columns: own.columns, scale: cosineScale }, photo.box, pixels.width, pixels.height, true);
    stage.paint(pixels, (target) => paintCosines(target, pixels, placed));
    /** @type {{index: number, best: number, cell: number} | null} */
    let nearest = null;
    for (const one of small) {
      const there = cosinesWith(own, cell, prepared[one.index]);
      const best = there.reduce((found, value, index) => (value > there[found] ? index : found), 0);
      if (!nearest || there[best] > nearest.best) nearest = { index: one.index, best: there[best], cell: best };
      paintOther(one, there);
    }
    const where = cellInWords(photo.box, own.rows, own.columns, place[0], place[1]);
    const words = `${alike} of ${cosines.length} cells of this photo are at least ${least.toFixed(2)} alike`;
    const elsewhere = nearest ? ` The nearest elsewhere: ${asScore(nearest.best)}, in ${data.photos[nearest.index].name}.` : "";
    read.say(build("b", {}, where), `${pinned ? " (held)" : ""}: ${words}.${elsewhere}`);
    read.node.dataset.alike = String(alike);
    stage.describe(`${photo.alt}; touched ${where}: ${words}`);
  }

  /** @param {ImageData} target @param {any} pixels @param {Float32Array} placed */
  function paintCosines(target, pixels, placed) {
    if (showHeat) paintMap(target, pixels, placed, cosineScale, { ramps: data.ramps, opacity: 0.9, contours: false });
    else paintSpotlight(target, pixels, (index) => rise(placed[index], least), placed);
  }

  /** @param {{index: number, canvas: HTMLCanvasElement, note: HTMLElement}} one @param {Float32Array | null} cosines */
  async function paintOther(one, cosines) {
    const photo = data.photos[one.index];
    const image = await loadImage(photo.thumbnail);
    const { canvas } = one;
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    context.drawImage(image, 0, 0);
    one.note.textContent = "";
    if (!cosines) return;
    const grid = prepared[one.index];
    const data2d = context.getImageData(0, 0, canvas.width, canvas.height);
    const grey = new Float32Array(canvas.width * canvas.height);
    for (let index = 0; index < grey.length; index += 1) {
      const luma = (0.2126 * data2d.data[4 * index] + 0.7152 * data2d.data[4 * index + 1] + 0.0722 * data2d.data[4 * index + 2]) / 255;
      grey[index] = 255 * luma * (0.86 - 0.25 * luma);
    }
    const pixels = { width: canvas.width, height: canvas.height, colour: data2d.data.slice(), grey };
    const placed = mapAtPixels({ values: cosines, rows: grid.rows, columns: grid.columns, scale: cosineScale }, photo.box, canvas.width, canvas.height, true);
    paintCosines(data2d, pixels, placed);
    context.putImageData(data2d, 0, 0);
    const best = cosines.reduce((found, value, index) => (value > cosines[found] ? index : found), 0);
    one.note.textContent = cosines[best] >= least ? asScore(cosines[best]) : `${asScore(cosines[best])}: nothing alike enough`;
    const [across, down] = middleOfCell(photo.box, grid.rows, grid.columns, Math.floor(best / grid.columns), best % grid.columns);
    if (cosines[best] >= least) {
      context.lineWidth = 2;
      context.strokeStyle = "#fff";
      context.beginPath();
      context.arc(across * canvas.width, down * canvas.height, 6, 0, 7);
      context.stroke();
    }
  }

  store.follow((/** @type {any} */ state, /** @type {any} */ before) => {
    if (state.photo === before.photo) return;
    touched = null;
    pinned = false;
    stage.hideRing();
    tellLayer();
    buildOthers();
    draw();
  });
}

const cosineScale = { low: 0, high: 1, signed: false, flat: false };

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
