// @ts-check
/** Why are these two alike? Both photos, the matches that make up the score joined by lines, and a bar that adds up to it. */
import { build, buildSvg } from "./build.js";
import { captionStrip, chooser, readout } from "./controls.js";
import { drawMatchLines, gridKey, outlineMatches, paintShares, pairOf, sharesOf } from "./pair_picture.js";
import { cellAt, cellInWords, createStage, photoPixels } from "./stage.js";
import { colourKey } from "./where.js";
import { asPercent, asScore, asText, inWords, withSign } from "./wording.js";

/** The rest of a bar is drawn broken where it would take more of it than this. */
const MOST_OF_BAR = 0.4;
/** The numbers of the pieces that are no match. */
const REST = -1;
const SPECIAL = -2;

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
    typical.replaceChildren(ruler(pair));
    bar.replaceChildren(sumBar(pair));
    caption.replaceChildren(captionStrip([
      ["what is compared", `the code of both photos (${data.code.layer}), by its cosine${pair.centred ? `, less the mean code of ${pair.mean_of}` : ""}`],
      ["the split", splitInWords(pair)],
      ["unit", "what a place adds to the similarity"], ["real grid", pair.places ? `${pair[gridKey(pair, 0)].join("\u00d7")}${pair.matching === "place" ? "" : ` by ${pair[gridKey(pair, 1)].join("\u00d7")}`}, smoothed for display` : ""], ["good to know", pair.notes.join(" \u00b7 ")],
    ]));
    draw();
  }

  async function draw() {
    const pair = pairNow();
    const photos = [data.photos[pair.first], data.photos[pair.second]];
    const pixels = await Promise.all(photos.map(photoPixels));
    if (pairNow().first !== pair.first || pairNow().second !== pair.second) return;
    key.replaceChildren();
    photos.forEach((photo, which) => {
      stages[which].paint(pixels[which], (target) => {
        if (shownAs === "shares" && pair.places) paintShares(target, pixels[which], photo.box, pair, which, data.ramps);
        else {
          target.data.set(pixels[which].colour);
          if (shownAs === "matches" && pair.matches.length) outlineMatches(target, pixels[which], photo.box, pair, which, chosen, colours);
        }
      });
      stages[which].describe(`${photo.alt}. ${pair.sentence}`);
    });
    if (shownAs === "shares" && pair.places) {
      const shares = sharesOf(pair, 0);
      key.replaceChildren(colourKey(data, { scale: shares.scale, unit: "what this place adds to the similarity", is_share: false }));
    }
    drawLines();
    rest();
  }

  function drawLines() {
    const pair = pairNow();
    drawMatchLines(lines, duo, stages, pair && (shownAs === "matches" || chosen >= 0) ? { pair, photos: [data.photos[pair.first], data.photos[pair.second]], chosen, colours, inks: data.match_inks } : null);
  }

  /** @param {any} pair */
  function sumBar(pair) {
    const parts = [
      ...pair.matches.map((/** @type {any} */ match, /** @type {number} */ index) => ({ name: `match ${index + 1}`, value: match.share, colour: colours[index % colours.length], ink: data.match_inks[index % colours.length], index })),
      ...pair.special === 0 ? [] : [{ name: pair.special_name, value: pair.special, colour: "var(--muted)", ink: "var(--paper)", index: SPECIAL }],
      { name: "everything else", value: pair.rest, colour: "var(--muted)", ink: "var(--paper)", index: REST },
    ];
    const reach = parts.reduce((sum, part) => sum + Math.abs(part.value), 0) || 1;
    const named = reach - Math.abs(pair.rest);
    // A long rest would squeeze what has a name to nothing: it is drawn broken, and its true length is said.
    const isBroken = named > 0 && Math.abs(pair.rest) > MOST_OF_BAR * reach;
    /** @param {any} one */
    const lengthOf = (one) => (isBroken && one.index === REST ? (named * MOST_OF_BAR) / (1 - MOST_OF_BAR) : Math.abs(one.value)) / reach;
    const lowered = parts.filter((part) => part.value < 0);
    const raised = parts.filter((part) => part.value >= 0);
    /** @param {any} part */
    const piece = (part) => build("button", {
      type: "button", class: `sum-part${part.value < 0 ? " lowered" : ""}${isBroken && part.index === REST ? " broken" : ""}`, style: { "--part": part.colour, "--part-ink": part.ink, "flex-grow": lengthOf(part) / Math.min(...parts.map(lengthOf).filter(Boolean), 1) }, "aria-label": `${part.name} ${part.value < 0 ? "lowered" : "raised"} the similarity by ${inWords(Math.abs(part.value))}`,
      on: { mouseenter: () => choose(part), focus: () => choose(part), mouseleave: () => choose(null), blur: () => choose(null) },
    }, build("b", { class: part.index >= 0 ? null : "word" }, part.index >= 0 ? String(part.index + 1) : part.index === SPECIAL ? part.name : "rest"));
    /** @param {any[]} some */
    const listed = (some) => some.map((part) => `${withSign(part.value)} ${part.name}`).join("  ");
    const text = lowered.length && raised.length ? `raised it: ${listed(raised)};  lowered it, striped: ${listed(lowered)};  together` : `${listed(parts)} =`;
    return build("div", {},
      build("div", { class: "sum-parts" }, lowered.map(piece), lowered.length ? build("span", { class: "sum-zero", "aria-hidden": "true" }) : null, raised.map(piece)),
      build("p", { class: "sum-text" }, `${text} `, build("b", {}, asScore(pair.score))),
      isBroken ? build("p", { class: "sum-text" }, `The rest is drawn broken off: in truth it is ${inWords(Math.abs(pair.rest) / named)} times as long as all other parts together, spread over every other place.`) : null);
  }

  /** @param {any} part */
  function choose(part) {
    chosen = part ? part.index : -1;
    if (part) {
      const pair = pairNow();
      read.say(build("b", {}, `${part.name}: ${withSign(part.value)}`), ` of ${asScore(pair.score)} (${asPercent(part.value / pair.score)} of the score)`);
    } else rest();
    if (shownAs === "matches" || chosen >= 0) repaint();
    else draw();
  }

  async function repaint() {
    const pair = pairNow();
    const photos = [data.photos[pair.first], data.photos[pair.second]];
    const pixels = await Promise.all(photos.map(photoPixels));
    photos.forEach((photo, which) => stages[which].paint(pixels[which], (target) => { target.data.set(pixels[which].colour); outlineMatches(target, pixels[which], photo.box, pair, which, chosen, colours); }));
    drawLines();
  }

  /** @param {number} which @param {number} across @param {number} down */
  function touch(which, across, down) {
    const pair = pairNow();
    if (!pair.places) return;
    const photos = [data.photos[pair.first], data.photos[pair.second]];
    const shares = sharesOf(pair, which);
    const cell = cellAt(photos[which].box, shares.rows, shares.columns, across, down);
    if (!cell) return;
    const value = shares.values[cell[0] * shares.columns + cell[1]];
    const where = cellInWords(photos[which].box, shares.rows, shares.columns, cell[0], cell[1]);
    read.say(build("b", {}, withSign(value)), ` of ${asScore(pair.score)}: ${where} of ${photos[which].name}${pair.matching === "place" ? " with the same place of the other" : " with all of the other"}`);
    read.node.dataset.value = String(value);
  }

  function rest() {
    read.say("Point at a place, or at a part of the bar.");
    delete read.node.dataset.value;
  }

  /** @param {any} pair */
  function ruler(pair) {
    if (!pair.typical) return build("p", { class: "aside" }, pair.awaiting ?? "What a typical pair scores is not known here; “saccade report --reference FOLDER” tells, by the photos of a folder.");
    const [median, high] = pair.typical.scores;
    const low = Math.min(-0.2, pair.score, median);
    /** @param {number} value */
    const at = (value) => `${(100 * (value - low)) / (1 - low)}%`;
    return build("div", { class: "ruler" },
      build("div", { class: "ruler-line", "aria-hidden": "true" },
        build("span", { class: "ruler-band", style: { left: at(median), right: `calc(100% - ${at(high)})` } }), build("span", { class: "ruler-mark", style: { left: at(pair.score) } })),
      build("p", { class: "aside" }, asText(pair.typical.sentence)));
  }

  store.follow((/** @type {any} */ state, /** @type {any} */ before) => { if (state.photo !== before.photo || state.other !== before.other) refresh(); });
}

/** @param {any} pair @returns {string} how its score was split */
function splitInWords(pair) {
  if (pair.split !== "exact") return "estimated by covering";
  if (pair.special === 0) return "exact: all places together make the score";
  return `exact: all places together make ${inWords(pair.score - pair.special)}; the rest of the score is ${pair.special_name}`;
}

/**
 * The other photos to choose from, with the label before them.
 * @param {string} label @param {any[]} photos @param {number} current @param {number} shown the one that is chosen @param {(index: number) => void} onChoose
 * @returns {HTMLElement[]}
 */
export function thumbnailsOfOthers(label, photos, current, shown, onChoose) {
  const thumbnails = photos.map((photo, index) => build("button", {
    type: "button", class: "thumb", "aria-pressed": String(index === shown), "aria-label": photo.name, on: { click: () => onChoose(index) },
  }, build("img", { src: photo.thumbnail, alt: "" })));
  return [build("span", { class: "picker-label" }, label), ...thumbnails.filter((_, index) => index !== current)];
}

/** @param {number} photo @param {number} other @param {number} count @returns {number} a photo that is not the first one */
export function otherOf(photo, other, count) {
  return other === photo || other < 0 || other >= count ? (photo + 1) % count : other;
}
