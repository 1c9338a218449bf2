// @ts-check
/** What does it notice first, and what later? The strongest features of every layer; one of them on the photo. */
import { decodeArray } from "./arrays.js";
import { build } from "./build.js";
import { captionStrip, readout, slider } from "./controls.js";
import { aspectOfSeen, createStage, mapAtPixels, paintMap, photoPixels } from "./stage.js";
import { colourKey } from "./where.js";
import { asCount, inWords } from "./wording.js";

/** @param {{data: any, element: HTMLElement, store: any}} view */
export function renderFirstAndLater({ data, element, store }) {
  const layers = data.photos[0].layers;
  let depth = layers.length - 1;
  let feature = 0;
  const tiles = build("div", { class: "tiles", role: "group", "aria-label": "strongest features of the layer; arrow keys go from one to the next, Page Up and Page Down from layer to layer", on: { keydown: walk } });
  const stage = createStage({ label: "", help: "" });
  const read = readout();
  const finding = build("p", { class: "finding" });
  const depthSlider = slider({ label: "Depth", least: 0, most: layers.length - 1, step: 1, value: depth, inWords: (value) => `${layers[value].path}, ${value + 1} of ${layers.length}`, onInput: (value) => { depth = value; feature = 0; refresh(); } });

  /** Arrow keys walk over the features as they stand, page keys through the layers. @param {KeyboardEvent} event */
  function walk(event) {
    const perRow = getComputedStyle(tiles).gridTemplateColumns.split(" ").length;
    const step = /** @type {Record<string, number>} */ ({ ArrowLeft: -1, ArrowRight: 1, ArrowUp: -perRow, ArrowDown: perRow })[event.key];
    const layers = /** @type {Record<string, number>} */ ({ PageUp: -1, PageDown: 1 })[event.key];
    if (step === undefined && layers === undefined) return;
    event.preventDefault();
    if (layers !== undefined) {
      const next = Math.min(depthSlider.input.max, Math.max(0, depth + layers));
      if (next === depth) return;
      depth = next;
      depthSlider.show(depth);
      feature = 0;
      refresh();
    }
    const target = tiles.children[feature + (step ?? 0)];
    if (target instanceof HTMLElement) target.focus(); // and with the focus it is shown
  }
  const caption = build("div");
  const key = build("div");
  element.append(build("div", { class: "figure-row" }, build("figure", {}, stage.node, read.node, key), build("div", { class: "beside" }, finding, depthSlider.node, tiles)), caption);

  function layerNow() { return data.photos[store.get().photo].layers[depth]; }

  /** @param {any} layer @param {number} which */
  function featureMap(layer, which) {
    const { values, shape } = decodeArray(layer.values);
    const size = shape[1] * shape[2];
    const range = layer.high - layer.low;
    const numbers = Float32Array.from(values.subarray(which * size, (which + 1) * size), (level) => layer.low + (range * level) / 255);
    const reach = Math.max(Math.abs(layer.low), Math.abs(layer.high), 1e-12);
    const signed = layer.low < -0.05 * reach;
    return { values: numbers, rows: shape[1], columns: shape[2], scale: { low: signed ? -reach : 0, high: reach, signed, flat: false } };
  }

  function refresh() {
    const layer = layerNow();
    const field = layer.field ? `one of its cells sees ${layer.field[0]}\u00d7${layer.field[1]} pixels of the picture` : "each of its cells sees the whole picture";
    finding.textContent = `${layer.path}: ${asCount(layer.channels)} features on ${layer.rows}\u00d7${layer.columns} places; ${field}.`;
    const aspect = aspectOfSeen(data.photos[store.get().photo]);
    tiles.classList.toggle("many", layer.features.length > 16);
    tiles.replaceChildren(...layer.features.map((/** @type {number} */ channel, /** @type {number} */ index) => {
      const map = featureMap(layer, index);
      const canvas = build("canvas", { width: map.columns, height: map.rows, "aria-hidden": "true", style: { "aspect-ratio": String(aspect) } });
      paintTile(canvas, map, data.ramps);
      return build("button", { type: "button", class: "tile", "aria-pressed": String(index === feature), "aria-label": `feature ${channel} of ${layer.path}`, on: { click: () => { feature = index; mark(); draw(); }, pointerenter: () => { feature = index; mark(); draw(); }, focus: () => { feature = index; mark(); draw(); } } }, canvas, build("span", {}, String(channel)));
    }));
    caption.replaceChildren(captionStrip([
      ["what is shown", layer.features.length === layer.channels ? `all ${asCount(layer.channels)} features, those first that vary most over this photo` : `the ${layer.features.length} features of ${asCount(layer.channels)} that vary most over this photo`], ["scale", `one for the whole layer: ${inWords(layer.low)} to ${inWords(layer.high)}`],
      ["silent here", `${layer.silent} of ${layer.channels} features are the same everywhere`], ["good to know", "Carried with 8 bits and at most 64\u00d764 places: to look at, not to compute with."],
    ]));
    draw();
  }

  function mark() { [...tiles.children].forEach((tile, index) => tile.setAttribute("aria-pressed", String(index === feature))); }

  async function draw() {
    const index = store.get().photo;
    const photo = data.photos[index];
    const layer = layerNow();
    const which = feature;
    const pixels = await photoPixels(photo);
    if (store.get().photo !== index || layerNow() !== layer || feature !== which) return;
    const map = featureMap(layer, which);
    const placed = mapAtPixels(map, photo.box, pixels.width, pixels.height, true);
    stage.paint(pixels, (target) => paintMap(target, pixels, placed, map.scale, { ramps: data.ramps, opacity: 0.85, contours: true }));
    key.replaceChildren(colourKey(data, { scale: map.scale, unit: "strength of the feature, on one scale for all features of the layer", is_share: false }));
    const words = `feature ${layer.features[which]} of ${layer.path}`;
    stage.describe(`${photo.alt}, with ${words}`);
    read.say(build("b", {}, words), ": bright where it is strong");
  }

  store.follow((/** @type {any} */ state, /** @type {any} */ before) => { if (state.photo !== before.photo) refresh(); });
}

/** @param {HTMLCanvasElement} canvas @param {any} map @param {any} ramps */
function paintTile(canvas, map, ramps) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const target = context.createImageData(map.columns, map.rows);
  const pixels = { width: map.columns, height: map.rows, colour: target.data, grey: new Float32Array(map.columns * map.rows).fill(40) };
  paintMap(target, pixels, map.values, map.scale, { ramps, opacity: 1, contours: false });
  context.putImageData(target, 0, 0);
}
