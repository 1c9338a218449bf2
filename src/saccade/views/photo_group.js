// @ts-check
/** What do some photos of a collection share? Those that were chosen on the map, which others would fit, and where their codes agree. */
import { decodeArray } from "./arrays.js";
import { build } from "./build.js";
import { createStage, mapAtPixels, paintMap, photoPixels } from "./stage.js";
import { colourKey } from "./where.js";
import { asCount, asPercent, asScore } from "./wording.js";

/** So many photos of a group are shown, and so many others. */
const SHOWN = 24;
const OTHERS_SHOWN = 10;
/** Pixels of the longer side of photos that are laid over one another. */
const LAID_SIDE = 96;
/** A group is asked about when it has stayed the same for so long, in milliseconds. */
const GROUP_RESTS = 250;

/**
 * @param {{data: any, atlas: import("./photo_atlas.js").Atlas, picture: (number: number, height: number) => HTMLElement, nearest: {values: ArrayLike<number>, count: number},
 *     change: (numbers: number[]) => void, ask: ((numbers: number[]) => Promise<any>) | null}} options `change` makes it another group; `ask` gets what only the codes tell
 */
export function createGroupPanel({ data, atlas, picture, nearest, change, ask }) {
  const { collection } = data;
  const names = collection.names;
  const node = build("div", { class: "photo-group", hidden: true });
  const title = build("h3");
  const sentence = build("p", { class: "finding", "aria-live": "polite" });
  const members = build("div", { class: "small-photos" });
  const shared = build("div", { class: "trio" });
  const others = build("div", { class: "small-photos" });
  const othersWords = build("p", { class: "aside" });
  node.append(title, sentence, members, shared, build("h3", {}, "Others that would fit"), othersWords, others);
  let turn = 0;
  let timer = 0;

  /** @param {number} number @param {string} does @param {() => void} onPress */
  function small(number, does, onPress) {
    return build("button", { type: "button", class: "nearest-photo", "data-number": number, "aria-label": `${names[number]}; ${does}`, on: { click: onPress } }, picture(number, 76));
  }

  /** @param {number[]} group @param {number[]} order */
  function drawMembers(group, order) {
    refill(members, [
      ...order.slice(0, SHOWN).map((number) => small(number, "take it out of the group", () => change(group.filter((one) => one !== number)))),
      order.length > SHOWN ? build("span", { class: "aside" }, `and ${asCount(order.length - SHOWN)} more`) : ""]);
  }

  /** @param {number[]} group @param {number[]} fitting @param {string} words */
  function drawOthers(group, fitting, words) {
    othersWords.textContent = fitting.length ? words : "None: no other photo is among the nearest of these.";
    refill(others, fitting.slice(0, OTHERS_SHOWN).map((number) => small(number, "add it to the group", () => change([...group, number]))));
  }

  /** @param {number[]} group */
  function show(group) {
    turn += 1;
    clearTimeout(timer);
    node.hidden = group.length === 0;
    shared.replaceChildren();
    if (group.length === 0) return;
    title.textContent = group.length === 1 ? "A group of 1 photo" : `A group of ${asCount(group.length)} photos`;
    drawMembers(group, group);
    if (group.length === 1) {
      sentence.textContent = "Choose one more, and they are compared.";
      drawOthers(group, byNearest([...group, group[0]], nearest).fitting, "The nearest of it.");
      return;
    }
    const { within, counted, fitting } = byNearest(group, nearest);
    const chance = (group.length - 1) / Math.max(1, names.length - 1);
    sentence.textContent = `Of the ${counted === 1 ? "nearest photo" : `${counted} nearest photos`} of each, ${asPercent(within)} are in this group too; of a group drawn at random, ${asPercent(chance)} would be.`;
    drawOthers(group, fitting, "Those outside that are most often among their nearest, by all numbers of the code.");
    node.dataset.within = String(within);
    if (!ask) return;
    const mine = turn;
    timer = setTimeout(async () => {
      try {
        const answer = await ask(group);
        if (mine === turn) await tell(group, answer);
      } catch (error) {
        if (mine === turn) shared.replaceChildren(build("p", { class: "aside" }, `What they share cannot be shown: ${error instanceof Error ? error.message : error}`));
      }
    }, GROUP_RESTS);
  }

  /** @param {number[]} group @param {any} answer */
  async function tell(group, answer) {
    sentence.textContent = `Two of them score ${asScore(answer.likeness)} on average; a typical pair of the whole collection ${asScore(collection.typical[0])}. ${sentence.textContent}`;
    node.dataset.likeness = String(answer.likeness);
    drawMembers(group, answer.photos);
    drawOthers(group, answer.others, "Those outside whose codes are nearest to the middle of the group.");
    const laid = laidOver(group, atlas);
    const shares = decodeArray(answer.shares);
    const shape = String(data.photos[0]?.box?.every((/** @type {number} */ edge, /** @type {number} */ index) => Math.abs(edge - Number(index > 1)) < 1e-3) ? atlas.ratio : 1);
    const figures = [build("figure", {}, laid, build("figcaption", {}, build("b", {}, "Without the network."), ` The ${asCount(group.length)} photos laid over one another.`))];
    if (answer.drawn) figures.push(build("figure", {}, build("img", { class: "group-drawn", src: answer.drawn, alt: "the mean code of the group, as the decoder draws it", style: { "aspect-ratio": shape } }), build("figcaption", {}, build("b", {}, "Their mean code,"), " as the decoder draws it: what they have in common is sharp, the rest runs together.")));
    if (shares.shape[0] * shares.shape[1] > 1) {
      const stage = createStage({ label: `where the ${group.length} photos are alike`, help: "" });
      const pixels = await photoPixels({ photo: answer.drawn ?? laid.toDataURL() });
      const grid = { values: shares.values, rows: shares.shape[0], columns: shares.shape[1], scale: answer.scale };
      stage.paint(pixels, (target) => paintMap(target, pixels, mapAtPixels(grid, [0, 0, 1, 1], pixels.width, pixels.height, true), answer.scale, { ramps: data.ramps, opacity: 0.85, contours: true }));
      stage.frame.style.aspectRatio = shape;
      stage.frame.style.setProperty("--shape", shape);
      figures.push(build("figure", {}, stage.node, build("figcaption", {}, build("b", {}, "Where they are alike:"), " what every place adds to the mean score. All places together make it exactly."), colourKey(data, { scale: answer.scale, unit: "what this place adds to the mean score", is_share: false })));
    }
    shared.replaceChildren(...figures);
  }

  return { node, show };
}

/** @param {number[]} group @param {{values: ArrayLike<number>, count: number}} nearest @returns how many of the nearest of these photos are among them, and which others are most often */
function byNearest(group, nearest) {
  const inside = new Set(group);
  /** @type {Map<number, number>} */
  const votes = new Map();
  const counted = Math.min(nearest.count, group.length - 1);
  let within = 0;
  for (const number of group) {
    for (let place = 0; place < nearest.count; place += 1) {
      const other = nearest.values[number * nearest.count + place];
      if (!inside.has(other)) votes.set(other, (votes.get(other) ?? 0) + 1);
      else if (place < counted) within += 1;
    }
  }
  const fitting = [...votes].sort((one, other) => other[1] - one[1] || one[0] - other[0]).map(([number]) => number);
  return { within: within / (group.length * counted), counted, fitting };
}

/** The mean of photos, pixel by pixel. @param {number[]} group @param {import("./photo_atlas.js").Atlas} atlas @returns {HTMLCanvasElement} */
function laidOver(group, atlas) {
  const width = atlas.ratio >= 1 ? LAID_SIDE : Math.round(LAID_SIDE * atlas.ratio);
  const height = atlas.ratio >= 1 ? Math.round(LAID_SIDE / atlas.ratio) : LAID_SIDE;
  const canvas = build("canvas", { class: "group-drawn", width, height, role: "img", "aria-label": "the photos laid over one another" });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const sums = new Float64Array(4 * width * height);
  for (const number of group) {
    atlas.draw(context, number, 0, 0, width, height, 1);
    const { data: drawn } = context.getImageData(0, 0, width, height);
    for (let index = 0; index < sums.length; index += 1) sums[index] += drawn[index];
  }
  const mean = context.createImageData(width, height);
  for (let index = 0; index < sums.length; index += 1) mean.data[index] = sums[index] / group.length;
  context.putImageData(mean, 0, 0);
  return canvas;
}

/** Show others in a row; the keyboard stays where it is, or goes to what has taken its place. @param {HTMLElement} row @param {(HTMLElement | string)[]} nodes */
function refill(row, nodes) {
  const focused = [...row.children].findIndex((child) => child === document.activeElement);
  const number = focused < 0 ? "" : /** @type {HTMLElement} */ (row.children[focused]).dataset.number;
  row.replaceChildren(...nodes);
  if (focused < 0) return;
  const next = row.querySelector(`[data-number="${number}"]`) ?? row.querySelectorAll("button")[Math.min(focused, row.querySelectorAll("button").length - 1)];
  if (next instanceof HTMLElement) next.focus({ preventScroll: true });
}
