// @ts-check
/** A photo on which something is shown: the one place where pixels are painted and where a finger is followed. */
import { build, freshId } from "./build.js";
import { paintOf, stepOf } from "./palette.js";
import { placeInWords } from "./wording.js";

/** Photos are painted with at most so many pixels on their longer side. */
const STAGE_SIDE = 720;
/** The frame round what the network was given: its width in pixels of a stage, its grey inside and outside. */
const FRAME_WIDTH = 2;
const FRAME_LIGHT = 235;
const FRAME_DARK = 20;
/** How bright is what the network never saw, beside what a map leaves of it. */
const UNSEEN_BRIGHTNESS = 0.55;

/**
 * @typedef {object} MapOnPhoto
 * @property {ArrayLike<number>} values row by row
 * @property {number} rows
 * @property {number} columns
 * @property {import("./palette.js").Scale} scale
 */

/** @type {Map<string, Promise<HTMLImageElement>>} */
const loadedImages = new Map();

/** @param {string} url @returns {Promise<HTMLImageElement>} */
export function loadImage(url) {
  let loading = loadedImages.get(url);
  if (!loading) {
    loading = new Promise((resolve, reject) => {
      const image = new Image();
      image.onload = () => resolve(image);
      image.onerror = () => reject(new Error("an image of this page could not be shown"));
      image.src = url;
    });
    loadedImages.set(url, loading);
  }
  return loading;
}

/**
 * The pixels of a photo as they are painted on, and its quiet grey.
 * @typedef {{width: number, height: number, colour: Uint8ClampedArray, grey: Float32Array}} PhotoPixels
 */

/** @param {ImageData} image @returns {PhotoPixels} its pixels, which stay when it is painted on */
export function pixelsOfImage({ width, height, data }) {
  const colour = data.slice();
  const grey = new Float32Array(width * height);
  for (let index = 0; index < grey.length; index += 1) {
    const luma = lumaAt(colour, index) / 255;
    // darkened more in the lights than in the shadows: white walls calm down, night scenes stay readable
    grey[index] = 255 * luma * (0.86 - 0.25 * luma);
  }
  return { width, height, colour, grey };
}

/** How bright is a pixel, from 0 to 255? @param {Uint8ClampedArray} colour @param {number} index @returns {number} */
function lumaAt(colour, index) {
  return 0.2126 * colour[4 * index] + 0.7152 * colour[4 * index + 1] + 0.0722 * colour[4 * index + 2];
}

/** @type {Map<string, Promise<PhotoPixels>>} */
const pixelsOfPhotos = new Map();

/** @param {any} photo @returns {Promise<PhotoPixels>} */
export function photoPixels(photo) {
  let reading = pixelsOfPhotos.get(photo.photo);
  if (!reading) {
    reading = loadImage(photo.photo).then((image) => {
      const longest = Math.max(image.naturalWidth, image.naturalHeight);
      // Small photos are enlarged, so that lines and smooth maps have pixels to be drawn with.
      const factor = STAGE_SIDE / longest;
      const width = Math.max(1, Math.round(image.naturalWidth * factor));
      const height = Math.max(1, Math.round(image.naturalHeight * factor));
      const canvas = build("canvas", { width, height });
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.imageSmoothingQuality = "high";
      context.drawImage(image, 0, 0, width, height);
      return pixelsOfImage(context.getImageData(0, 0, width, height));
    });
    pixelsOfPhotos.set(photo.photo, reading);
  }
  return reading;
}

/**
 * Read a grid that spans the box at every pixel of the photo: on a curve through the cells (Catmull-Rom: exact in the middle of each, without a
 * corner between them, so that lines of equal height are none of straight pieces), or the cell it lies in.
 * @param {MapOnPhoto} map
 * @param {number[]} box left, top, right, bottom of the grid, as shares of the photo
 * @param {number} width
 * @param {number} height
 * @param {boolean} smooth
 * @returns {Float32Array} NaN outside the box
 */
export function mapAtPixels(map, box, width, height, smooth) {
  const { values, rows, columns } = map;
  const across = tapsOfAxis(width, box[0], box[2], columns, smooth);
  const down = tapsOfAxis(height, box[1], box[3], rows, smooth);
  const wide = new Float32Array(rows * width);
  for (let row = 0; row < rows; row += 1) {
    const start = row * columns;
    for (let x = 0; x < width; x += 1) {
      const tap = 4 * x;
      wide[row * width + x] = across.weights[tap] * values[start + across.cells[tap]] + across.weights[tap + 1] * values[start + across.cells[tap + 1]]
        + across.weights[tap + 2] * values[start + across.cells[tap + 2]] + across.weights[tap + 3] * values[start + across.cells[tap + 3]];
    }
  }
  const out = new Float32Array(width * height);
  for (let y = 0; y < height; y += 1) {
    const [first, second, third, fourth] = down.weights.subarray(4 * y, 4 * y + 4);
    const [above, at, below, last] = down.cells.subarray(4 * y, 4 * y + 4).map((row) => row * width);
    const start = y * width;
    for (let x = 0; x < width; x += 1) out[start + x] = first * wide[above + x] + second * wide[at + x] + third * wide[below + x] + fourth * wide[last + x];
  }
  return out;
}

/**
 * For each pixel the four cells that are read, and how much each counts; NaN outside.
 * @param {number} count @param {number} start @param {number} stop @param {number} cells @param {boolean} smooth
 */
function tapsOfAxis(count, start, stop, cells, smooth) {
  const taps = new Int32Array(4 * count);
  const weights = new Float32Array(4 * count);
  for (let index = 0; index < count; index += 1) {
    const inBox = ((index + 0.5) / count - start) / (stop - start);
    if (inBox < 0 || inBox > 1) { weights.fill(NaN, 4 * index, 4 * index + 4); continue; }
    const position = Math.min(cells - 1, Math.max(0, smooth ? inBox * cells - 0.5 : Math.floor(inBox * cells)));
    const first = Math.floor(position);
    const t = position - first;
    for (let tap = 0; tap < 4; tap += 1) taps[4 * index + tap] = Math.min(cells - 1, Math.max(0, first - 1 + tap));
    weights.set([t * (-0.5 + t * (1 - 0.5 * t)), 1 + t * t * (-2.5 + 1.5 * t), t * (0.5 + t * (2 - 1.5 * t)), t * t * (-0.5 + 0.5 * t)], 4 * index);
  }
  return { cells: taps, weights };
}

/**
 * Paint a map over the quiet photo, with contour lines at 1/4, 1/2 and 3/4 of the scale.
 * @param {ImageData} target
 * @param {PhotoPixels} photo
 * @param {Float32Array} placed one value for each pixel; NaN where there is none
 * @param {import("./palette.js").Scale} scale
 * @param {{ramps: any, opacity: number, contours: boolean, least?: number}} style below `least` there is no paint, and above it comes slowly
 */
export function paintMap(target, photo, placed, scale, style) {
  const { width, height, grey } = photo;
  const paint = paintOf(style.ramps, scale.signed);
  const data = target.data;
  for (let index = 0; index < grey.length; index += 1) {
    const value = placed[index];
    let veil = 0;
    let step = 0;
    if (value === value && !scale.flat) {
      step = stepOf(scale, value);
      veil = paint.veil[step] * style.opacity;
      if (style.least !== undefined) veil *= Math.min(1, Math.max(0, (2 * (Math.abs(value) - style.least)) / (scale.high - style.least)));
    }
    const under = grey[index] * (1 - veil);
    data[4 * index] = under + paint.colours[3 * step] * veil;
    data[4 * index + 1] = under + paint.colours[3 * step + 1] * veil;
    data[4 * index + 2] = under + paint.colours[3 * step + 2] * veil;
    data[4 * index + 3] = 255;
  }
  if (style.contours && !scale.flat) inkContours(data, placed, width, height, scale);
  frameSeenPart(data, placed, width, height);
}

/** @param {Uint8ClampedArray} data @param {Float32Array} placed NaN where the network was given nothing @param {number} width @param {number} height */
function frameSeenPart(data, placed, width, height) {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0, index = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, index += 1) {
      if (placed[index] !== placed[index]) continue;
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      bottom = y;
    }
  }
  if (right >= 0) frameView(data, width, height, [left, top, right, bottom]);
}

/**
 * Where the network's view ends inside the photo: a thin frame, light inside and dark outside, and what it never saw a little darker.
 * @param {Uint8ClampedArray} data @param {number} width @param {number} height
 * @param {number[]} view the first and last pixels that the network was given: left, top, right, bottom
 */
export function frameView(data, width, height, [left, top, right, bottom]) {
  if (left === 0 && top === 0 && right === width - 1 && bottom === height - 1) return;
  for (let y = 0, index = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, index += 1) {
      // How far inside the nearest edge of the view, which an edge of the photo is not; below 0: outside.
      const depth = Math.min(left ? x - left : Infinity, top ? y - top : Infinity, right < width - 1 ? right - x : Infinity, bottom < height - 1 ? bottom - y : Infinity);
      if (depth >= FRAME_WIDTH) continue;
      for (let channel = 0; channel < 3; channel += 1) data[4 * index + channel] = depth >= 0 ? FRAME_LIGHT : depth >= -FRAME_WIDTH ? FRAME_DARK : data[4 * index + channel] * UNSEEN_BRIGHTNESS;
    }
  }
}

/**
 * @param {Uint8ClampedArray} data @param {Float32Array} placed @param {number} width @param {number} height
 * @param {import("./palette.js").Scale} scale
 */
function inkContours(data, placed, width, height, scale) {
  for (let y = 1; y < height - 1; y += 1) {
    for (let x = 1; x < width - 1; x += 1) {
      const index = y * width + x;
      const value = placed[index] / scale.high;
      const steepness = Math.hypot(placed[index + 1] - placed[index - 1], placed[index + width] - placed[index - width]) / 2 / scale.high;
      if (!(steepness > 1e-6)) continue;
      const size = Math.abs(value);
      const level = Math.min(3, Math.max(1, Math.round(size * 4))) / 4;
      const distance = Math.abs(size - level) / steepness;
      if (distance > 1.9) continue;
      const ink = value < 0 ? 0 : 255;
      const border = 0.35 * Math.min(1, Math.max(0, 1.9 - distance));
      const core = 0.9 * Math.min(1, Math.max(0, 1.1 - distance));
      for (let channel = 0; channel < 3; channel += 1) {
        const edged = data[4 * index + channel] * (1 - border) + (255 - ink) * border;
        data[4 * index + channel] = edged * (1 - core) + ink * core;
      }
    }
  }
}

/**
 * The photo in its own colours where `light` is 1, dark and grey where it is 0.
 * @param {ImageData} target @param {PhotoPixels} photo @param {(index: number) => number} light
 * @param {Float32Array} [placed] NaN where the network was given nothing, which is framed
 */
export function paintSpotlight(target, photo, light, placed) {
  const { colour, grey } = photo;
  const data = target.data;
  for (let index = 0; index < grey.length; index += 1) {
    const lit = light(index);
    const dark = lumaAt(colour, index) * 0.22 * (1 - lit);
    data[4 * index] = colour[4 * index] * lit + dark;
    data[4 * index + 1] = colour[4 * index + 1] * lit + dark;
    data[4 * index + 2] = colour[4 * index + 2] * lit + dark;
    data[4 * index + 3] = 255;
  }
  if (placed) frameSeenPart(data, placed, photo.width, photo.height);
}

/**
 * A canvas with a photo's shape that a pointer, a finger or the arrow keys explore.
 * @param {{label: string, help: string, onPlace?: ((across: number, down: number, sure: boolean) => void) | null, onLeave?: (() => void) | null,
 *     step?: () => [number, number]}} options `onPlace` gets shares of the photo; `sure` after a click, a tap or Enter; `step` is how
 *     far an arrow key goes
 */
export function createStage(options) {
  const canvas = build("canvas", { class: "stage-canvas", "aria-hidden": "true" });
  const ring = build("div", { class: "stage-ring", hidden: true, "aria-hidden": "true" });
  const helpId = freshId("help");
  const interactive = Boolean(options.onPlace);
  const frame = build(
    "div",
    interactive
      ? { class: "stage", tabindex: "0", role: "application", "aria-roledescription": "picture to explore", "aria-label": options.label, "aria-describedby": helpId }
      : { class: "stage", role: "img", "aria-label": options.label },
    canvas,
    ring,
  );
  const help = build("p", { class: "visually-hidden", id: helpId }, options.help);
  let place = [0.5, 0.5];

  /** @param {number} across @param {number} down @param {boolean} sure */
  function point(across, down, sure) {
    place = [Math.min(0.9999, Math.max(0, across)), Math.min(0.9999, Math.max(0, down))];
    ring.hidden = false;
    ring.style.left = `${100 * place[0]}%`;
    ring.style.top = `${100 * place[1]}%`;
    options.onPlace?.(place[0], place[1], sure);
  }

  if (interactive) {
    /** @param {PointerEvent} event @param {boolean} sure */
    const follow = (event, sure) => {
      const area = frame.getBoundingClientRect();
      point((event.clientX - area.left) / area.width, (event.clientY - area.top) / area.height, sure);
    };
    frame.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => follow(event, false));
    frame.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => follow(event, true));
    frame.addEventListener("pointerleave", () => { ring.hidden = true; options.onLeave?.(); });
    frame.addEventListener("blur", () => { ring.hidden = true; options.onLeave?.(); });
    frame.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      const [across, down] = options.step ? options.step() : [0.02, 0.02];
      const moves = /** @type {Record<string, number[]>} */ ({ ArrowLeft: [-across, 0], ArrowRight: [across, 0], ArrowUp: [0, -down], ArrowDown: [0, down] });
      const move = moves[event.key];
      if (move) { event.preventDefault(); point(place[0] + move[0], place[1] + move[1], false); }
      else if (event.key === "Enter" || event.key === " ") { event.preventDefault(); point(place[0], place[1], true); }
      else if (event.key === "Escape") { ring.hidden = true; options.onLeave?.(); }
    });
  }

  return {
    node: build("div", { class: "stage-box" }, frame, help),
    frame,
    canvas,
    point,
    /** @param {string} text what the picture shows now, for those who do not see it */
    describe(text) { frame.setAttribute("aria-label", text); },
    hideRing() { ring.hidden = true; },
    /** @param {PhotoPixels} photo @param {(target: ImageData) => void} paint */
    paint(photo, paint) {
      if (canvas.width !== photo.width || canvas.height !== photo.height) { canvas.width = photo.width; canvas.height = photo.height; }
      frame.style.aspectRatio = `${photo.width} / ${photo.height}`;
      frame.style.setProperty("--shape", String(photo.width / photo.height));
      const context = canvas.getContext("2d");
      const target = context.createImageData(photo.width, photo.height);
      paint(target);
      context.putImageData(target, 0, 0);
      return context;
    },
  };
}

/**
 * Which cell of a grid lies at a place of the photo?
 * @param {number[]} box @param {number} rows @param {number} columns @param {number} across @param {number} down
 * @returns {[number, number] | null} row and column, or null outside
 */
export function cellAt(box, rows, columns, across, down) {
  const x = (across - box[0]) / (box[2] - box[0]);
  const y = (down - box[1]) / (box[3] - box[1]);
  if (x < 0 || x >= 1 || y < 0 || y >= 1) return null;
  return [Math.floor(y * rows), Math.floor(x * columns)];
}

/** @param {number[]} box @param {number} rows @param {number} columns @param {number} row @param {number} column @returns {[number, number]} */
export function middleOfCell(box, rows, columns, row, column) {
  return [box[0] + ((column + 0.5) / columns) * (box[2] - box[0]), box[1] + ((row + 0.5) / rows) * (box[3] - box[1])];
}

/** @param {any} photo @returns {number} width by height of what the network is given of it */
export function aspectOfSeen({ box, width, height }) {
  return ((box[2] - box[0]) * width) / ((box[3] - box[1]) * height);
}

/** @param {number[]} box @param {number} rows @param {number} columns @param {number} row @param {number} column @returns {string} */
export function cellInWords(box, rows, columns, row, column) {
  const [across, down] = middleOfCell(box, rows, columns, row, column);
  return `${placeInWords(across, down)} (row ${row + 1} of ${rows}, column ${column + 1} of ${columns})`;
}
