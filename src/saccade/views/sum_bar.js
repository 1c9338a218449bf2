// @ts-check
/** A bar of the parts that make up the score of a pair. */
import { build } from "./build.js";
import { asScore, inWords, withSign } from "./wording.js";

/** The rest of a bar is drawn broken where it would take more of it than this. */
const MOST_OF_BAR = 0.4;
/** The numbers of the parts that are no match. */
const REST = -1;
const SPECIAL = -2;

/** @typedef {{name: string, value: number, colour: string, ink: string, index: number}} Part what it adds; matches count from 0 */

/**
 * @param {any} pair
 * @param {{match_colours: string[], match_inks: string[]}} palette
 * @param {(part: Part | null) => void} onChoose gets the part that is pointed at, and null when none is any more
 */
export function sumBar(pair, palette, onChoose) {
  const parts = partsOf(pair, palette);
  const reach = parts.reduce((sum, part) => sum + Math.abs(part.value), 0) || 1;
  const named = reach - Math.abs(pair.rest);
  // A long rest would squeeze what has a name to nothing: it is drawn broken, and its true length is said.
  const isBroken = named > 0 && Math.abs(pair.rest) > MOST_OF_BAR * reach;
  /** @param {Part} part */
  const lengthOf = (part) => (isBroken && part.index === REST ? (named * MOST_OF_BAR) / (1 - MOST_OF_BAR) : Math.abs(part.value)) / reach;
  const shortest = Math.min(...parts.map(lengthOf).filter(Boolean), 1);
  /** @param {Part} part */
  const piece = (part) => build("button", {
    type: "button",
    class: `sum-part${part.value < 0 ? " lowered" : ""}${isBroken && part.index === REST ? " broken" : ""}`,
    style: { "--part": part.colour, "--part-ink": part.ink, "flex-grow": lengthOf(part) / shortest },
    "aria-label": `${part.name} ${part.value < 0 ? "lowered" : "raised"} the similarity by ${inWords(Math.abs(part.value))}`,
    on: { mouseenter: () => onChoose(part), focus: () => onChoose(part), mouseleave: () => onChoose(null), blur: () => onChoose(null) },
  }, build("b", { class: part.index >= 0 ? null : "word" }, part.index >= 0 ? String(part.index + 1) : part.index === SPECIAL ? part.name : "rest"));
  const lowered = parts.filter((part) => part.value < 0);
  const raised = parts.filter((part) => part.value >= 0);
  return build("div", {},
    build("div", { class: "sum-parts" }, lowered.map(piece), lowered.length ? build("span", { class: "sum-zero", "aria-hidden": "true" }) : null, raised.map(piece)),
    build("p", { class: "sum-text" }, `${sumInWords(parts, lowered, raised)} `, build("b", {}, asScore(pair.score))),
    isBroken ? build("p", { class: "sum-text" }, `The rest is drawn broken off: in truth it is ${inWords(Math.abs(pair.rest) / named)} times as long as all other parts together, spread over every other place.`) : null);
}

/** @param {any} pair @param {{match_colours: string[], match_inks: string[]}} palette @returns {Part[]} */
function partsOf(pair, { match_colours: colours, match_inks: inks }) {
  const plain = { colour: "var(--muted)", ink: "var(--paper)" };
  return [
    ...pair.matches.map((/** @type {any} */ match, /** @type {number} */ index) => ({ name: `match ${index + 1}`, value: match.share, colour: colours[index % colours.length], ink: inks[index % colours.length], index })),
    ...pair.special === 0 ? [] : [{ name: pair.special_name, value: pair.special, ...plain, index: SPECIAL }],
    { name: "everything else", value: pair.rest, ...plain, index: REST },
  ];
}

/** @param {Part[]} parts @param {Part[]} lowered @param {Part[]} raised @returns {string} what stands before the score that the parts make */
function sumInWords(parts, lowered, raised) {
  /** @param {Part[]} some */
  const listed = (some) => some.map((part) => `${withSign(part.value)} ${part.name}`).join("  ");
  return lowered.length && raised.length ? `raised it: ${listed(raised)};  lowered it, striped: ${listed(lowered)};  together` : `${listed(parts)} =`;
}
