// @ts-check
/** How does it see the whole collection? A map of all photos, the nearest of each, and what stands out. */
import { decodeArray } from "./arrays.js";
import { build } from "./build.js";
import { button, captionStrip, chooser, readout, wantsStillness } from "./controls.js";
import { openAtlas } from "./photo_atlas.js";
import { createGroupPanel } from "./photo_group.js";
import { createPhotoMap } from "./photo_map_stage.js";
import { asCount, asPercent, asScore, inWords } from "./wording.js";

/** @type {Record<string, {text: string, words: string}>} */
const ARRANGEMENTS = {
  shuffled: { text: "Shuffled", words: "In no order: so the photos were before the network had seen them." },
  neighbours: { text: "By likeness", words: "Photos with like codes lie side by side. Distances between far islands mean little." },
  grid: { text: "In rows", words: "The same order, with a place of its own for every photo, so that none covers another; there all are cut to one shape." },
  pca: { text: "Two directions", words: "The two directions along which the codes differ most, and nothing else." },
};

/** @type {import("./page.js").Section} */
export const COLLECTION = {
  id: "collection", name: "The whole collection", title: "How does it see the whole collection?", lead: "Every photo at its place among all the others: what the network finds alike lies together.",
  needs: (data) => Boolean(data.collection), render: renderCollection,
};

/**
 * @typedef {object} Selection whose nearest are shown
 * @property {string} name
 * @property {number} number of the collection, or -1
 * @property {string | null} photo an image's address, for a photo that is none of the collection
 * @property {number[]} neighbours
 * @property {number[]} scores
 */

/** @param {{data: any, element: HTMLElement, store: any, transport?: any}} view */
export async function renderCollection({ data, element, store, transport }) {
  const collection = data.collection;
  const names = collection.names;
  const atlas = await openAtlas(collection.atlas);
  const neighbours = decodeArray(collection.neighbours);
  const scores = decodeArray(collection.scores).values;
  const nearestCount = neighbours.shape[1];
  /** @type {Record<string, import("./photo_map_layout.js").Arrangement & {trustworthiness: number | null, shares: number[] | null}>} */
  const arrangements = { shuffled: { ...inNoOrder(atlas), trustworthiness: null, shares: null } };
  for (const map of collection.maps) {
    const positions = /** @type {Float32Array} */ (decodeArray(map.positions).values);
    arrangements[map.layout] = { positions: map.columns ? inCells(positions, map.columns) : positions, columns: map.columns, stretch: map.layout === "neighbours" ? 1.7 : 1, trustworthiness: map.trustworthiness, shares: map.shares };
  }
  let layout = "neighbours";
  /** @type {Selection | null} */
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
    build("p", { class: "finding" }, finding()),
    build("div", { class: "toolbar" }, layouts.node, groupButton, data.photos.length ? findPhoto : null), build("div", { class: "photo-map-head" }, words, zooms), map.node, read.node, panel.node, strip, standingOut(), caption,
  );

  /** @returns {any} */
  function finding() {
    const shown = names.length;
    const sentence = shown < collection.count ? `${asCount(shown)} of ${asCount(collection.count)} photos, drawn at random` : `${asCount(shown)} photos`;
    return [build("b", {}, sentence, "."), " Their codes alone decide where they lie: no name, no folder, no label was looked at."];
  }

  /** @param {number} number */
  function nearestOf(number) { return neighbours.values[number * nearestCount]; }

  /** @param {number} number @returns {Selection} */
  function ofCollection(number) {
    return {
      name: names[number], number, photo: null, neighbours: Array.from(neighbours.values.subarray(number * nearestCount, (number + 1) * nearestCount)),
      scores: Array.from(scores.subarray(number * nearestCount, (number + 1) * nearestCount)),
    };
  }

  /** @param {number} index a photo of this page @returns {Selection} */
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

  /** @param {Selection | null} next */
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

  /** A photo of the collection. @param {number} number @param {number} height */
  function picture(number, height) {
    const width = Math.round((height * atlas.shapes[2 * number]) / atlas.shapes[2 * number + 1]);
    const canvas = build("canvas", { width, height, role: "img", "aria-label": `the photo ${names[number]}` });
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    atlas.draw(context, number, 0, 0, width, height, 1);
    return canvas;
  }

  function drawStrip() {
    if (!selection) {
      strip.replaceChildren();
      return;
    }
    const { name, number, photo } = selection;
    const own = photo ? build("img", { src: photo, alt: `the photo ${name}` }) : picture(number, 150);
    const high = collection.typical[1];
    strip.replaceChildren(
      build("h3", {}, "The most alike to ", build("b", {}, name)),
      build("p", { class: "aside" }, `By all ${asCount(collection.numbers)} numbers of the code, not by the map: 1 is the same, ${asScore(collection.typical[0])} a typical pair, and 5\u00a0% of all pairs score over ${asScore(high)}.`),
      build("div", { class: "nearest-row" }, build("figure", { class: "nearest-own" }, own, build("figcaption", {}, "this one")),
        build("ol", {}, selection.neighbours.map((other, index) => build("li", {}, build("button", {
          type: "button", class: "nearest-photo", "aria-label": `${names[other]}, ${asScore(/** @type {Selection} */ (selection).scores[index])} alike; go on with it`,
          on: { click: () => { choose(ofCollection(other)); map.bringIntoView(other); } },
        }, picture(other, 104), build("span", {}, asScore(/** @type {Selection} */ (selection).scores[index]))))))),
    );
    strip.dataset.number = String(number);
  }

  function standingOut() {
    const odd = build("div", {}, build("h3", {}, "The odd ones out"),
      build("p", { class: "aside" }, "Least like even their nearest: the collection has little of the kind."),
      build("div", { class: "small-photos" }, collection.odd.map((/** @type {number} */ number) => small(number, () => choose(ofCollection(number))))));
    const threshold = inWords(collection.copies_from);
    const groups = collection.copy_groups;
    const copies = build("div", {}, build("h3", {}, "Copies"),
      build("p", { class: "aside" }, groups === 0 ? `No two photos score ${threshold} or more: none is a copy of another.`
        : `${asCount(groups)} ${groups === 1 ? "group" : "groups"} of photos that score ${threshold} or more with each other${groups > collection.copies.length ? `; the first ${collection.copies.length} are shown` : ""}.`),
      collection.copies.map((/** @type {number[]} */ group) => build("div", { class: "small-photos" }, group.slice(0, 6).map((number) => small(number, () => choose(ofCollection(number)))), group.length > 6 ? build("span", { class: "aside" }, `and ${group.length - 6} more`) : null)));
    return build("div", { class: "standing-out" }, odd, copies);
  }

  /** @param {number} number @param {() => void} onPress */
  function small(number, onPress) {
    return build("button", { type: "button", class: "nearest-photo", "aria-label": `${names[number]}; show its nearest`, on: { click: () => { onPress(); map.bringIntoView(number); map.frame.scrollIntoView({ block: "nearest" }); } } }, picture(number, 76));
  }

  /** @param {string} name @param {boolean} [atOnce] */
  function arrange(name, atOnce = false) {
    layout = name;
    layouts.show(name);
    map.arrange(arrangements[name], atOnce);
    const { trustworthiness, shares } = arrangements[name];
    words.textContent = `${ARRANGEMENTS[name].words}${shares ? ` They hold ${asPercent(shares[0] + shares[1])} of how the codes differ.` : ""}`;
    map.describe(`${names.length} photos. ${ARRANGEMENTS[name].words}`);
    element.dataset.layout = name;
    caption.replaceChildren(captionStrip([
      ["what is compared", `the codes (layer ${collection.layer}) by their cosine${collection.centring === "none" ? "" : `, less the mean code of ${collection.centring === "model" ? data.mean_of || "the photos that the model knows" : "this collection"}`}; ${!data.photos.length ? "the number that \u201csaccade search\u201d gives" : collection.centring === "collection" && !data.mean_of ? "\u201cWhy are these two alike?\u201d takes no mean off, so its scores are others" : "the same number as in \u201cWhy are these two alike?\u201d"}`],
      ["layout", { shuffled: "drawn at random", neighbours: "t-SNE of the strongest principal components", grid: "t-SNE, then each photo in the cell that moves all the least", pca: "principal components" }[name] ?? name],
      ["may the map be believed?", trustworthiness === null ? null : `${inWords(trustworthiness)} trustworthy: 1 if all that lie side by side are alike by the code too, 0.5 by chance (10 nearest)`],
      ["shown", `${asCount(names.length)} of ${asCount(collection.count)} photos${collection.skipped ? `; ${asCount(collection.skipped)} could not be read` : ""}`],
    ]));
  }

  // It is seen to sort them: from no order to likeness, once, when it comes into view.
  if (wantsStillness()) arrange(layout, true);
  else {
    arrange("shuffled", true);
    const observer = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      setTimeout(() => { if (layout === "shuffled") arrange("neighbours"); }, 700);
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
