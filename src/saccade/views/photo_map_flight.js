// @ts-check
/** Where photos are on the plane, also while they fly from one arrangement to another. */

/** Milliseconds that a flight takes. */
const FLIGHT = 1400;
/** Those that lie further right set out later, the last after this share of the time. */
const LAST_SETS_OUT = 0.35;

/** @param {number} count */
export function createFlight(count) {
  const places = new Float32Array(2 * count);
  const goals = new Float32Array(2 * count);
  const starts = new Float32Array(2 * count);
  /** Side of a photo, and how much photos are cut to one shape, from 0 to 1. */
  let now = { side: 1, cut: 0 };
  let start = now;
  let goal = now;
  /** When the flight began; 0: with the next frame. */
  let begun = 0;
  let isFlying = false;

  return {
    /** x and y of the middle of every photo. */
    places,
    /** Where they are to lie; whoever arranges them writes here. */
    goals,
    isFlying: () => isFlying,
    /** Side and cut at this moment. */
    now: () => now,
    /** @param {number} side @param {number} cut when they have arrived */
    aim(side, cut) { goal = { side, cut }; },
    /** Be there at once. */
    land() {
      places.set(goals);
      now = goal;
      isFlying = false;
    },
    setOut() {
      starts.set(places);
      start = now;
      begun = 0;
      isFlying = true;
    },
    /** @param {number} time of the frame @param {number} width of the plane */
    step(time, width) {
      if (!begun) begun = time;
      const passed = (time - begun) / FLIGHT;
      let isUnderWay = false;
      for (let number = 0; number < count; number += 1) {
        const delay = LAST_SETS_OUT * (goals[2 * number] / width);
        const share = Math.min(1, Math.max(0, (passed - delay) / (1 - LAST_SETS_OUT)));
        const eased = share < 0.5 ? 4 * share ** 3 : 1 - (2 - 2 * share) ** 3 / 2;
        if (share < 1) isUnderWay = true;
        places[2 * number] = starts[2 * number] + (goals[2 * number] - starts[2 * number]) * eased;
        places[2 * number + 1] = starts[2 * number + 1] + (goals[2 * number + 1] - starts[2 * number + 1]) * eased;
      }
      const whole = Math.min(1, passed);
      now = { side: start.side + (goal.side - start.side) * whole, cut: start.cut + (goal.cut - start.cut) * whole };
      isFlying = isUnderWay || whole < 1;
    },
  };
}
