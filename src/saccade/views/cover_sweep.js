// @ts-check
/** A cover that goes over the photo by itself, row by row, until it is stopped. */
import { wantsStillness } from "./controls.js";

/** A sweep goes on by so much of the cover's side, and not faster than this. */
const SWEEP = { step: 0.5, milliseconds: 55 };
/** So much of the photo is in view before it begins by itself. */
const IN_VIEW = 0.6;

/**
 * @param {object} options
 * @param {() => boolean} options.canStart
 * @param {() => [number, number][]} options.way the corners of the covers, one after the other
 * @param {(left: number, top: number) => Promise<void>} options.visit covers there, until that is computed
 * @param {() => void} options.end called when it has come to the end
 * @param {(isRunning: boolean) => void} options.tell
 */
export function createSweep({ canStart, way, visit, end, tell }) {
  let sweeps = 0;
  /** The number of the sweep that runs; 0 for none. */
  let running = 0;
  let isAwaited = false;

  function stop() {
    running = 0;
    tell(false);
  }

  async function start() {
    if (!canStart()) return;
    sweeps += 1;
    running = sweeps;
    const own = running;
    tell(true);
    for (const [left, top] of way()) {
      if (running !== own || !canStart()) break;
      const pause = new Promise((resolve) => { setTimeout(resolve, SWEEP.milliseconds); });
      await Promise.all([visit(left, top), pause]);
    }
    if (running !== own) return;
    stop();
    end();
  }

  return {
    isRunning: () => running > 0,
    start,
    stop,
    /**
     * The first time that the photo is in view the cover sets out by itself, unless the reader was quicker or wants stillness.
     * @param {HTMLElement} frame @param {() => boolean} isTouched
     */
    startOnceSeen(frame, isTouched) {
      if (isAwaited || wantsStillness()) return;
      isAwaited = true;
      const observer = new IntersectionObserver((entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        observer.disconnect();
        if (!isTouched()) start();
      }, { threshold: IN_VIEW });
      observer.observe(frame);
    },
  };
}

/**
 * @param {number} size of the cover
 * @param {{rows: number, columns: number}} format
 * @returns {[number, number][]} the left and upper corner of every cover: to the right, back, and so on to the lowest row
 */
export function sweepOf(size, { rows, columns }) {
  const step = Math.max(Math.round(size * SWEEP.step), 1);
  const [lefts, tops] = [columns, rows].map((side) => stepsUpTo(side - size, step));
  return tops.flatMap((top, turn) => (turn % 2 ? [...lefts].reverse() : lefts).map((left) => /** @type {[number, number]} */ ([left, top])));
}

/** @param {number} last @param {number} step @returns {number[]} from 0, the last one in any case */
function stepsUpTo(last, step) {
  const count = Math.ceil(last / step);
  return Array.from({ length: count + 1 }, (_, index) => Math.min(index * step, last));
}
