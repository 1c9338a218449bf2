// @ts-check
/** Another network on the same photos: where both look, which photos each finds alike, and why. */
import { build, buildSvg } from "./build.js";
import { captionStrip, chooser, readout } from "./controls.js";
import { otherOf } from "./other_photo.js";
import { drawMatchLines, outlineMatches, paintShares, pairOf } from "./pair_picture.js";
import { cellAt, createStage, mapAtPixels, paintMap, paintSpotlight, photoPixels } from "./stage.js";
import { colourKey, mapOf, thresholdOf, valueInWords } from "./where.js";
import { asScore, asText, placeInWords } from "./wording.js";

/** So many photos of an order are shown on a narrow page; its style sheet leaves out the others. */
const MOST_ORDERED = 5;
/** Of a photo so much is lit where only the strongest places are shown. */
const STRONGEST_LIT = 0.2;

/** @type {import("./page.js").Section} */
export const BESIDE = {
  id: "beside", name: "Another network", title: "What does another network see?", lead: "", needs: (data) => Boolean(data.beside), render: renderBeside,
};

/** @param {{data: any, element: HTMLElement, store: any}} view */
function renderBeside({ data, element, store }) {
  const { beside } = data;
  const count = data.photos.length;
  element.append(build("p", { class: "lead" }, beside.lead), build("p", { class: "headline" }, beside.headline));
  // Of one photo the sentence below its maps says the same.
  if (count > 1) element.append(build("p", { class: "method-words" }, asText(beside.detail)));
  if (count > 1) renderGlance(data, element, store);
  renderBothMaps(data, element, store);
  if (count > 2) renderOrders(data, element, store);
  if (count > 1) renderBothPairs(data, element, store);
  const maps = beside.photos[0].maps;
  element.append(captionStrip([
    ["method", `${maps[0].title} (${maps[0].method}), asked of both`],
    ["real grids", `${maps.map((/** @type {any} */ map, /** @type {number} */ which) => `${map.grid[0]}\u00d7${map.grid[1]} (${beside.names[which]})`).join(", ")}, smoothed for display${Math.max(...maps.map((/** @type {any} */ map) => map.block)) > 1 ? `, carried as means over ${maps.map((/** @type {any} */ map) => `${map.block}\u00d7${map.block}`).join(" and ")} px` : ""}: a coarse grid cannot show small spots`],
    ...beside.names.map((/** @type {string} */ name, /** @type {number} */ which) => /** @type {[string, string]} */ ([name, beside.described[which].replaceAll("\n", " \u00b7 ")])),
    ["good to know", count > 1 ? "Every network has a scale of its own: compare the order of the photos, not the numbers of one network with those of the other." : "Every network has a scale of its own: compare places, not numbers."],
  ]));
}

/** The photo by the box of the network that looks at it. @param {any} data @param {number} index @param {number} which */
function photoByNetwork(data, index, which) {
  const photo = data.photos[index];
  return which === 0 ? photo : { ...photo, box: data.beside.photos[index].box };
}

/** All photos at a glance, a row for each network; one of them is chosen. @param {any} data @param {HTMLElement} element @param {any} store */
function renderGlance(data, element, store) {
  const { beside } = data;
  /** @type {{node: any, index: number}[]} */
  const choices = [];
  const rows = [0, 1].map((which) => build("div", { class: "glance-row" }, build("p", { class: "network" }, beside.names[which]),
    build("div", { class: "glance-maps", style: { "--photos": data.photos.length } }, data.photos.map((/** @type {any} */ photo, /** @type {number} */ index) => {
      const canvas = build("canvas", { class: "glance-map", "aria-hidden": "true" });
      const node = build("button", { type: "button", class: "glance-photo", "aria-label": `${photo.name} by ${beside.names[which]}`, on: { click: () => store.set({ photo: index }) } }, canvas);
      choices.push({ node, index });
      paintGlance(canvas, which, index);
      return node;
    }))));
  element.append(build("p", { class: "aside" }, "Lit, in its own colours: of what the network sees of every photo, the fifth that counts most."));
  element.append(build("div", { class: "glance", role: "group", "aria-label": "Where both look, in all photos" }, rows));

  /** @param {any} canvas @param {number} which @param {number} index */
  async function paintGlance(canvas, which, index) {
    const pixels = await photoPixels(data.photos[index]);
    const placed = mapAtPixels(mapOf(beside.photos[index].maps[which]), photoByNetwork(data, index, which).box, pixels.width, pixels.height, true);
    canvas.width = pixels.width;
    canvas.height = pixels.height;
    const context = canvas.getContext("2d");
    const target = context.createImageData(pixels.width, pixels.height);
    const least = thresholdOf(placed, STRONGEST_LIT);
    paintSpotlight(target, pixels, (at) => (placed[at] >= least ? 1 : 0), placed);
    context.putImageData(target, 0, 0);
  }

  store.follow((/** @type {any} */ state) => { for (const { node, index } of choices) node.setAttribute("aria-pressed", String(index === state.photo)); });
}

/** @param {any} data @param {HTMLElement} element @param {any} store */
function renderBothMaps(data, element, store) {
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
        if (shownAs === "lit") {
          const least = thresholdOf(placed, STRONGEST_LIT);
          paintSpotlight(target, pixels, (at) => (placed[at] >= least ? 1 : 0), placed);
        } else paintMap(target, pixels, placed, map.scale, { ramps: data.ramps, opacity: 0.85, contours: true });
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

/**
 * Which photos are most like this one? The others in the order of either network, every photo joined with itself.
 * @param {any} data @param {HTMLElement} element @param {any} store
 */
function renderOrders(data, element, store) {
  const { beside } = data;
  const tables = [data.table, beside.table];
  const count = data.photos.length;
  const rows = [0, 1].map((which) => build("ol", { class: "order", "aria-label": `the other photos, most alike first, by ${beside.names[which]}` }));
  const lines = buildSvg("svg", { class: "order-lines", "aria-hidden": "true" });
  const title = build("h3", { class: "question" });
  const sentence = build("p", { class: "finding" });
  const box = build("div", { class: "orders" },
    [0, 1].map((which) => build("div", { class: "order-row" }, build("p", { class: "order-name" }, build("b", {}, beside.names[which]), " finds most alike first", count > MOST_ORDERED + 1 ? build("span", { class: "order-cut" }, `; ${MOST_ORDERED} of ${count - 1} are shown`) : null), rows[which])), lines);
  element.append(title, sentence, box);
  new ResizeObserver(() => drawLines()).observe(box);

  function refresh() {
    const { photo, other } = store.get();
    const shown = otherOf(photo, other, data.photos.length);
    title.textContent = `Which photo is most like ${data.photos[photo].name}?`;
    sentence.textContent = beside.photos[photo].nearest;
    rows.forEach((row, which) => {
      const table = tables[which];
      const order = data.photos.map((/** @type {any} */ _, /** @type {number} */ index) => index).filter((/** @type {number} */ index) => index !== photo).sort((/** @type {number} */ a, /** @type {number} */ b) => table[photo][b] - table[photo][a]);
      const focused = row.contains(document.activeElement) ? Number(/** @type {HTMLElement} */ (document.activeElement).dataset.photo) : -1;
      row.replaceChildren(...order.map((/** @type {number} */ index, /** @type {number} */ place) => build("li", {}, build("button", {
        type: "button", class: "ranked", "data-photo": index, "aria-pressed": String(index === shown), "aria-label": `${place + 1}: ${data.photos[index].name}, ${asScore(table[photo][index])} alike`,
        on: { click: () => store.set({ other: index }) },
      }, build("img", { src: data.photos[index].thumbnail, alt: "" }), build("span", {}, asScore(table[photo][index]))))));
      if (focused >= 0) row.querySelector(`[data-photo="${focused}"]`)?.focus();
    });
    drawLines();
  }

  function drawLines() {
    const area = box.getBoundingClientRect();
    const shown = otherOf(store.get().photo, store.get().other, data.photos.length);
    lines.setAttribute("viewBox", `0 0 ${area.width} ${area.height}`);
    lines.replaceChildren(...[...rows[0].querySelectorAll(".ranked")].map((/** @type {any} */ from) => {
      const to = rows[1].querySelector(`[data-photo="${from.dataset.photo}"]`);
      if (!from.offsetWidth || !to?.offsetWidth) return ""; // a narrow page shows the first ones alone
      const [above, below] = [from, to].map((node) => node.getBoundingClientRect());
      const [x1, y1] = [above.left + above.width / 2 - area.left, above.bottom - area.top];
      const [x2, y2] = [below.left + below.width / 2 - area.left, below.top - area.top];
      const middle = (y1 + y2) / 2;
      return buildSvg("path", { class: Number(from.dataset.photo) === shown ? "order-line shown" : "order-line", d: `M ${x1} ${y1} C ${x1} ${middle}, ${x2} ${middle}, ${x2} ${y2}` });
    }));
  }

  store.follow((/** @type {any} */ state, /** @type {any} */ before) => { if (state.photo !== before.photo || state.other !== before.other) refresh(); });
}

/** So many matches, the strongest, can be told apart on small photos; “Why are these two alike?” shows all. */
const FEW = 3;

/** Why are two photos alike, to one network and to the other? @param {any} data @param {HTMLElement} element @param {any} store */
function renderBothPairs(data, element, store) {
  const { beside } = data;
  const title = build("h3", { class: "question" });
  const panels = [0, 1].map((which) => {
    const stages = [0, 1].map(() => createStage({ label: "", help: "" }));
    const lines = buildSvg("svg", { class: "match-lines", "aria-hidden": "true" });
    const duo = build("div", { class: "duo small" }, build("figure", {}, stages[0].node), build("figure", {}, stages[1].node), lines);
    const words = build("p", { class: "pair-words" });
    const score = build("p", { class: "pair-score" });
    const node = build("section", { class: "network-pair" }, build("h4", { class: "network" }, beside.names[which]), duo, score, words);
    new ResizeObserver(() => drawLines(which)).observe(duo);
    return { node, stages, lines, duo, words, score };
  });
  element.append(title, build("div", { class: "both" }, panels.map((panel) => panel.node)));

  /** @param {number} which @returns {any} the pair by one network, the current photo first */
  function pairBy(which) {
    const { photo, other } = store.get();
    const second = otherOf(photo, other, data.photos.length);
    const pair = pairOf((which === 0 ? data : beside).pairs, photo, second);
    return pair && { ...pair, matches: pair.matches.slice(0, FEW) };
  }

  /** @param {number} which */
  function matching(which) {
    const pair = pairBy(which);
    return { pair, photos: [photoByNetwork(data, pair.first, which), photoByNetwork(data, pair.second, which)], chosen: -1, colours: data.match_colours, inks: data.match_inks };
  }

  /** @param {number} which */
  function drawLines(which) { drawMatchLines(panels[which].lines, panels[which].duo, panels[which].stages, pairBy(which).rest_sentence ? null : matching(which)); }

  async function refresh() {
    const now = store.get();
    const second = otherOf(now.photo, now.other, data.photos.length);
    title.textContent = `How alike are ${data.photos[now.photo].name} and ${data.photos[second].name}, and why?`;
    panels.forEach((panel, which) => {
      const pair = pairBy(which);
      panel.score.replaceChildren(build("b", {}, asScore(pair.score)), " alike", pair.centred ? ", beyond what all photos share" : "");
      panel.score.dataset.value = String(pair.score);
      panel.words.textContent = asText(pair.sentence, pair.rest_sentence, pair.subject);
    });
    const pixels = await Promise.all([now.photo, second].map((index) => photoPixels(data.photos[index])));
    if (store.get().photo !== now.photo || store.get().other !== now.other) return;
    panels.forEach((panel, which) => {
      const { pair, photos } = matching(which);
      panel.stages.forEach((stage, side) => {
        stage.paint(pixels[side], (target) => {
          target.data.set(pixels[side].colour);
          // Where the matches make little of the score, the places do that make it.
          if (pair.rest_sentence) paintShares(target, pixels[side], photos[side].box, pair, side, data.ramps);
          else if (pair.matches.length) outlineMatches(target, pixels[side], photos[side].box, pair, side, -1, data.match_colours);
        });
        stage.describe(`${photos[side].alt}, with what ${beside.names[which]} finds alike in ${photos[1 - side].name} ${pair.rest_sentence ? "painted on it" : "outlined"}. ${pair.sentence}`);
      });
      drawLines(which);
    });
  }

  store.follow((/** @type {any} */ state, /** @type {any} */ before) => { if (state.photo !== before.photo || state.other !== before.other) refresh(); });
}
