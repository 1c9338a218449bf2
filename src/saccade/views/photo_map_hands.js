// @ts-check
/** What pointer, fingers, wheel and keys do to a map. */

/** A pointer that has moved by more pixels than this does not choose what lies under it. */
const CLICK = 5;
/** By how much plus and minus zoom, and a double click. */
const KEY_ZOOM = 1.5;
const CLICK_ZOOM = 2;
/** How long it is said that the wheel does not zoom yet, in milliseconds. */
const HINT = 1600;
const DIRECTIONS = /** @type {Record<string, [number, number]>} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] });

/** @typedef {[number, number]} FramePlace in pixels of the frame */

/**
 * @typedef {object} MapActions
 * @property {() => boolean} isNear may one finger move it? Else the finger scrolls the page
 * @property {() => boolean} isGathering is a drag a line around photos? With the shift key it always is
 * @property {(place: FramePlace) => void} point
 * @property {(place: FramePlace) => void} choose
 * @property {() => void} leave
 * @property {(x: number, y: number) => void} pan
 * @property {(factor: number, place: FramePlace) => void} zoom
 * @property {(x: number, y: number, factor: number, place: FramePlace) => void} pinch two fingers moved it, and drew it apart
 * @property {(factor: number) => void} zoomByKey
 * @property {(line: FramePlace[] | null) => void} drawLine null: no longer
 * @property {(line: FramePlace[]) => void} gather
 * @property {(right: number, down: number) => void} step
 * @property {() => void} confirm
 * @property {() => void} home
 * @property {() => void} letGo
 */

/** @param {HTMLElement} frame @param {HTMLElement} hint shown where the wheel does not zoom yet @param {MapActions} act */
export function followHands(frame, hint, act) {
  /** @param {PointerEvent | WheelEvent | MouseEvent} event @returns {FramePlace} */
  const placeOf = (event) => {
    const area = frame.getBoundingClientRect();
    return [event.clientX - area.left, event.clientY - area.top];
  };
  followFingers(frame, placeOf, act);
  followWheel(frame, placeOf, hint, act);
  followKeys(frame, act);
  frame.addEventListener("blur", act.leave);
  frame.addEventListener("dblclick", (event) => act.zoom(CLICK_ZOOM, placeOf(event)));
}

/** @param {HTMLElement} frame @param {(event: PointerEvent) => FramePlace} placeOf @param {MapActions} act */
function followFingers(frame, placeOf, act) {
  /** @type {Map<number, FramePlace>} */
  const fingers = new Map();
  /** @type {FramePlace[] | null} */
  let line = null;
  let moved = 0;

  frame.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, placeOf(event));
    if (fingers.size === 1) moved = 0;
    line = fingers.size === 1 && event.button === 0 && (act.isGathering() || event.shiftKey) ? [placeOf(event)] : null;
    act.drawLine(line);
    if (line || event.pointerType === "mouse" || act.isNear() || fingers.size > 1) frame.setPointerCapture(event.pointerId);
  });
  frame.addEventListener("pointermove", (event) => {
    const place = placeOf(event);
    const before = fingers.get(event.pointerId);
    if (!before) { if (event.pointerType !== "touch") act.point(place); return; }
    const [x, y] = [place[0] - before[0], place[1] - before[1]];
    if (fingers.size === 1) {
      moved += Math.hypot(x, y);
      if (line) {
        line.push(place);
        act.leave();
        act.drawLine(line);
      } else if (moved > CLICK) {
        act.leave();
        act.pan(x, y);
      }
    } else {
      const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1] ?? place;
      const was = Math.hypot(before[0] - other[0], before[1] - other[1]);
      const now = Math.hypot(place[0] - other[0], place[1] - other[1]);
      moved = Infinity;
      act.pinch(x / 2, y / 2, now / Math.max(1, was), [(place[0] + other[0]) / 2, (place[1] + other[1]) / 2]);
    }
    fingers.set(event.pointerId, place);
  });
  /** @param {PointerEvent} event */
  const lift = (event) => {
    const wasAlone = fingers.size === 1 && fingers.has(event.pointerId);
    fingers.delete(event.pointerId);
    const around = line;
    line = null;
    if (around) act.drawLine(null);
    if (event.type !== "pointerup") return;
    if (around && moved > CLICK) act.gather(around);
    else if (wasAlone && moved <= CLICK) act.choose(placeOf(event));
  };
  frame.addEventListener("pointerup", lift);
  frame.addEventListener("pointercancel", lift);
  frame.addEventListener("pointerleave", () => { if (!fingers.size) act.leave(); });
}

/** @param {HTMLElement} frame @param {(event: WheelEvent) => FramePlace} placeOf @param {HTMLElement} hint @param {MapActions} act */
function followWheel(frame, placeOf, hint, act) {
  let hintTimer = 0;
  frame.addEventListener("wheel", (event) => {
    // A page that is scrolled past the map must not be caught by it.
    if (!event.ctrlKey && document.activeElement !== frame) {
      hint.hidden = false;
      clearTimeout(hintTimer);
      hintTimer = window.setTimeout(() => { hint.hidden = true; }, HINT);
      return;
    }
    event.preventDefault();
    hint.hidden = true;
    act.zoom(Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : event.ctrlKey ? 0.01 : 0.0022)), placeOf(event));
  }, { passive: false });
}

/** @param {HTMLElement} frame @param {MapActions} act */
function followKeys(frame, act) {
  frame.addEventListener("keydown", (event) => {
    if (event.key in DIRECTIONS) act.step(...DIRECTIONS[event.key]);
    else if (event.key === "Enter" || event.key === " ") act.confirm();
    else if (event.key === "+" || event.key === "=") act.zoomByKey(KEY_ZOOM);
    else if (event.key === "-") act.zoomByKey(1 / KEY_ZOOM);
    else if (event.key === "0") act.home();
    else if (event.key === "Escape") act.letGo();
    else return;
    event.preventDefault();
  });
}
