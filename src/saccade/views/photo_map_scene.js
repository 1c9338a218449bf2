// @ts-check
/**
 * The photos of a map on one canvas. A frame takes only the time that a screen allows: what was drawn is kept as a sheet, of which a
 * pan moves what is there and draws what comes in; while a zoom goes on it is stretched, and the sharp one is drawn beside it, some
 * photos a frame.
 */
import { build } from "./build.js";

/** So long a frame may take to draw, in milliseconds: half of what a screen allows, for the page has other work. */
const BUDGET = 8;
/** Photos that are drawn in a frame in any case, and as many as are tried first. */
const FEWEST_AT_ONCE = 80;
const FIRST_AT_ONCE = 400;
/** A zoom is over when nothing has changed for so long, in milliseconds. */
const SETTLED = 90;
/** A larger sheet, in pixels, is stretched without smoothing between its pixels, which takes long and is not seen on a fine screen. */
const SMOOTHED = 2_000_000;
const GROUND = "#0f1013";

/**
 * @typedef {object} MapView what is looked at
 * @property {Float32Array} places x and y of the middle of every photo, before zoom, in pixels of the page
 * @property {number} zoom
 * @property {number} left where the plane begins, in pixels of the page
 * @property {number} top
 * @property {number} side of a photo on the screen, in pixels of the page
 * @property {number} cut how much photos are cut to one shape, from 0 to 1
 * @property {number} width of the frame, in pixels of the page
 * @property {number} height
 * @property {number} pixels of the screen for one of the page
 */

/** @param {import("./photo_atlas.js").Atlas} atlas @param {HTMLCanvasElement} canvas */
export function createMapScene(atlas, canvas) {
  const { count, shapes } = atlas;
  const context = opaque(canvas);
  let sheet = build("canvas", { width: 1, height: 1 });
  let spare = build("canvas", { width: 1, height: 1 });
  /** What the sheet shows, and what the spare one is to show. @type {MapView | null} */
  let sheetView = null;
  /** @type {{view: MapView, next: number} | null} */
  let work = null;
  let atOnce = FIRST_AT_ONCE;
  let changedAt = 0;
  /** @type {MapView | null} */
  let wished = null;
  const box = new Float64Array(4);

  /**
   * Where a photo lies, in pixels of the screen; whole ones, so that it is sharp, and lies still while the map is moved.
   * @param {number} number @param {MapView} view @returns {Float64Array} left, top, width, height; the same array every time
   */
  function place(number, view) {
    const { pixels, cut } = view;
    const longer = Math.max(shapes[2 * number], shapes[2 * number + 1]);
    const side = view.side * pixels;
    const width = side * ((1 - cut) * (shapes[2 * number] / longer) + cut * Math.min(1, atlas.ratio));
    const height = side * ((1 - cut) * (shapes[2 * number + 1] / longer) + cut * Math.min(1, 1 / atlas.ratio));
    const x = view.places[2 * number] * view.zoom * pixels;
    const y = view.places[2 * number + 1] * view.zoom * pixels;
    // Both edges are rounded, not the width: where photos touch, none leaves a gap.
    const [left, top] = [Math.round(x - width / 2), Math.round(y - height / 2)];
    box[2] = Math.max(1, Math.round(x + width / 2) - left);
    box[3] = Math.max(1, Math.round(y + height / 2) - top);
    box[0] = left + Math.round(view.left * pixels);
    box[1] = top + Math.round(view.top * pixels);
    return box;
  }

  /**
   * Draw photos that show in an area.
   * @param {CanvasRenderingContext2D} target @param {MapView} view @param {number[]} area left, top, right, bottom
   * @param {number} [first] @param {number} [most] so many at most @returns {{next: number, drawn: number}} the number of the photo that is next
   */
  function drawPhotos(target, view, area, first = 0, most = Infinity) {
    let drawn = 0;
    let number = first;
    for (; number < count && drawn < most; number += 1) {
      place(number, view);
      if (box[0] >= area[2] || box[1] >= area[3] || box[0] + box[2] <= area[0] || box[1] + box[3] <= area[1]) continue;
      atlas.draw(target, number, box[0], box[1], box[2], box[3], 1);
      drawn += 1;
    }
    return { next: number, drawn };
  }

  /** Are there no more photos in the frame than are drawn at once? @param {MapView} view */
  function areFew(view) {
    let shown = 0;
    for (let number = 0; number < count && shown <= atOnce; number += 1) {
      place(number, view);
      if (box[0] < canvas.width && box[1] < canvas.height && box[0] + box[2] > 0 && box[1] + box[3] > 0) shown += 1;
    }
    return shown <= atOnce;
  }

  /** How many photos fit into a frame is measured: to the next task, before which the browser paints them. @param {number} photos @param {number} start */
  function learn(photos, start) {
    if (photos < FEWEST_AT_ONCE) return;
    setTimeout(() => {
      const fitting = (photos * BUDGET) / Math.max(0.5, performance.now() - start);
      atOnce = Math.max(FEWEST_AT_ONCE, 0.6 * atOnce + 0.4 * Math.min(fitting, 4 * atOnce));
    });
  }

  /** @param {HTMLCanvasElement} of */
  function clear(of) {
    const target = opaque(of);
    target.fillStyle = GROUND;
    target.fillRect(0, 0, of.width, of.height);
    return target;
  }

  /** @param {MapView} view */
  function drawSheet(view) {
    const start = performance.now();
    learn(drawPhotos(clear(sheet), view, [0, 0, sheet.width, sheet.height]).drawn, start);
    sheetView = view;
    work = null;
  }

  /** The sheet of another place: what both show is moved, what comes in is drawn. @param {MapView} view */
  function moveSheet(view) {
    const before = /** @type {MapView} */ (sheetView);
    const [x, y] = offsetOf(before, view);
    const { width, height } = sheet;
    if (Math.abs(x) >= width || Math.abs(y) >= height) drawSheet(view);
    else if (x || y) {
      const target = clear(spare);
      target.drawImage(sheet, x, y);
      for (const area of [x > 0 ? [0, 0, x, height] : [width + x, 0, width, height], y > 0 ? [0, 0, width, y] : [0, height + y, width, height]]) {
        if (area[2] <= area[0] || area[3] <= area[1]) continue;
        target.save();
        target.beginPath();
        target.rect(area[0], area[1], area[2] - area[0], area[3] - area[1]);
        target.clip();
        target.fillRect(area[0], area[1], area[2] - area[0], area[3] - area[1]);
        drawPhotos(target, view, area);
        target.restore();
      }
      [sheet, spare] = [spare, sheet];
    }
    sheetView = view;
  }

  /** Go on with the sharp sheet, some photos a frame. @param {MapView} view */
  function goOn(view) {
    if (!work || !isAlike(work.view, view)) {
      work = { view, next: 0 };
      clear(spare);
    }
    const start = performance.now();
    const { next, drawn } = drawPhotos(opaque(spare), work.view, [0, 0, spare.width, spare.height], work.next, Math.round(atOnce));
    learn(drawn, start);
    work.next = next;
    if (work.next < count) return;
    [sheet, spare] = [spare, sheet];
    sheetView = work.view;
    work = null;
    moveSheet(view);
  }

  /** The sheet as it is, where the view has it now. @param {MapView} view */
  function stretch(view) {
    const before = /** @type {MapView} */ (sheetView);
    const factor = view.zoom / before.zoom;
    context.imageSmoothingEnabled = canvas.width * canvas.height < SMOOTHED;
    context.drawImage(sheet, view.left * view.pixels - before.left * before.pixels * factor, view.top * view.pixels - before.top * before.pixels * factor, sheet.width * factor, sheet.height * factor);
    context.imageSmoothingEnabled = true;
  }

  return {
    context,
    place,
    /** @param {number} width @param {number} height in pixels of the screen */
    resize(width, height) {
      for (const each of [canvas, sheet, spare]) { each.width = width; each.height = height; }
      sheetView = null;
      work = null;
    },
    /** What was drawn is of photos that lie elsewhere now. */
    forget() {
      sheetView = null;
      work = null;
    },
    /**
     * Show the photos where they fly, all of them in every frame.
     * @param {MapView} view
     */
    showMoving(view) {
      sheetView = null;
      work = null;
      clear(canvas);
      context.imageSmoothingEnabled = count <= 1.5 * atOnce; // what flies is not looked at closely
      const start = performance.now();
      learn(drawPhotos(context, view, [0, 0, canvas.width, canvas.height]).drawn, start);
      context.imageSmoothingEnabled = true;
    },
    /**
     * Show the photos where they lie.
     * @param {MapView} view @param {number} time of the frame
     * @returns {boolean} is it to be shown again, because it is not sharp yet?
     */
    show(view, time) {
      if (!wished || !isAlike(wished, view)) changedAt = time;
      wished = view;
      if (sheetView && isAlike(sheetView, view)) moveSheet(view);
      else if (!sheetView || areFew(view)) drawSheet(view);
      else if (time - changedAt >= SETTLED) goOn(view);
      const isSharp = sheetView !== null && isAlike(sheetView, view);
      if (isSharp) context.drawImage(sheet, 0, 0);
      else {
        clear(canvas);
        stretch(view);
      }
      return !isSharp;
    },
  };
}

/** @param {HTMLCanvasElement} canvas */
function opaque(canvas) {
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));
}

/** Do two views differ by no more than a move? @param {MapView} one @param {MapView} other */
function isAlike(one, other) {
  return one.zoom === other.zoom && one.side === other.side && one.cut === other.cut && one.places === other.places && one.pixels === other.pixels;
}

/** By how many pixels of the screen is a view moved? @param {MapView} from @param {MapView} to @returns {[number, number]} */
function offsetOf(from, to) {
  return [Math.round(to.left * to.pixels) - Math.round(from.left * from.pixels), Math.round(to.top * to.pixels) - Math.round(from.top * from.pixels)];
}
