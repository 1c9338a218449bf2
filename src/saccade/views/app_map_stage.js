// @ts-check
/** A map on a photo whose numbers are under the pointer, for maps that come and go. */
import { build } from "./build.js";
import { readout } from "./controls.js";
import { cellAt, createStage, mapAtPixels, paintMap } from "./stage.js";
import { placeValueInWords } from "./where.js";

/** @param {any} data @param {string} help */
export function createMapStage(data, help) {
  /** @type {any} */
  let shown = null;
  const read = readout();
  const stage = createStage({ label: "", help, onPlace: tell, onLeave: rest, step: () => (shown?.grid ? [1 / Math.min(shown.grid.columns, 32), 1 / Math.min(shown.grid.rows, 32)] : [0.05, 0.05]) });

  /** @param {number} across @param {number} down */
  function tell(across, down) {
    if (!shown?.grid || !shown.map) return;
    const cell = cellAt(shown.box, shown.grid.rows, shown.grid.columns, across, down);
    if (!cell) { read.say("Outside what the model was given."); return; }
    const value = shown.grid.values[cell[0] * shown.grid.columns + cell[1]];
    read.say(...placeValueInWords(shown.map, shown.grid.values, value, across, down));
    read.node.dataset.value = String(value);
  }

  function rest() {
    read.say(shown?.map ? "Point at the photo to read its numbers." : "");
    delete read.node.dataset.value;
  }

  return {
    node: build("div", {}, stage.node, read.node),
    stage,
    rest,
    /**
     * @param {import("./stage.js").PhotoPixels} pixels @param {number[]} box @param {any} grid a map on the photo, or null for the photo alone
     * @param {any} map what it is; null while it is still sharpened
     */
    show(pixels, box, grid, map) {
      shown = { box, grid, map };
      stage.paint(pixels, (target) => {
        if (!grid) { target.data.set(pixels.colour); return; }
        const placed = mapAtPixels(grid, box, pixels.width, pixels.height, true);
        paintMap(target, pixels, placed, grid.scale, { ramps: data.ramps, opacity: 0.85, contours: Boolean(map) });
      });
    },
  };
}
