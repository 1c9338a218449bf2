// @ts-check
/** The photos of the command as a collection: the most alike while a cover moves, and what the map needs. */
import { getJson, postJson } from "./app_requests.js";
import { build } from "./build.js";
import { asScore } from "./wording.js";

/** So often it is asked whether the collection is encoded, in milliseconds. */
const PATIENCE = 1000;

/** @typedef {{number: number, name: string, score: number}} Neighbour */

/** The most alike of the collection, found again at every place of the cover. */
export function createNeighbourStrip() {
  const list = build("ol", { class: "live-neighbours" });
  const node = build("figure", { class: "live-nearest", hidden: true }, build("figcaption", {}, build("b", {}, "The most alike in the collection,"), " by the code that is left: they change with every place of the cover."), list);
  /** @type {Map<number, HTMLElement>} */
  const tiles = new Map();
  return {
    node,
    /** @param {Neighbour[] | undefined} neighbours */
    show(neighbours) {
      if (!neighbours?.length) return;
      node.hidden = false;
      const shown = neighbours.map(({ number, name, score }) => {
        const tile = tiles.get(number) ?? build("li", {}, build("img", { src: `api/collection/${number}/thumbnail`, alt: name, height: 96 }), build("span", {}));
        tiles.set(number, tile);
        const words = /** @type {HTMLElement} */ (tile.lastChild);
        words.textContent = asScore(score);
        tile.dataset.number = String(number);
        return tile;
      });
      // Only where the order has changed: an image that is put in again would flicker.
      if (shown.length !== list.children.length || shown.some((tile, index) => list.children[index] !== tile)) list.replaceChildren(...shown);
    },
  };
}

/**
 * The collection of the page, once it is encoded.
 * @param {any} data @param {(words: string) => void} tell how far it is
 */
export async function loadCollection(data, tell) {
  for (;;) {
    const state = await getJson("api/collection");
    if (state.failure) throw new Error(state.failure);
    if (state.is_ready) break;
    tell(`The machine looks at the whole collection: ${state.done} of ${state.total} photos.`);
    await new Promise((resolve) => { setTimeout(resolve, PATIENCE); });
  }
  tell("The machine lays out the map\u2026");
  // From now on the model compares photos less what those of the collection share.
  data.mean_of ||= (await getJson("api/page")).mean_of;
  data.collection = { ...(await getJson("api/collection/map")), queries: [] };
}

/**
 * Follow what the server comes to know of other photos, until that stays as it is.
 * @param {number} known how often it had become another when the page was opened @param {() => void} onChange
 */
export async function followComparisons(known, onChange) {
  for (let state = null; !state?.is_settled;) {
    await new Promise((resolve) => { setTimeout(resolve, PATIENCE); });
    try {
      state = await getJson("api/collection");
    } catch { continue; } // the page says itself that the server does not answer
    if (state.comparisons === known) continue;
    known = state.comparisons;
    onChange();
  }
}

/** The nearest of one photo. @param {any} data @param {number} photo */
export async function loadNeighbours(data, photo) {
  data.collection.queries[photo] = await postJson("api/collection/neighbours", { photo: data.photos[photo].number });
}
