// @ts-check
/** Why are two photos alike, to each of two networks? */
import { photoByNetwork } from "./beside_photos.js";
import { build, buildSvg } from "./build.js";
import { otherOf } from "./other_photo.js";
import { drawMatchLines, outlineMatches, paintShares, pairOf } from "./pair_picture.js";
import { createStage, photoPixels } from "./stage.js";
import { asScore, asText } from "./wording.js";

/** So many matches, the strongest, can be told apart on small photos; “Why are these two alike?” shows all. */
const FEW = 3;

/** Why are two photos alike, to one network and to the other? @param {any} data @param {HTMLElement} element @param {any} store */
export function renderBothPairs(data, element, store) {
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
