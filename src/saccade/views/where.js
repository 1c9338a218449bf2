// @ts-check
/** Where does it look? The map of every method on the photo; its numbers are under the pointer. */
import { decodeArray } from "./arrays.js";
import { build } from "./build.js";
import { button, captionStrip, chooser, readout, slider, toggle } from "./controls.js";
import { paintStrip } from "./palette.js";
import { cellAt, createStage, mapAtPixels, paintMap, paintSpotlight, photoPixels } from "./stage.js";
import { asPercent, asText, inWords, placeInWords, withSign } from "./wording.js";

/** @param {any} map @returns {import("./stage.js").MapOnPhoto} */
export function mapOf(map) {
  const { values, shape } = decodeArray(map.values);
  return { values, rows: shape[0], columns: shape[1], scale: map.scale };
}

/** @param {number[]} box of what the network is given, in shares of the photo @returns {string} how much of the photo it is given; empty: all of it */
function seenPartInWords([left, top, right, bottom]) {
  const [across, down] = [Math.min(right, 1) - Math.max(left, 0), Math.min(bottom, 1) - Math.max(top, 0)].map((share) => `${Number((100 * share).toPrecision(3))}\u00a0%`);
  const all = "100\u00a0%";
  if (across === down) return across === all ? "" : `the middle ${across} of the photo, along each side; it is framed`;
  const sides = [[across, "width"], [down, "height"]].filter(([share]) => share !== all).map(([share, side]) => `${share} of the photo's ${side}`);
  return `the middle ${sides.join(" and ")}; it is framed`;
}

/** @param {any} map @param {number} value @param {number} [beside] the largest in one row with it @returns {string} a value with what it is */
export function valueInWords(map, value, beside = 0) {
  if (map.is_share) return asPercent(value);
  return map.scale.signed ? withSign(value, beside) : inWords(value, 2, beside);
}

/**
 * What a place counts, beside the place that counts most; the unit stands at the colours.
 * @param {any} map @param {ArrayLike<number>} values all of its places @param {number} value @param {number} across @param {number} down @returns {(string | HTMLElement)[]}
 */
export function placeValueInWords(map, values, value, across, down) {
  let most = 0;
  for (let index = 0; index < values.length; index += 1) if (Math.abs(values[index]) > most) most = Math.abs(values[index]);
  const number = valueInWords(map, value);
  if (most === 0) return [build("b", {}, number), `, ${placeInWords(across, down)}`];
  const part = Math.abs(value) === most ? "the strongest place" : `${asPercent(Math.abs(value) / most)} of the strongest place`;
  return [build("b", {}, `${part}${value < 0 ? ", against it" : ""}`), ` (${number}), ${placeInWords(across, down)}`];
}

/**
 * The key to the colours.
 * @param {any} data @param {any} map @param {number} opacity
 */
export function colourKey(data, map, opacity = 0.85) {
  const scale = map.scale;
  if (scale.flat) return build("p", { class: "key" }, "Nothing stands out: the map is flat, so it is drawn without colour.");
  const strip = build("canvas", { class: "key-strip", "aria-hidden": "true" });
  paintStrip(strip, data.ramps, scale.signed, opacity);
  const marks = scale.signed ? [scale.low, 0, scale.high] : [0, scale.high / 2, scale.high];
  return build("div", { class: "key" }, build("p", { class: "key-unit" }, map.unit), strip, build("ol", { class: "key-marks" }, marks.map((mark) => build("li", {}, valueInWords(map, mark, scale.high)))));
}

/** @param {{data: any, element: HTMLElement, store: any, goTo: (id: string) => void}} view */
export function renderWhere({ data, element, store, goTo }) {
  const stage = createStage({
    label: "", help: "Move the pointer, or press the arrow keys, to read the value of a place.",
    onPlace: (across, down) => tell(across, down), onLeave: () => rest(), step: () => stepOfKeys,
  });
  const read = readout();
  const sentence = build("p", { class: "finding" });
  const doubt = build("p", { class: "aside doubt" });
  const question = build("p", { class: "method-words" });
  const key = build("div");
  const caption = build("div");
  const agreement = build("p", { class: "aside" });
  const numbers = build("div", { class: "numbers" });
  const methods = chooser({
    label: "Way of asking", value: 0, onChange: (value) => store.set({ method: value }),
    choices: data.photos[0].maps.map((/** @type {any} */ map, /** @type {number} */ index) => ({ value: index, text: map.name, title: map.title })),
  });
  let opacity = 0.85;
  let onlyTop = false;
  let top = 0.2;
  let trueGrid = false;
  let allPhotos = false;
  /** @type {[number, number]} */
  let stepOfKeys = [0.02, 0.02];
  /** @type {any} */
  let shown = null;

  const opacitySlider = slider({ label: "Paint", least: 0, most: 1, step: 0.05, value: opacity, inWords: (value) => asPercent(value), onInput: (value) => { opacity = value; draw(); } });
  const topSlider = slider({ label: "Keep only the strongest", least: 0.02, most: 1, step: 0.02, value: top, inWords: (value) => `${asPercent(value)} of the photo`, onInput: (value) => { top = value; onlyTop = true; topToggle.show(true); draw(); } });
  const topToggle = toggle({ label: "Darken the rest", value: false, onChange: (value) => { onlyTop = value; draw(); } });
  const gridToggle = toggle({ label: "True grid", value: false, onChange: (value) => { trueGrid = value; refresh(); } });
  const scaleToggle = toggle({ label: "One scale for all photos", value: false, onChange: (value) => { allPhotos = value; refresh(); } });

  element.append(
    build("div", { class: "toolbar" }, methods.node),
    build("div", { class: "figure-row" },
      build("figure", {}, stage.node, read.node),
      build("div", { class: "beside" }, sentence, doubt, question, key, build("div", { class: "panel" }, opacitySlider.node, topSlider.node, build("div", { class: "toggles" }, topToggle.node, gridToggle.node, data.photos.length > 1 && data.has_all_maps !== false ? scaleToggle.node : null)), agreement)),
    caption,
    build("details", {}, build("summary", {}, "Show the numbers"), numbers),
  );

  /** @param {any} map */
  function scaleOf(map) {
    return allPhotos ? { ...map.scale, high: map.all_high, low: map.scale.signed ? -map.all_high : 0, flat: false } : map.scale;
  }

  async function draw() {
    const state = store.get();
    const photo = data.photos[state.photo];
    const map = photo.maps[state.method];
    const pixels = await photoPixels(photo);
    if (store.get().photo !== state.photo || store.get().method !== state.method) return; // a newer question is being drawn
    const grid = mapOf(map);
    const scale = scaleOf(map);
    const placed = mapAtPixels(grid, photo.box, pixels.width, pixels.height, !trueGrid);
    stepOfKeys = [1 / Math.min(grid.columns, 32), 1 / Math.min(grid.rows, 32)];
    shown = { photo, map, grid };
    stage.paint(pixels, (target) => {
      if (onlyTop) {
        const least = thresholdOf(placed, top);
        paintSpotlight(target, pixels, (index) => (placed[index] >= least ? 1 : 0), placed);
      } else paintMap(target, pixels, placed, scale, { ramps: data.ramps, opacity, contours: true });
    });
    stage.describe(`${photo.alt}, with the map of ${map.title}. ${map.sentence}`);
    key.replaceChildren(colourKey(data, { ...map, scale }, opacity));
  }

  function refresh() {
    const { photo: index, method } = store.get();
    const photo = data.photos[index];
    const map = photo.maps[method];
    methods.show(method);
    sentence.textContent = asText(map.sentence, map.subject);
    // What the test says of the first map belongs where the map is looked at, not only at the end of the page.
    const tested = method === 0 ? photo.doubt ?? photo.trust?.doubt : "";
    doubt.hidden = !tested;
    if (tested) doubt.replaceChildren(`${tested} `, build("a", { href: "#trust", on: { click: (/** @type {Event} */ event) => { event.preventDefault(); goTo("trust"); } } }, "See the test"));
    question.replaceChildren(build("strong", {}, map.name), ` (${map.title}): ${map.summary}.`);
    const others = photo.maps.map((/** @type {any} */ other, /** @type {number} */ at) => [other, photo.agreements[method][at], at]).filter((/** @type {any[]} */ entry) => entry[2] !== method && Number.isFinite(entry[1]));
    agreement.textContent = others.length
      ? `Do the others agree? Rank correlation with ${others.map((/** @type {any[]} */ entry) => `\u201c${entry[0].name}\u201d ${entry[1].toFixed(2).replace("-", "\u2212")}`).join(", ")} (1: the same order of places, 0: no relation).`
      : "";
    const settings = Object.entries(map.settings).map(([name, value]) => `${name} ${value}`).join(", ");
    caption.replaceChildren(captionStrip([
      ["method", `${map.title} (${map.method})`], ["unit", map.unit], ["scale", allPhotos ? "all photos together" : "this photo"],
      ["real grid", `${map.grid[0]}\u00d7${map.grid[1]}${trueGrid ? "" : ", smoothed for display"}`], ["what it was given", seenPartInWords(photo.box)], ["settings", settings], ["good to know", map.notes.join(" \u00b7 ")],
    ]));
    numbers.replaceChildren(numberTable(map, photo, `${photo.name}-${map.method}`));
    rest();
    draw();
  }

  /** @param {number} across @param {number} down */
  function tell(across, down) {
    if (!shown) return;
    const { photo, map, grid } = shown;
    const cell = cellAt(photo.box, grid.rows, grid.columns, across, down);
    if (!cell) { read.say("Outside what the model was given."); return; }
    const value = grid.values[cell[0] * grid.columns + cell[1]];
    read.say(...placeValueInWords(map, grid.values, value, across, down));
    read.node.dataset.value = String(value);
  }

  function rest() {
    read.say("Point at the photo to read its numbers.");
    delete read.node.dataset.value;
  }

  store.follow((/** @type {any} */ state, /** @type {any} */ before) => { if (state.photo !== before.photo || state.method !== before.method) refresh(); });
}

/** @param {Float32Array} placed @param {number} share @returns {number} the least value of the strongest share of the places */
export function thresholdOf(placed, share) {
  const numbers = Float32Array.from(placed.filter((value) => value === value)).sort();
  return numbers[Math.max(0, Math.min(numbers.length - 1, Math.floor(numbers.length * (1 - share))))];
}

/** @param {any} map @param {any} photo @param {string} stem */
function numberTable(map, photo, stem) {
  const { values, rows, columns } = mapOf(map);
  const side = 8;
  const down = Math.min(side, rows);
  const across = Math.min(side, columns);
  /** @type {number[][]} */
  const means = [];
  for (let row = 0; row < down; row += 1) {
    means.push([]);
    for (let column = 0; column < across; column += 1) {
      let sum = 0;
      let count = 0;
      for (let y = Math.floor((row * rows) / down); y < Math.floor(((row + 1) * rows) / down); y += 1)
        for (let x = Math.floor((column * columns) / across); x < Math.floor(((column + 1) * columns) / across); x += 1) { sum += values[y * columns + x]; count += 1; }
      means[row].push(sum / count);
    }
  }
  const table = build("table", {},
    build("caption", {}, `Means over ${down}\u00d7${across} blocks of the photo, in: ${map.unit}`),
    build("tbody", {}, means.map((row, index) => build("tr", {}, build("th", { scope: "row" }, String(index + 1)), row.map((value) => build("td", {}, valueInWords(map, value)))))));
  const save = button(`Save all ${rows}\u00d7${columns} numbers (CSV)`, () => {
    const lines = [];
    for (let row = 0; row < rows; row += 1) lines.push(Array.from({ length: columns }, (_, column) => values[row * columns + column]).join(","));
    saveFile(`${stem}.csv`, new Blob([lines.join("\n") + "\n"], { type: "text/csv" }));
  });
  return build("div", {}, build("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": `numbers of ${photo.name}` }, table), save);
}

/** @param {string} name @param {Blob} blob */
export function saveFile(name, blob) {
  const address = URL.createObjectURL(blob);
  build("a", { href: address, download: name.replace(/[^\w.-]+/g, "-") }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
