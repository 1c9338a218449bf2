// @ts-check
/** Where the score of a pair lies among typical scores, or how to learn what is typical. */
import { build } from "./build.js";
import { asText } from "./wording.js";

/** @param {any} pair */
export function typicalRuler(pair) {
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
