// @ts-check
/** Where two networks look in one photo: both maps, and the values of both under the pointer. */
import { lightStrongest, photoByNetwork } from "./beside_photos.js";
import { build } from "./build.js";
import { chooser, readout } from "./controls.js";
import { cellAt, createStage, mapAtPixels, paintMap, photoPixels } from "./stage.js";
import { colourKey, mapOf, valueInWords } from "./where.js";
import { asText, placeInWords } from "./wording.js";

/** @param {any} data @param {HTMLElement} element @param {any} store */
export function renderBothMaps(data, element, store) {
  const { beside } = data;
  /** @type {"heat" | "lit"} */
  let shownAs = "heat";
  let pointing = false;
  /** @type {any[]} */
  let grids = [];
  const stages = [0, 1].map((which) => createStage({
    label: "", help: "Move the pointer or press the arrow keys: the same place is shown on both pictures, with the values of both.",
    onPlace: (across, down) => point(which, across, down), onLeave: () => rest(), step: () => [0.04, 0.04],
  }));
  const keys = [0, 1].map(() => build("div"));
  const sentence = build("p", { class: "finding" });
  const read = readout();
  const views = chooser({
    label: "What is shown on the photos", value: shownAs,
    choices: [{ value: "heat", text: "Heat maps" }, { value: "lit", text: "What counts most" }],
    onChange: (value) => { shownAs = value; draw(); },
  });
  element.append(
    build("div", { class: "toolbar" }, views.node),
    build("div", { class: "both" }, [0, 1].map((which) => build("figure", {}, build("h3", { class: "network" }, beside.names[which]), stages[which].node, keys[which]))),
    read.node, sentence,
  );

  async function draw() {
    const index = store.get().photo;
    const entry = beside.photos[index];
    const pixels = await photoPixels(data.photos[index]);
    if (store.get().photo !== index) return;
    grids = entry.maps.map(mapOf);
    [0, 1].forEach((which) => {
      const map = entry.maps[which];
      const placed = mapAtPixels(grids[which], photoByNetwork(data, index, which).box, pixels.width, pixels.height, true);
      stages[which].paint(pixels, (target) => {
        if (shownAs === "lit") lightStrongest(target, pixels, placed);
        else paintMap(target, pixels, placed, map.scale, { ramps: data.ramps, opacity: 0.85, contours: true });
      });
      stages[which].describe(`${data.photos[index].alt}, by ${beside.names[which]}: ${map.sentence}`);
      keys[which].replaceChildren(shownAs === "heat" ? colourKey(data, map) : build("p", { class: "key" }, "In its own colours: of what the network sees, the fifth that counts most."));
    });
    sentence.textContent = asText(entry.sentence);
    rest();
  }

  /** @param {number} which @param {number} across @param {number} down */
  function point(which, across, down) {
    if (pointing || !grids.length) return;
    pointing = true;
    stages[1 - which].point(across, down, false);
    pointing = false;
    const index = store.get().photo;
    const entry = beside.photos[index];
    const values = [0, 1].map((each) => {
      const cell = cellAt(photoByNetwork(data, index, each).box, grids[each].rows, grids[each].columns, across, down);
      return cell ? grids[each].values[cell[0] * grids[each].columns + cell[1]] : null;
    });
    const readings = values.map((value, each) => [`${beside.names[each]} `, build("b", {}, value === null ? "does not see it" : valueInWords(entry.maps[each], value))]);
    read.say(`${placeInWords(across, down)}: `, ...readings[0], " \u00b7 ", ...readings[1]);
    read.node.dataset.values = values.join(" ");
  }

  function rest() {
    stages.forEach((stage) => stage.hideRing());
    read.say("Point at one photo: the same place is marked on the other.");
    delete read.node.dataset.values;
  }

  store.follow((/** @type {any} */ state, /** @type {any} */ before) => { if (state.photo !== before.photo) draw(); });
}
