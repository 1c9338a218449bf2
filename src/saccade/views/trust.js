// @ts-check
/** Can I believe this map? Beside it the maps of those who know nothing, and what happens when it is taken at its word. */
import { build, buildSvg } from "./build.js";
import { captionStrip } from "./controls.js";
import { colourKey, mapOf } from "./where.js";
import { createStage, mapAtPixels, paintMap, photoPixels } from "./stage.js";
import { asText, inWords } from "./wording.js";

/** @param {{data: any, element: HTMLElement, store: any}} view */
export function renderTrust({ data, element, store }) {
  const row = build("div", { class: "trio" });
  const key = build("div");
  const verdict = build("p", { class: "finding" });
  const meaning = build("p", { class: "aside" });
  const chart = build("div", { class: "curves" });
  const caption = build("div");
  element.append(verdict, meaning, row, key, chart, caption);

  async function refresh() {
    const index = store.get().photo;
    const photo = data.photos[index];
    const { trust } = photo;
    const map = photo.maps[0];
    const pixels = await photoPixels(photo);
    if (store.get().photo !== index) return;
    const scale = trust.untrained ? trust.untrained.scale : map.scale;
    const likenessWords = (/** @type {number} */ value) => `rank correlation ${value.toFixed(2).replace("-", "\u2212")}`;
    const panels = [
      { title: "This network", note: map.title, map: { ...map, scale } },
      trust.untrained && { title: "Never trained", note: `${trust.untrained.networks} networks of the same shape, ${likenessWords(trust.untrained.likeness)}`, map: { values: trust.untrained.values, scale } },
      { title: "No network at all", note: `an edge detector, ${likenessWords(trust.edges.likeness)}; up to its own largest value`, map: trust.edges },
    ].filter(Boolean);
    row.replaceChildren(...panels.map((/** @type {any} */ panel) => {
      const stage = createStage({ label: `${photo.alt}: ${panel.title}, ${panel.note}`, help: "" });
      const grid = mapOf(panel.map);
      const placed = mapAtPixels(grid, photo.box, pixels.width, pixels.height, true);
      stage.paint(pixels, (target) => paintMap(target, pixels, placed, panel.map.scale, { ramps: data.ramps, opacity: 0.85, contours: true }));
      return build("figure", {}, stage.node, build("figcaption", {}, build("b", {}, panel.title), build("br"), panel.note));
    }));
    key.replaceChildren(colourKey(data, { ...map, scale }));
    verdict.textContent = asText(trust.sentence);
    meaning.textContent = asText(trust.meaning);
    chart.replaceChildren(curveChart(trust.curves, trust.steps));
    caption.replaceChildren(captionStrip([
      ["test", `deletion and insertion, ${trust.steps} steps, under the photo's own blur`],
      ["similarity", trust.mean_of ? `cosine of the codes, less the mean code of ${trust.mean_of}` : "cosine of the codes as they are; codes of positive numbers stay alike whatever they show"],
      ["score", Object.entries(trust.curves).map(([name, curve]) => `${curveNames[name]} ${inWords(/** @type {any} */ (curve).score)}`).join(" \u00b7 ")],
      ["good to know", "One photo is one photo: “saccade evaluate” asks this of a whole folder, with intervals."],
    ]));
  }

  store.follow((/** @type {any} */ state, /** @type {any} */ before) => { if (state.photo !== before.photo) refresh(); });
}

/** @type {Record<string, string>} */
const curveNames = { map: "this map", edges: "edge detector", random: "random order" };

/** @param {any} curves @param {number} steps */
function curveChart(curves, steps) {
  const charts = /** @type {[string, string][]} */ ([["deletion", "Blur the places that count most first: the similarity should fall at once"], ["insertion", "Bring them back first: it should rise at once"]]);
  return build("div", { class: "chart-row" }, charts.map(([kind, title]) => {
    const all = Object.values(curves).flatMap((curve) => /** @type {any} */ (curve)[kind]);
    const low = Math.min(0, ...all);
    /** @param {number} share @param {number} value */
    const at = (share, value) => `${44 + 300 * share} ${14 + 150 * (1 - (value - low) / (1 - low))}`;
    const text = Object.entries(curves).map(([name, curve]) => `${curveNames[name]}: ${inWords(/** @type {any} */ (curve)[kind][Math.round(steps / 5)])} after a fifth of the photo`).join("; ");
    const svg = buildSvg("svg", { viewBox: "0 0 360 204", role: "img", "aria-label": `${title}. ${text}` },
      [0, 0.5, 1].map((value) => buildSvg("path", { class: "chart-rule", d: `M ${at(0, value)} L ${at(1, value)}` })),
      Object.entries(curves).map(([name, curve]) => buildSvg("path", { class: `chart-line ${name}`, d: `M ${/** @type {any} */ (curve)[kind].map((/** @type {number} */ value, /** @type {number} */ step) => at(step / steps, value)).join(" L ")}` })));
    for (const value of [0, 0.5, 1]) {
      const [x, y] = at(0, value).split(" ").map(Number);
      const label = buildSvg("text", { x: x - 8, y: y + 4, class: "chart-text end" });
      label.textContent = inWords(value);
      svg.append(label);
    }
    for (const share of [0, 0.5, 1]) {
      const [x] = at(share, 0).split(" ").map(Number);
      const label = buildSvg("text", { x: share === 1 ? x + 12 : x, y: 184, class: share === 1 ? "chart-text end" : "chart-text middle" });
      label.textContent = `${Math.round(100 * share)}\u00a0%`;
      svg.append(label);
    }
    const under = buildSvg("text", { x: 194, y: 200, class: "chart-text middle" });
    under.textContent = kind === "deletion" ? "of the photo blurred" : "of the photo brought back";
    svg.append(under);
    return build("figure", {}, svg, build("figcaption", {}, title));
  }), build("ul", { class: "chart-key" }, Object.keys(curves).map((name) => build("li", { class: name }, curveNames[name]))));
}
