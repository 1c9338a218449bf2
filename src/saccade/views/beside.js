// @ts-check
/** Another network on the same photos: where both look, which photos each finds alike, and why. */
import { renderGlance } from "./beside_glance.js";
import { renderBothMaps } from "./beside_maps.js";
import { renderOrders } from "./beside_orders.js";
import { renderBothPairs } from "./beside_pairs.js";
import { build } from "./build.js";
import { captionStrip } from "./controls.js";
import { asText } from "./wording.js";

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
