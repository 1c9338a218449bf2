// @ts-check
/** Why are these two alike? Both photos, the matches that make up the score joined by lines, and a bar that adds up to it. */
import { build, buildSvg } from "./build.js";
import { captionStrip, chooser, readout } from "./controls.js";
import { otherOf, thumbnailsOfOthers } from "./other_photo.js";
import { drawMatchLines, gridKey, outlineMatches, paintShares, pairOf, sharesOf } from "./pair_picture.js";
import { cellAt, cellInWords, createStage, photoPixels } from "./stage.js";
import { sumBar } from "./sum_bar.js";
import { typicalRuler } from "./typical_ruler.js";
import { colourKey } from "./where.js";
import { asPercent, asScore, asText, inWords, withSign } from "./wording.js";

/** @param {{data: any, element: HTMLElement, store: any}} view */
export function renderAlike({ data, element, store }) {
  /** @type {string[]} distinct with and without colour vision; every match has its number too */
  const colours = data.match_colours;
  /** @type {"matches" | "shares" | "photos"} */
  let shownAs = "matches";
  /** Did the reader choose that? Until then matches are shown where they make much of the score, and else every place. */
  let isChosen = false;
  let chosen = -1;
  const picker = build("div", { class: "picker", role: "group", "aria-label": "the other photo" });
  const stages = [0, 1].map((which) => createStage({
    label: "", help: "Move the pointer or press the arrow keys to see what each place adds to the similarity.",
    onPlace: (across, down) => touch(which, across, down), onLeave: () => rest(), step: () => [0.1, 0.1],
  }));
  const lines = buildSvg("svg", { class: "match-lines", "aria-hidden": "true" });
  const score = build("p", { class: "score" });
  const finding = build("p", { class: "finding" });
  const typical = build("div");
  const bar = build("div", { class: "sum-bar" });
  const key = build("div");
  const caption = build("div");
  const read = readout();
  const views = chooser({
    label: "What is shown on the photos", value: shownAs,
    choices: [{ value: "matches", text: "What matches" }, { value: "shares", text: "What every place adds" }, { value: "photos", text: "Just the photos" }],
    onChange: (value) => { shownAs = value; isChosen = true; draw(); },
  });
  const duo = build("div", { class: "duo" }, build("figure", {}, stages[0].node), build("figure", {}, stages[1].node), lines);
  element.append(
    picker, build("div", { class: "score-row" }, score, build("div", {}, finding, typical)), duo, read.node,
    build("div", { class: "toolbar" }, views.node), bar, key, caption,
  );
  new ResizeObserver(() => drawLines()).observe(duo);

  /** @returns {any} the pair as it is shown, the current photo first */
  function pairNow() {
    const { photo, other } = store.get();
    const second = otherOf(photo, other, data.photos.length);
    return pairOf(data.pairs, photo, second);
  }

  /** @param {any} pair @returns {any[]} */
  const photosOf = (pair) => [data.photos[pair.first], data.photos[pair.second]];

  function refresh() {
    const pair = pairNow();
    const current = store.get().photo;
    const second = otherOf(current, store.get().other, data.photos.length);
    picker.replaceChildren(...thumbnailsOfOthers("Compare with", data.photos, current, second, (index) => store.set({ other: index })));
    chosen = -1;
    score.replaceChildren(build("span", { class: "score-number" }, asScore(pair.score)), build("span", { class: "score-words" }, pair.centred ? "alike, beyond what all photos share" : "alike"));
    score.dataset.value = String(pair.score);
    finding.textContent = asText(pair.sentence, pair.rest_sentence, pair.subject);
    if (!isChosen) {
      shownAs = pair.rest_sentence ? "shares" : "matches";
      views.show(shownAs);
    }
    typical.replaceChildren(typicalRuler(pair));
    bar.replaceChildren(sumBar(pair, data, choose));
    caption.replaceChildren(captionStrip([
      ["what is compared", `the code of both photos (${data.code.layer}), by its cosine${pair.centred ? `, less the mean code of ${pair.mean_of}` : ""}`],
      ["the split", splitInWords(pair)],
      ["unit", "what a place adds to the similarity"], ["real grid", pair.places ? `${pair[gridKey(pair, 0)].join("\u00d7")}${pair.matching === "place" ? "" : ` by ${pair[gridKey(pair, 1)].join("\u00d7")}`}, smoothed for display` : ""], ["good to know", pair.notes.join(" \u00b7 ")],
    ]));
    draw();
  }

  function draw() {
    const pair = pairNow();
    key.replaceChildren();
    if (shownAs === "shares" && pair.places) {
      key.append(colourKey(data, { scale: sharesOf(pair, 0).scale, unit: "what this place adds to the similarity", is_share: false }));
    }
    photosOf(pair).forEach((photo, which) => stages[which].describe(`${photo.alt}. ${pair.sentence}`));
    rest();
    paint();
  }

  async function paint() {
    const pair = pairNow();
    const photos = photosOf(pair);
    const pixels = await Promise.all(photos.map(photoPixels));
    if (pairNow().first !== pair.first || pairNow().second !== pair.second) return;
    photos.forEach((photo, which) => stages[which].paint(pixels[which], (target) => {
      if (shownAs === "shares" && chosen < 0 && pair.places) {
        paintShares(target, pixels[which], photo.box, pair, which, data.ramps);
        return;
      }
      target.data.set(pixels[which].colour);
      if (showsMatches() && pair.matches.length) outlineMatches(target, pixels[which], photo.box, pair, which, chosen, colours);
    }));
    drawLines();
  }

  /** A match that is pointed at in the bar is shown whatever else the reader chose. */
  const showsMatches = () => shownAs === "matches" || chosen >= 0;

  function drawLines() {
    const pair = pairNow();
    drawMatchLines(lines, duo, stages, pair && showsMatches() ? { pair, photos: photosOf(pair), chosen, colours, inks: data.match_inks } : null);
  }

  /** @param {import("./sum_bar.js").Part | null} part of the bar that is pointed at */
  function choose(part) {
    chosen = part ? part.index : -1;
    if (part) {
      const pair = pairNow();
      read.say(build("b", {}, `${part.name}: ${withSign(part.value)}`), ` of ${asScore(pair.score)} (${asPercent(part.value / pair.score)} of the score)`);
    } else rest();
    paint();
  }

  /** @param {number} which @param {number} across @param {number} down */
  function touch(which, across, down) {
    const pair = pairNow();
    if (!pair.places) return;
    const photo = photosOf(pair)[which];
    const shares = sharesOf(pair, which);
    const cell = cellAt(photo.box, shares.rows, shares.columns, across, down);
    if (!cell) return;
    const value = shares.values[cell[0] * shares.columns + cell[1]];
    const where = cellInWords(photo.box, shares.rows, shares.columns, cell[0], cell[1]);
    read.say(build("b", {}, withSign(value)), ` of ${asScore(pair.score)}: ${where} of ${photo.name}${pair.matching === "place" ? " with the same place of the other" : " with all of the other"}`);
    read.node.dataset.value = String(value);
  }

  function rest() {
    read.say("Point at a place, or at a part of the bar.");
    delete read.node.dataset.value;
  }

  store.follow((/** @type {any} */ state, /** @type {any} */ before) => { if (state.photo !== before.photo || state.other !== before.other) refresh(); });
}

/** @param {any} pair @returns {string} how its score was split */
function splitInWords(pair) {
  if (pair.split !== "exact") return "estimated by covering";
  if (pair.special === 0) return "exact: all places together make the score";
  return `exact: all places together make ${inWords(pair.score - pair.special)}; the rest of the score is ${pair.special_name}`;
}
