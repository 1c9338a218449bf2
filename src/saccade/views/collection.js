// @ts-check
/** How does it see the whole collection? A map of all photos, the nearest of each, and what stands out. */
import { decodeArray } from "./arrays.js";
import { build } from "./build.js";
import { nearestRow, pictureMaker, standingOut } from "./collection_nearest.js";
import { ARRANGEMENTS, arrangementInWords, collectionCaption, countInWords } from "./collection_words.js";
import { button, chooser, readout, wantsStillness } from "./controls.js";
import { openAtlas } from "./photo_atlas.js";
import { createGroupPanel } from "./photo_group.js";
import { createPhotoMap } from "./photo_map_stage.js";
import { asCount, asScore } from "./wording.js";

/** Milliseconds until the photos that came into view are sorted. */
const SORT_PAUSE = 700;

/** @type {import("./page.js").Section} */
export const COLLECTION = {
  id: "collection", name: "The whole collection", title: "How does it see the whole collection?", lead: "Every photo at its place among all the others: what the network finds alike lies together.",
  needs: (data) => Boolean(data.collection), render: renderCollection,
};

/** @param {{data: any, element: HTMLElement, store: any, transport?: any}} view */
export async function renderCollection({ data, element, store, transport }) {
  const collection = data.collection;
  const names = collection.names;
  const atlas = await openAtlas(collection.atlas);
  const picture = pictureMaker(atlas, names);
  const neighbours = decodeArray(collection.neighbours);
  const scores = decodeArray(collection.scores).values;
  const nearestCount = neighbours.shape[1];
  const arrangements = arrangementsOf(collection, atlas);
  let layout = "neighbours";
  /** @type {import("./collection_nearest.js").Selection | null} */
  let selection = null;
  /** Are photos being put together, and which? */
  let isGathering = false;
  /** @type {number[]} */
  let group = [];

  const read = readout();
  const words = build("p", { class: "aside" });
  const caption = build("div");
  const strip = build("div", { class: "nearest" });
  const map = createPhotoMap({
    atlas, label: "", help: "Arrow keys go from photo to photo, Enter shows the nearest of one or, while a group is chosen, adds it or takes it out; plus and minus zoom, 0 shows the whole map, Escape lets go.",
    onTouch: (number) => { read.say(build("b", {}, names[number]), `: its nearest is ${names[nearestOf(number)]}, ${asScore(scores[number * nearestCount])} alike.`); read.node.dataset.number = String(number); },
    onLeave: () => rest(),
    onChoose: (number) => {
      if (isGathering) gather(number < 0 ? [] : group.includes(number) ? group.filter((one) => one !== number) : [...group, number]);
      else choose(number < 0 ? null : ofCollection(number));
    },
    onGather: (numbers) => { if (!isGathering) startGathering(); gather([...new Set([...group, ...numbers])]); },
    cardOf,
  });
  const layouts = chooser({
    label: "How the photos are laid out", value: layout,
    choices: Object.entries(ARRANGEMENTS).filter(([name]) => name in arrangements).map(([name, { text }]) => ({ value: name, text })),
    onChange: (value) => arrange(value),
  });
  const zooms = build("div", { class: "photo-map-zooms" },
    button("+", () => map.zoomBy(1.6), { "aria-label": "nearer" }), button("\u2212", () => map.zoomBy(1 / 1.6), { "aria-label": "further away" }), button("All", () => map.home(), { "aria-label": "the whole map" }));

  const groupButton = button("Choose a group", () => { if (isGathering) { gather([]); stopGathering(); } else startGathering(); });
  const panel = createGroupPanel({ data, atlas, picture, nearest: { values: neighbours.values, count: nearestCount }, change: (numbers) => gather(numbers), ask: transport?.group ?? null });
  const findPhoto = button("", () => choose(ofPage(store.get().photo)), { class: "button find-photo" });
  element.append(
    build("p", { class: "finding" }, build("b", {}, countInWords(collection), "."), " Their codes alone decide where they lie: no name, no folder, no label was looked at."),
    build("div", { class: "toolbar" }, layouts.node, groupButton, data.photos.length ? findPhoto : null), build("div", { class: "photo-map-head" }, words, zooms), map.node, read.node, panel.node, strip,
    standingOut(collection, picture, (number) => { choose(ofCollection(number)); map.bringIntoView(number); map.frame.scrollIntoView({ block: "nearest" }); }), caption,
  );

  /** @param {number} number */
  function nearestOf(number) { return neighbours.values[number * nearestCount]; }

  /** @param {number} number @returns {import("./collection_nearest.js").Selection} */
  function ofCollection(number) {
    return {
      name: names[number], number, photo: null, neighbours: Array.from(neighbours.values.subarray(number * nearestCount, (number + 1) * nearestCount)),
      scores: Array.from(scores.subarray(number * nearestCount, (number + 1) * nearestCount)),
    };
  }

  /** @param {number} index a photo of this page @returns {import("./collection_nearest.js").Selection} */
  function ofPage(index) {
    const query = collection.queries[index];
    return { name: data.photos[index].name, number: query.own ?? -1, photo: data.photos[index].thumbnail, neighbours: query.neighbours, scores: query.scores };
  }

  function startGathering() {
    choose(null);
    isGathering = true;
    map.gather(true);
    groupButton.textContent = "Let the group go";
    rest();
  }

  function stopGathering() {
    isGathering = false;
    map.gather(false);
    groupButton.textContent = "Choose a group";
    rest();
  }

  /** @param {number[]} numbers */
  function gather(numbers) {
    group = numbers;
    element.dataset.group = group.join(" ");
    map.show(-1, group);
    panel.show(group);
    rest();
  }

  /** @param {import("./collection_nearest.js").Selection | null} next */
  function choose(next) {
    if (isGathering) { gather([]); stopGathering(); }
    selection = next;
    store.set({ near: next && !next.photo ? next.number : -1 });
    map.show(next ? next.number : -1, next ? next.neighbours : []);
    drawStrip();
    rest();
  }

  function rest() {
    delete read.node.dataset.number;
    if (isGathering) read.say(group.length ? `${asCount(group.length)} ${group.length === 1 ? "photo" : "photos"} chosen: draw around more, or click one to add it or take it out.` : "Draw a line around photos that belong together, or click them one by one.");
    else read.say(selection ? `${selection.name}: its nearest are lit.` : "Point at a photo; click it to see its nearest.");
  }

  /** @param {number} number */
  function cardOf(number) {
    const card = document.createDocumentFragment();
    card.append(picture(number, 140), build("span", { class: "card-name" }, names[number]), build("span", { class: "card-score" }, `nearest: ${asScore(scores[number * nearestCount])} alike`));
    return card;
  }

  function drawStrip() {
    strip.replaceChildren(...(selection ? nearestRow(collection, selection, picture, (other) => { choose(ofCollection(other)); map.bringIntoView(other); }) : []));
    if (selection) strip.dataset.number = String(selection.number);
  }

  /** @param {string} name @param {boolean} [atOnce] */
  function arrange(name, atOnce = false) {
    layout = name;
    layouts.show(name);
    map.arrange(arrangements[name], atOnce);
    const { trustworthiness, shares } = arrangements[name];
    words.textContent = arrangementInWords(name, shares);
    map.describe(`${names.length} photos. ${ARRANGEMENTS[name].words}`);
    element.dataset.layout = name;
    caption.replaceChildren(collectionCaption(data, name, trustworthiness));
  }

  // It is seen to sort them: from no order to likeness, once, when it comes into view.
  if (wantsStillness()) arrange(layout, true);
  else {
    arrange("shuffled", true);
    const observer = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      setTimeout(() => { if (layout === "shuffled") arrange("neighbours"); }, SORT_PAUSE);
    }, { threshold: 0.5 });
    observer.observe(map.frame);
  }
  rest();
  store.follow((/** @type {any} */ state, /** @type {any} */ before) => {
    if (data.photos.length) findPhoto.textContent = `Find ${data.photos[state.photo].name} here`;
    if (state.photo !== before.photo && selection?.photo) choose(ofPage(state.photo));
    else if (state.near !== before.near && state.near >= 0 && selection?.number !== state.near) choose(ofCollection(state.near));
  });
}

/**
 * @param {any} collection as the page carries it @param {import("./photo_atlas.js").Atlas} atlas
 * @returns {Record<string, import("./photo_map_layout.js").Arrangement & {trustworthiness: number | null, shares: number[] | null}>} by name
 */
function arrangementsOf(collection, atlas) {
  const maps = collection.maps.map((/** @type {any} */ map) => {
    const positions = /** @type {Float32Array} */ (decodeArray(map.positions).values);
    return [map.layout, { positions: map.columns ? inCells(positions, map.columns) : positions, columns: map.columns, stretch: map.layout === "neighbours" ? 1.7 : 1, trustworthiness: map.trustworthiness, shares: map.shares }];
  });
  return { shuffled: { ...inNoOrder(atlas), trustworthiness: null, shares: null }, ...Object.fromEntries(maps) };
}

/** @param {import("./photo_atlas.js").Atlas} atlas @returns {import("./photo_map_layout.js").Arrangement} a grid in an order that says nothing */
function inNoOrder(atlas) {
  const columns = Math.max(1, Math.round(Math.sqrt((atlas.count * 1.6) / atlas.ratio)));
  const cells = Array.from({ length: atlas.count }, (_, index) => index);
  let state = 7;
  for (let index = cells.length - 1; index > 0; index -= 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const other = Math.floor((state / 2 ** 32) * (index + 1));
    [cells[index], cells[other]] = [cells[other], cells[index]];
  }
  const positions = new Float32Array(2 * atlas.count);
  cells.forEach((cell, number) => { positions[2 * number] = cell % columns; positions[2 * number + 1] = Math.floor(cell / columns); });
  return { positions, columns };
}

/** Places of a grid, of which the longer side runs from 0 to 1, as columns and rows. @param {Float32Array} positions @param {number} columns @returns {Float32Array} */
function inCells(positions, columns) {
  const rows = Math.ceil(positions.length / 2 / columns);
  return positions.map((value) => Math.round(value * Math.max(columns - 1, rows - 1, 1)));
}
