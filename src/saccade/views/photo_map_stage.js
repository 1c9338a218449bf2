// @ts-check
/** Photos at places of a plane that is panned and zoomed, by pointer, fingers or keys. It knows nothing of what the places mean. */
import { build, freshId } from "./build.js";
import { wantsStillness } from "./controls.js";
import { createCamera } from "./photo_map_camera.js";
import { createFlight } from "./photo_map_flight.js";
import { followHands } from "./photo_map_hands.js";
import { firstZoom, placePhotos } from "./photo_map_layout.js";
import { paintMarks } from "./photo_map_marks.js";
import { middleOfBox, photoAt, photoBeside, photoNearest, photosWithin } from "./photo_map_picking.js";
import { createMapScene } from "./photo_map_scene.js";

/** Milliseconds until the card of a photo appears, and until it goes. */
const DWELL = 125;
const GRACE = 260;
/** How fast photos that lie freely grow with the zoom: slower than the distances, so that they come apart. In a grid they grow as its cells. */
const GROWTH = 0.72;
/** A photo that is brought into view lies so many pixels within the frame. */
const ROOM = 40;

/**
 * @param {{atlas: import("./photo_atlas.js").Atlas, label: string, help: string, onTouch: (number: number) => void, onChoose: (number: number) => void,
 *     onLeave: () => void, onGather: (numbers: number[]) => void, cardOf: (number: number) => any}} options `onTouch` gets the photo under the pointer at once, `onGather`
 *     those that a line was drawn around; `cardOf` fills the card that appears when a pointer stays
 */
export function createPhotoMap(options) {
  const { atlas } = options;
  const { count } = atlas;
  const canvas = build("canvas", { class: "photo-map-canvas", "aria-hidden": "true" });
  const scene = createMapScene(atlas, canvas);
  const { context } = scene;
  const camera = createCamera();
  const flight = createFlight(count);
  const card = build("div", { class: "photo-map-card", hidden: true, "aria-hidden": "true" });
  const hint = build("p", { class: "photo-map-hint", hidden: true, "aria-hidden": "true" }, "Click the map first: then the wheel zooms.");
  const helpId = freshId("help");
  const frame = build("div", { class: "photo-map", tabindex: "0", role: "application", "aria-roledescription": "map of photos", "aria-label": options.label, "aria-describedby": helpId }, canvas, card, hint);
  const help = build("p", { class: "visually-hidden", id: helpId }, options.help);

  /** Pixels of the screen for one of the page. */
  let pixels = 1;
  /** @type {import("./photo_map_layout.js").Arrangement | null} */
  let arrangement = null;
  let touched = -1;
  let chosen = -1;
  /** @type {number[]} */
  let lit = [];
  /** Is a drag a line around photos? */
  let isGathering = false;
  /** @type {[number, number][] | null} the line that is being drawn around photos, in the frame */
  let line = null;
  let frameRequest = 0;
  let dwellTimer = 0;
  let graceTimer = 0;

  // Where photos are

  function measure() {
    const area = frame.getBoundingClientRect();
    if (!area.width || !area.height) return;
    pixels = Math.min(2, devicePixelRatio || 1);
    scene.resize(Math.round(area.width * pixels), Math.round(area.height * pixels));
    camera.resize(area.width, area.height);
    if (arrangement) {
      aimAt(arrangement);
      if (!flight.isFlying()) flight.land();
      scene.forget();
    }
    showNearness();
    // At once: a canvas that was given a size is empty.
    paint(performance.now());
  }

  /** @param {import("./photo_map_layout.js").Arrangement} next @returns {number} the side of a photo there */
  function aimAt(next) {
    const { width, height } = camera.view();
    const side = placePhotos(next, atlas, width, height, flight.goals);
    flight.aim(side, next.columns ? 1 : 0);
    return side;
  }

  /** @returns {import("./photo_map_scene.js").MapView} */
  function view() {
    const area = camera.view();
    const { side, cut } = flight.now();
    const growth = arrangement?.columns ? 1 : GROWTH;
    return { ...area, places: flight.places, side: Math.min(side * area.zoom ** growth, 2 * Math.max(atlas.cell[0], atlas.cell[1])), cut, pixels };
  }

  /** Where photos are now, in the frame. @returns {import("./photo_map_picking.js").BoxOf} */
  function boxes() {
    const shownView = view();
    return (number) => {
      const [x, y, wide, high] = scene.place(number, shownView);
      return [x / pixels, y / pixels, wide / pixels, high / pixels];
    };
  }

  // Drawing

  function request() {
    if (!frameRequest) frameRequest = requestAnimationFrame((time) => { frameRequest = 0; paint(time); });
  }

  /** @param {number} time */
  function paint(time) {
    const { width, height } = camera.view();
    context.setTransform(1, 0, 0, 1, 0, 0);
    let isUnfinished = false;
    if (flight.isFlying()) {
      flight.step(time, width);
      scene.showMoving(view());
    } else isUnfinished = scene.show(view(), time);
    context.setTransform(pixels, 0, 0, pixels, 0, 0);
    paintMarks(context, { chosen, lit, touched, line }, { width, height, boxOf: boxes(), draw: (number, box) => atlas.draw(context, number, ...box, pixels) });
    if (flight.isFlying() || isUnfinished) request();
  }

  function showNearness() { frame.classList.toggle("is-near", camera.isNear()); }

  /** The camera was moved. */
  function look() {
    showNearness();
    request();
  }

  // The photo under the pointer, and its card

  /** @param {number} number @param {boolean} [atOnce] */
  function touch(number, atOnce = false) {
    if (number === touched) return;
    touched = number;
    request();
    clearTimeout(dwellTimer);
    clearTimeout(graceTimer);
    if (number < 0) {
      graceTimer = window.setTimeout(() => { card.hidden = true; }, GRACE);
      options.onLeave();
      return;
    }
    if (atOnce || !card.hidden) showCard();
    else dwellTimer = window.setTimeout(showCard, DWELL);
    options.onTouch(number);
  }

  function showCard() {
    if (touched < 0) return;
    card.replaceChildren(options.cardOf(touched));
    card.hidden = false;
    const { width, height } = camera.view();
    const [x, y, wide, high] = boxes()(touched);
    const across = Math.min(width - card.offsetWidth - 8, Math.max(8, x + wide / 2 - card.offsetWidth / 2));
    const above = y - card.offsetHeight - 12 - 0.2 * high;
    card.style.left = `${across}px`;
    card.style.top = `${above > 6 ? above : Math.min(height - card.offsetHeight - 6, y + high * 1.2 + 12)}px`;
  }

  function leave() {
    touch(-1);
    card.hidden = true;
  }

  /** @param {number} x @param {number} y */
  function photoUnder(x, y) {
    return photoAt(x, y, count, boxes(), chosen >= 0 ? [chosen, ...lit] : lit);
  }

  // Moving about

  /** @param {number} factor @param {number} [x] @param {number} [y] @param {number} [right] @param {number} [down] as `Camera.zoomBy` takes them */
  function zoomBy(factor, x, y, right, down) {
    camera.zoomBy(factor, x, y, right, down);
    card.hidden = true;
    look();
  }

  /** Have a photo in view. @param {number} number */
  function bringIntoView(number) {
    const { width, height } = camera.view();
    const [x, y, wide, high] = boxes()(number);
    camera.pan(roomWithin(x, wide, width), roomWithin(y, high, height));
    look();
  }

  function home() {
    camera.reset();
    showNearness();
    leave();
    request();
  }

  followHands(frame, hint, {
    isNear: camera.isNear,
    isGathering: () => isGathering,
    point: (place) => touch(photoUnder(...place)),
    choose: (place) => options.onChoose(photoUnder(...place)),
    leave,
    pan: (x, y) => { camera.pan(x, y); look(); },
    zoom: (factor, place) => zoomBy(factor, ...place),
    pinch: (right, down, factor, place) => zoomBy(factor, ...place, right, down),
    zoomByKey: (factor) => {
      const number = touched >= 0 ? touched : chosen;
      zoomBy(factor, ...(number < 0 ? [] : middleOfBox(boxes()(number))));
    },
    drawLine: (next) => { line = next; request(); },
    gather: (around) => options.onGather(photosWithin(around, count, boxes(), context)),
    step: (right, down) => {
      const { width, height } = camera.view();
      const from = touched >= 0 ? touched : chosen;
      const next = from >= 0 ? photoBeside(flight.places, from, right, down) : photoNearest(width / 2, height / 2, count, boxes());
      bringIntoView(next);
      touch(next, true);
    },
    confirm: () => { if (touched >= 0) options.onChoose(touched); },
    home,
    letGo: () => { leave(); options.onChoose(-1); },
  });
  new ResizeObserver(measure).observe(frame);

  return {
    node: build("div", { class: "photo-map-box" }, frame, help),
    frame,
    /** @param {number} factor about the middle */
    zoomBy: (factor) => zoomBy(factor),
    home,
    /** @param {import("./photo_map_layout.js").Arrangement} next @param {boolean} [atOnce] */
    arrange(next, atOnce = false) {
      const isFirst = !arrangement;
      arrangement = next;
      home();
      const side = aimAt(next);
      if (!isFirst) zoomBy(firstZoom(next, side));
      if (isFirst || atOnce || wantsStillness()) {
        flight.land();
        scene.forget();
      } else flight.setOut();
      request();
    },
    /** @param {number} number -1: none @param {number[]} neighbours the photos that are lit with it */
    show(number, neighbours) {
      chosen = number;
      lit = neighbours;
      card.hidden = true;
      clearTimeout(dwellTimer);
      request();
    },
    bringIntoView,
    /** From now on a drag is a line around photos, or no longer. @param {boolean} is */
    gather(is) {
      isGathering = is;
      frame.classList.toggle("is-gathering", is);
    },
    /** @param {string} text */
    describe(text) { frame.setAttribute("aria-label", text); },
  };
}

/** By how much is a photo moved, to lie within the frame? @param {number} start @param {number} size @param {number} whole of the frame @returns {number} */
function roomWithin(start, size, whole) {
  if (start < ROOM) return ROOM - start;
  return start + size > whole - ROOM ? whole - ROOM - size - start : 0;
}
