// @ts-check
/** Photos at places of a plane that is panned and zoomed, by pointer, fingers or keys. It knows nothing of what the places mean. */
import { build, freshId } from "./build.js";
import { wantsStillness } from "./controls.js";
import { firstZoom, placePhotos } from "./photo_map_layout.js";
import { createMapScene } from "./photo_map_scene.js";

/** Pixels from the middle of a photo within which the pointer still means it. */
const PICK_RADIUS = 14;
/** Milliseconds until the card of a photo appears, until it goes, and for which photos fly to another arrangement. */
const DWELL = 125;
const GRACE = 260;
const FLIGHT = 1400;
const MOST_ZOOM = 40;
/** More photos than this are lit where they are, and not made larger. */
const MANY = 40;

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
  const card = build("div", { class: "photo-map-card", hidden: true, "aria-hidden": "true" });
  const hint = build("p", { class: "photo-map-hint", hidden: true, "aria-hidden": "true" }, "Click the map first: then the wheel zooms.");
  const helpId = freshId("help");
  const frame = build("div", { class: "photo-map", tabindex: "0", role: "application", "aria-roledescription": "map of photos", "aria-label": options.label, "aria-describedby": helpId }, canvas, card, hint);
  const help = build("p", { class: "visually-hidden", id: helpId }, options.help);

  let width = 1;
  let height = 1;
  let pixels = 1;
  let zoom = 1;
  let left = 0;
  let top = 0;
  /** @type {import("./photo_map_layout.js").Arrangement | null} */
  let arrangement = null;
  const places = new Float32Array(2 * count);
  const goals = new Float32Array(2 * count);
  const starts = new Float32Array(2 * count);
  let side = 1;
  let startSide = 1;
  let goalSide = 1;
  /** How much photos are cut to one shape, from 0 to 1. */
  let cut = 0;
  let startCut = 0;
  /** How fast photos grow with the zoom: in a grid as its cells, else slower than the distances, so that they come apart. */
  let growth = 1;
  let flightFrom = 0;
  let isFlying = false;
  let touched = -1;
  let chosen = -1;
  /** @type {number[]} */
  let lit = [];
  /** Is a drag a line around photos? With the shift key it always is. */
  let isGathering = false;
  /** The line that is being drawn around photos, in the frame. @type {[number, number][] | null} */
  let line = null;
  let frameRequest = 0;
  let dwellTimer = 0;
  let graceTimer = 0;

  function measure() {
    const area = frame.getBoundingClientRect();
    if (!area.width || !area.height) return;
    width = area.width;
    height = area.height;
    pixels = Math.min(2, devicePixelRatio || 1);
    scene.resize(Math.round(width * pixels), Math.round(height * pixels));
    if (arrangement) {
      goalSide = placePhotos(arrangement, atlas, width, height, goals);
      if (!isFlying) { places.set(goals); side = goalSide; }
      scene.forget();
    }
    hold();
    // At once: a canvas that was given a size is empty.
    paint(performance.now());
  }

  /** The side of a photo on the screen. */
  function shownSide() { return Math.min(side * zoom ** growth, 2 * Math.max(atlas.cell[0], atlas.cell[1])); }

  /** Keep the map in the frame. */
  function hold() {
    zoom = Math.min(MOST_ZOOM, Math.max(1, zoom));
    left = Math.min(0, Math.max(width * (1 - zoom), left));
    top = Math.min(0, Math.max(height * (1 - zoom), top));
    frame.classList.toggle("is-near", zoom > 1.01);
  }

  function request() {
    if (!frameRequest) frameRequest = requestAnimationFrame((time) => { frameRequest = 0; paint(time); });
  }

  /** @returns {import("./photo_map_scene.js").MapView} */
  function view() { return { places, zoom, left, top, side: shownSide(), cut, width, height, pixels }; }

  /** @param {number} number @param {import("./photo_map_scene.js").MapView} [shownView] @returns {[number, number, number, number]} left, top, width, height in the frame */
  function boxOf(number, shownView = view()) {
    const [x, y, wide, high] = scene.place(number, shownView);
    return [x / pixels, y / pixels, wide / pixels, high / pixels];
  }

  /** @param {number} number @param {number} larger */
  function drawOne(number, larger) {
    const [x, y, wide, high] = boxOf(number);
    const more = (larger - 1) / 2;
    const box = /** @type {const} */ ([x - wide * more, y - high * more, wide * larger, high * larger]);
    if (box[0] > width || box[1] > height || box[0] + box[2] < 0 || box[1] + box[3] < 0) return null;
    atlas.draw(context, number, ...box, pixels);
    return box;
  }

  /** @param {number} time */
  function paint(time) {
    context.setTransform(1, 0, 0, 1, 0, 0);
    let isUnfinished = false;
    if (isFlying) {
      fly(time);
      scene.showMoving(view());
    } else isUnfinished = scene.show(view(), time);
    context.setTransform(pixels, 0, 0, pixels, 0, 0);
    if (chosen >= 0 || lit.length > 0) {
      context.fillStyle = "rgb(15 16 19 / .74)";
      context.fillRect(0, 0, width, height);
      paintChosen();
    }
    if (touched >= 0 && touched < count) {
      const box = drawOne(touched, 1.35);
      if (box) outline(box, "#fff", 2);
    }
    if (line) paintLine(line);
    if (isFlying || isUnfinished) request();
  }

  /** @param {[number, number][]} around */
  function paintLine(around) {
    context.beginPath();
    around.forEach(([x, y], index) => (index ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.closePath();
    context.fillStyle = "rgb(255 180 102 / .18)";
    context.fill();
    context.lineWidth = 4;
    context.strokeStyle = "rgb(0 0 0 / .7)";
    context.stroke();
    context.lineWidth = 2;
    context.strokeStyle = "#ffb466";
    context.stroke();
  }

  /** The photos whose middle a line goes around. @param {[number, number][]} around @returns {number[]} */
  function photosWithin(around) {
    const shownView = view();
    const shape = new Path2D();
    around.forEach(([x, y], index) => (index ? shape.lineTo(x, y) : shape.moveTo(x, y)));
    shape.closePath();
    context.setTransform(1, 0, 0, 1, 0, 0);
    const numbers = [];
    for (let number = 0; number < count; number += 1) {
      const [x, y, wide, high] = boxOf(number, shownView);
      if (context.isPointInPath(shape, x + wide / 2, y + high / 2)) numbers.push(number);
    }
    return numbers;
  }

  function paintChosen() {
    if (chosen >= 0) {
      const [x, y, wide, high] = boxOf(chosen);
      context.lineWidth = 1.25;
      context.strokeStyle = "rgb(255 190 120 / .55)";
      context.beginPath();
      for (const number of lit) {
        const other = boxOf(number);
        context.moveTo(x + wide / 2, y + high / 2);
        context.lineTo(other[0] + other[2] / 2, other[1] + other[3] / 2);
      }
      context.stroke();
    }
    for (const number of [...lit].reverse()) {
      const box = drawOne(number, lit.length > MANY ? 1 : 1.5);
      if (box) outline(box, "#ffb466", lit.length > MANY ? 1 : 2);
    }
    if (chosen >= 0) {
      const box = drawOne(chosen, 1.9);
      if (box) outline(box, "#fff", 3);
    }
  }

  /** @param {readonly [number, number, number, number]} box @param {string} colour @param {number} line */
  function outline(box, colour, line) {
    context.lineWidth = line + 2;
    context.strokeStyle = "rgb(0 0 0 / .7)";
    context.strokeRect(...box);
    context.lineWidth = line;
    context.strokeStyle = colour;
    context.strokeRect(...box);
  }

  /** @param {number} time */
  function fly(time) {
    if (!flightFrom) flightFrom = time;
    let isUnderWay = false;
    for (let number = 0; number < count; number += 1) {
      // Those that lie further left set out first.
      const delay = 0.35 * (goals[2 * number] / width);
      const share = Math.min(1, Math.max(0, ((time - flightFrom) / FLIGHT - delay) / 0.65));
      const eased = share < 0.5 ? 4 * share ** 3 : 1 - (2 - 2 * share) ** 3 / 2;
      if (share < 1) isUnderWay = true;
      places[2 * number] = starts[2 * number] + (goals[2 * number] - starts[2 * number]) * eased;
      places[2 * number + 1] = starts[2 * number + 1] + (goals[2 * number + 1] - starts[2 * number + 1]) * eased;
    }
    const whole = Math.min(1, (time - flightFrom) / FLIGHT);
    side = startSide + (goalSide - startSide) * whole;
    cut = startCut + ((arrangement?.columns ? 1 : 0) - startCut) * whole;
    isFlying = isUnderWay || whole < 1;
  }

  /** Which photo lies there? The uppermost one, else the nearest within reach. @param {number} x @param {number} y @returns {number} -1: none */
  function photoAt(x, y) {
    let nearest = -1;
    let least = PICK_RADIUS ** 2;
    const shownView = view();
    for (const number of chosen >= 0 ? [chosen, ...lit] : lit) if (isInside(boxOf(number, shownView), x, y)) return number;
    for (let number = count - 1; number >= 0; number -= 1) {
      const box = boxOf(number, shownView);
      if (isInside(box, x, y)) return number;
      const distance = (box[0] + box[2] / 2 - x) ** 2 + (box[1] + box[3] / 2 - y) ** 2;
      if (distance < least) { least = distance; nearest = number; }
    }
    return nearest;
  }

  /** @param {number} number @param {boolean} [atOnce] */
  function touch(number, atOnce = false) {
    if (number === touched) return;
    touched = number;
    request();
    clearTimeout(dwellTimer);
    clearTimeout(graceTimer);
    if (number < 0) {
      graceTimer = setTimeout(() => { card.hidden = true; }, GRACE);
      options.onLeave();
      return;
    }
    if (atOnce || !card.hidden) showCard();
    else dwellTimer = setTimeout(showCard, DWELL);
    options.onTouch(number);
  }

  function showCard() {
    if (touched < 0) return;
    card.replaceChildren(options.cardOf(touched));
    card.hidden = false;
    const [x, y, wide, high] = boxOf(touched);
    const across = Math.min(width - card.offsetWidth - 8, Math.max(8, x + wide / 2 - card.offsetWidth / 2));
    const above = y - card.offsetHeight - 12 - 0.2 * high;
    card.style.left = `${across}px`;
    card.style.top = `${above > 6 ? above : Math.min(height - card.offsetHeight - 6, y + high * 1.2 + 12)}px`;
  }

  function leave() {
    touch(-1);
    card.hidden = true;
  }

  /** @param {number} factor @param {number} [x] @param {number} [y] */
  function zoomBy(factor, x = width / 2, y = height / 2) {
    const next = Math.min(MOST_ZOOM, Math.max(1, zoom * factor));
    left = x - ((x - left) * next) / zoom;
    top = y - ((y - top) * next) / zoom;
    zoom = next;
    hold();
    card.hidden = true;
    request();
  }

  /** Have a photo in view. @param {number} number */
  function bringIntoView(number) {
    const [x, y, wide, high] = boxOf(number);
    const room = 40;
    if (x < room) left += room - x;
    else if (x + wide > width - room) left -= x + wide - width + room;
    if (y < room) top += room - y;
    else if (y + high > height - room) top -= y + high - height + room;
    hold();
    request();
  }

  /** The nearest photo in a direction. @param {number} from @param {number} right @param {number} down @returns {number} */
  function nextPhoto(from, right, down) {
    let next = from;
    let least = Infinity;
    for (let number = 0; number < count; number += 1) {
      const x = places[2 * number] - places[2 * from];
      const y = places[2 * number + 1] - places[2 * from + 1];
      const along = x * right + y * down;
      const aside = Math.abs(x * down + y * right);
      if (along <= 0.5 || aside > 2 * along) continue;
      const far = along + 1.5 * aside;
      if (far < least) { least = far; next = number; }
    }
    return next;
  }

  /** @param {PointerEvent | WheelEvent | MouseEvent} event @returns {[number, number]} */
  function placeOf(event) {
    const area = frame.getBoundingClientRect();
    return [event.clientX - area.left, event.clientY - area.top];
  }

  /** @type {Map<number, [number, number]>} */
  const fingers = new Map();
  let moved = 0;
  frame.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    fingers.set(event.pointerId, placeOf(event));
    if (fingers.size === 1) moved = 0;
    line = fingers.size === 1 && event.button === 0 && (isGathering || event.shiftKey) ? [placeOf(event)] : null;
    if (line || event.pointerType === "mouse" || zoom > 1.01 || fingers.size > 1) frame.setPointerCapture(event.pointerId);
  });
  frame.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    const place = placeOf(event);
    const before = fingers.get(event.pointerId);
    if (!before) { if (event.pointerType !== "touch") touch(photoAt(...place)); return; }
    if (fingers.size === 1) {
      moved += Math.hypot(place[0] - before[0], place[1] - before[1]);
      if (line) {
        line.push(place);
        leave();
        request();
      } else if (moved > 5) {
        left += place[0] - before[0];
        top += place[1] - before[1];
        hold();
        leave();
        request();
      }
    } else {
      const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1] ?? place;
      const was = Math.hypot(before[0] - other[0], before[1] - other[1]);
      const now = Math.hypot(place[0] - other[0], place[1] - other[1]);
      moved = 99;
      left += (place[0] - before[0]) / 2;
      top += (place[1] - before[1]) / 2;
      zoomBy(now / Math.max(1, was), (place[0] + other[0]) / 2, (place[1] + other[1]) / 2);
    }
    fingers.set(event.pointerId, place);
  });
  const lift = (/** @type {PointerEvent} */ event) => {
    const wasAlone = fingers.size === 1 && fingers.has(event.pointerId);
    fingers.delete(event.pointerId);
    const around = line;
    line = null;
    if (around) request();
    if (around && event.type === "pointerup" && moved > 5) { options.onGather(photosWithin(around)); return; }
    if (event.type !== "pointerup" || !wasAlone || moved > 5) return;
    options.onChoose(photoAt(...placeOf(event)));
  };
  frame.addEventListener("pointerup", lift);
  frame.addEventListener("pointercancel", lift);
  frame.addEventListener("pointerleave", () => { if (!fingers.size) leave(); });
  frame.addEventListener("blur", leave);
  frame.addEventListener("dblclick", (/** @type {MouseEvent} */ event) => zoomBy(2, ...placeOf(event)));
  frame.addEventListener("wheel", (/** @type {WheelEvent} */ event) => {
    // A page that is scrolled past the map must not be caught by it.
    if (!event.ctrlKey && document.activeElement !== frame) { hint.hidden = false; clearTimeout(hintTimer); hintTimer = setTimeout(() => { hint.hidden = true; }, 1600); return; }
    event.preventDefault();
    hint.hidden = true;
    zoomBy(Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : event.ctrlKey ? 0.01 : 0.0022)), ...placeOf(event));
  }, { passive: false });
  let hintTimer = 0;
  frame.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const moves = /** @type {Record<string, [number, number]>} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] });
    const move = moves[event.key];
    if (move) {
      const from = touched >= 0 ? touched : chosen;
      const next = from >= 0 ? nextPhoto(from, ...move) : photoNearMiddle();
      bringIntoView(next);
      touch(next, true);
    } else if (event.key === "Enter" || event.key === " ") { if (touched >= 0) options.onChoose(touched); }
    else if (event.key === "+" || event.key === "=") zoomBy(1.5, ...middleOfInterest());
    else if (event.key === "-") zoomBy(1 / 1.5, ...middleOfInterest());
    else if (event.key === "0") home();
    else if (event.key === "Escape") { leave(); options.onChoose(-1); }
    else return;
    event.preventDefault();
  });

  /** @returns {number} */
  function photoNearMiddle() {
    let nearest = 0;
    let least = Infinity;
    for (let number = 0; number < count; number += 1) {
      const [x, y, wide, high] = boxOf(number);
      const far = Math.hypot(x + wide / 2 - width / 2, y + high / 2 - height / 2);
      if (far < least) { least = far; nearest = number; }
    }
    return nearest;
  }

  /** @returns {[number, number]} */
  function middleOfInterest() {
    const number = touched >= 0 ? touched : chosen;
    if (number < 0) return [width / 2, height / 2];
    const [x, y, wide, high] = boxOf(number);
    return [x + wide / 2, y + high / 2];
  }

  function home() {
    zoom = 1;
    left = 0;
    top = 0;
    hold();
    leave();
    request();
  }

  new ResizeObserver(measure).observe(frame);

  return {
    node: build("div", { class: "photo-map-box" }, frame, help),
    frame,
    zoomBy,
    home,
    /** @param {import("./photo_map_layout.js").Arrangement} next @param {boolean} [atOnce] */
    arrange(next, atOnce = false) {
      const isFirst = !arrangement;
      arrangement = next;
      growth = next.columns ? 1 : 0.72;
      home();
      goalSide = placePhotos(next, atlas, width, height, goals);
      if (!isFirst) zoomBy(firstZoom(next, goalSide));
      if (isFirst || atOnce || wantsStillness()) {
        places.set(goals);
        side = goalSide;
        cut = next.columns ? 1 : 0;
        isFlying = false;
        scene.forget();
      } else {
        starts.set(places);
        startSide = side;
        startCut = cut;
        flightFrom = 0;
        isFlying = true;
      }
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

/** @param {readonly [number, number, number, number]} box @param {number} x @param {number} y */
function isInside(box, x, y) {
  return x >= box[0] && y >= box[1] && x <= box[0] + box[2] && y <= box[1] + box[3];
}
