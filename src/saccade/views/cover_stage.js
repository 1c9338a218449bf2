// @ts-check
/** The photo with a cover that a pointer, a finger or the arrow keys move. */
import { build } from "./build.js";
import { COVER_ROUNDNESS, paintModelImage } from "./model_image.js";
import { createStage } from "./stage.js";

/** What the arrow keys mean, in steps across and down. */
const MOVES = /** @type {Record<string, [number, number]>} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] });

/**
 * @param {object} options
 * @param {import("./model_image.js").ImageFormat} options.format
 * @param {(across: number, down: number) => void} options.onPlace where a pointer is, as shares of the photo
 * @param {(across: number, down: number) => void} options.onStep by an arrow key: one step to the right, to the left, down or up
 * @param {() => void} options.onLift
 */
export function createCoverStage({ format, onPlace, onStep, onLift }) {
  const stage = createStage({
    label: "", help: "Move the pointer or a finger, or press the arrow keys, to move the cover. Press Home to lift it.",
    onPlace: (across, down) => onPlace(across, down),
  });
  stage.frame.classList.add("cover-stage");
  const piece = build("canvas", { class: "cover-piece", hidden: true, "aria-hidden": "true", style: { "border-radius": `${100 * COVER_ROUNDNESS}%` } });
  stage.frame.append(piece);
  const blurred = build("canvas", {});

  stage.frame.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    // A finger keeps its cover when it leaves the photo.
    if (event.pointerType !== "mouse") stage.frame.setPointerCapture(event.pointerId);
  });
  stage.frame.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key in MOVES) onStep(...MOVES[event.key]);
    else if (event.key === "Home" || event.key === "Escape") onLift();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, { capture: true });

  return {
    node: stage.node,
    frame: stage.frame,
    /** The photo stays; only the piece over it moves, so that a finger is followed at once. @param {any} photo @param {import("./stage.js").PhotoPixels} pixels */
    showPhoto(photo, pixels) {
      stage.describe(`${photo.alt}, under a cover that can be moved`);
      stage.paint(pixels, (target) => target.data.set(pixels.colour));
    },
    /** @param {ArrayLike<number>} image what lies under the cover */
    setBlur(image) { paintModelImage(blurred, image, format); },
    /** @param {import("./model_image.js").Cover | null} cover @param {number[]} box what the model sees of the photo */
    showCover(cover, box) {
      piece.hidden = cover === null;
      if (cover === null) return;
      const [left, top, right, bottom] = box;
      const [across, down] = [(right - left) / format.columns, (bottom - top) / format.rows];
      piece.style.left = `${100 * (left + cover.left * across)}%`;
      piece.style.top = `${100 * (top + cover.top * down)}%`;
      piece.style.width = `${100 * cover.size * across}%`;
      piece.style.height = `${100 * cover.size * down}%`;
      piece.width = cover.size;
      piece.height = cover.size;
      piece.getContext("2d").drawImage(blurred, cover.left, cover.top, cover.size, cover.size, 0, 0, cover.size, cover.size);
    },
  };
}
