// @ts-check
/** What does every cell see? The photo as all cells of the code see it, and the field of the one that is touched. */
import { decodeArray } from "./arrays.js";
import { build } from "./build.js";
import { captionStrip, readout } from "./controls.js";
import { cellAt, cellInWords, createStage, loadImage, mapAtPixels, middleOfCell, paintSpotlight, photoPixels } from "./stage.js";
import { inWords } from "./wording.js";

/** @param {{data: any, element: HTMLElement, store: any}} view */
export function renderCompoundEye({ data, element, store }) {
  let touched = -1;
  const stage = createStage({
    label: "", help: "Move the pointer or press the arrow keys to go from cell to cell.",
    onPlace: (across, down) => touch(across, down), onLeave: () => { touched = -1; draw(); }, step: () => keyStep,
  });
  /** @type {[number, number]} */
  let keyStep = [0.1, 0.1];
  const facets = build("canvas", { class: "facets", role: "img", "aria-label": "" });
  const facetMark = build("div", { class: "facet-mark", hidden: true, "aria-hidden": "true" });
  const read = readout();
  const finding = build("p", { class: "finding" });
  const caption = build("div");
  element.append(
    build("div", { class: "figure-row even" },
      build("figure", {}, stage.node, read.node),
      build("figure", {}, build("div", { class: "facets-box" }, facets, facetMark), build("figcaption", {}, "The photo as the cells of the code see it, side by side: lit where each really looks. Point at one."))),
    finding, caption,
  );

  facets.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    const { eye, box } = photoNow();
    const area = facets.getBoundingClientRect();
    const column = Math.min(eye.columns - 1, Math.max(0, Math.floor(((event.clientX - area.left) / area.width) * eye.columns)));
    const row = Math.min(eye.rows - 1, Math.max(0, Math.floor(((event.clientY - area.top) / area.height) * eye.rows)));
    const [across, down] = middleOfCell(box, eye.rows, eye.columns, row, column);
    stage.point(across, down, false);
  });
  facets.addEventListener("pointerleave", () => { touched = -1; stage.hideRing(); draw(); });

  function photoNow() { return data.photos[store.get().photo]; }

  /** @param {number} across @param {number} down */
  function touch(across, down) {
    const { eye, box } = photoNow();
    const place = cellAt(box, eye.rows, eye.columns, across, down);
    if (!place) return;
    touched = place[0] * eye.columns + place[1];
    draw();
  }

  async function draw() {
    const photo = photoNow();
    const cell = touched;
    const pixels = await photoPixels(photo);
    if (photoNow() !== photo || touched !== cell) return;
    const { eye } = photo;
    markFacet(eye, cell);
    if (cell < 0) {
      stage.paint(pixels, (target) => { target.data.set(pixels.colour); });
      stage.describe(`${photo.alt}. Point at a place to see what the cell of the code there sees.`);
      read.say("Point at a place to see what its cell sees.");
      delete read.node.dataset.cell;
      return;
    }
    const placed = mapAtPixels(fieldOf(eye, cell), onPhoto(photo.box, eye.boxes[cell]), pixels.width, pixels.height, true);
    stage.paint(pixels, (target) => paintSpotlight(target, pixels, (index) => (placed[index] === placed[index] ? placed[index] : 0)));
    const where = cellInWords(photo.box, eye.rows, eye.columns, Math.floor(cell / eye.columns), cell % eye.columns);
    const half = eye.half[cell];
    const words = half === null ? "no pixel moves this cell" : `half of what moves this cell lies within ${inWords(half)}\u00d7${inWords(half)} px of the ${data.model.input[1]}\u00d7${data.model.input[0]} it was given`;
    read.say(build("b", {}, where), `: ${words}`);
    read.node.dataset.cell = String(cell);
    stage.describe(`${photo.alt}, dark but for what the cell ${where} sees; ${words}`);
  }

  /** @param {any} eye @param {number} cell */
  function markFacet(eye, cell) {
    facetMark.hidden = cell < 0;
    facetMark.style.left = `${(100 * (cell % eye.columns)) / eye.columns}%`;
    facetMark.style.top = `${(100 * Math.floor(cell / eye.columns)) / eye.rows}%`;
    facetMark.style.width = `${100 / eye.columns}%`;
    facetMark.style.height = `${100 / eye.rows}%`;
  }

  async function drawFacets() {
    const photo = photoNow();
    const image = await loadImage(photo.photo);
    if (photoNow() !== photo) return;
    paintFacets(facets, image, photo);
  }

  store.follow((/** @type {any} */ state, /** @type {any} */ before) => {
    if (state.photo === before.photo) return;
    touched = -1;
    const { eye } = photoNow();
    keyStep = [1 / eye.columns, 1 / eye.rows];
    const sees = eye.sees ? `could see ${eye.sees[1]}\u00d7${eye.sees[0]} pixels` : "could see the whole picture";
    finding.textContent = eye.mean_half === null ? "No pixel moves any cell." : `The code is a compound eye of ${eye.rows * eye.columns} cells. Each ${sees}; on average half of what moves it lies within ${inWords(eye.mean_half)}\u00d7${inWords(eye.mean_half)}, nine tenths within ${inWords(eye.mean_most)}\u00d7${inWords(eye.mean_most)}.`;
    caption.replaceChildren(captionStrip([
      ["method", "gradient of every cell with its own values (saccade cells)"], ["scale", "each cell for itself; brightness is the square root, so that faint parts show"],
      ["real grid", `${eye.rows}\u00d7${eye.columns} cells of ${data.code.layer}`], ["good to know", ["Neighbours see much of the same. Fields are carried with 8 bits: to look at.", ...eye.notes].join(" \u00b7 ")],
    ]));
    draw();
    drawFacets();
  });
}

/** The photo as every cell sees it, side by side. @param {HTMLCanvasElement} facets @param {HTMLImageElement} image @param {any} photo */
function paintFacets(facets, image, photo) {
  const { eye } = photo;
  const side = Math.max(14, Math.floor(760 / eye.columns));
  const shape = ((photo.box[3] - photo.box[1]) * photo.height) / ((photo.box[2] - photo.box[0]) * photo.width);
  const tall = Math.max(10, Math.round((side * shape * eye.columns) / eye.rows));
  facets.width = side * eye.columns;
  facets.height = tall * eye.rows;
  facets.setAttribute("aria-label", `${photo.alt} as ${eye.rows} times ${eye.columns} cells see it`);
  const context = /** @type {CanvasRenderingContext2D} */ (facets.getContext("2d"));
  context.fillStyle = "#0c0d10";
  context.fillRect(0, 0, facets.width, facets.height);
  const light = build("canvas");
  const lightContext = /** @type {CanvasRenderingContext2D} */ (light.getContext("2d"));
  for (let cell = 0; cell < eye.rows * eye.columns; cell += 1) {
    const [left, top, right, bottom] = onPhoto(photo.box, eye.boxes[cell]);
    const field = fieldOf(eye, cell);
    light.width = field.columns;
    light.height = field.rows;
    const mask = lightContext.createImageData(field.columns, field.rows);
    for (let index = 0; index < field.values.length; index += 1) mask.data[4 * index + 3] = 235 * (1 - field.values[index]);
    lightContext.putImageData(mask, 0, 0);
    const x = (cell % eye.columns) * side;
    const y = Math.floor(cell / eye.columns) * tall;
    context.drawImage(image, left * image.naturalWidth, top * image.naturalHeight, (right - left) * image.naturalWidth, (bottom - top) * image.naturalHeight, x + 1, y + 1, side - 2, tall - 2);
    context.drawImage(light, x + 1, y + 1, side - 2, tall - 2);
  }
}

/** @param {any} eye @param {number} cell @returns {{values: Float32Array, rows: number, columns: number, scale: any}} */
function fieldOf(eye, cell) {
  const { values, shape } = decodeArray(eye.fields);
  const [rows, columns] = eye.shapes[cell];
  const field = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row += 1)
    for (let column = 0; column < columns; column += 1) field[row * columns + column] = Math.sqrt(values[(cell * shape[1] + row) * shape[2] + column] / 255);
  return { values: field, rows, columns, scale: { low: 0, high: 1, signed: false, flat: false } };
}

/** A box of the model's image on the photo. @param {number[]} photoBox @param {number[]} box */
function onPhoto(photoBox, box) {
  const width = photoBox[2] - photoBox[0];
  const height = photoBox[3] - photoBox[1];
  return [photoBox[0] + box[0] * width, photoBox[1] + box[1] * height, photoBox[0] + box[2] * width, photoBox[1] + box[3] * height];
}
