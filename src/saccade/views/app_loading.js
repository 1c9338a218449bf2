// @ts-check
/** Which pieces of data each section of the page needs, and where they come from. */
import { loadCollection, loadNeighbours } from "./app_collection.js";
import { createPieces } from "./app_pieces.js";
import { getJson, postJson } from "./app_requests.js";
import { otherOf } from "./other_photo.js";

/** The sections that show what compares photos, and those that only wish for such. */
const COMPARING = ["guess", "alike", "beside", "trust"];
const WISHING_FOR_COMPARISONS = ["look"];

/** @typedef {ReturnType<typeof createLoader>} Loader */

/**
 * @param {any} data what the page shows; pieces are put into it as they come
 */
export function createLoader(data) {
  const { piece, comparison, forgetComparisons } = createPieces();
  /** Draw what is shown of comparisons once more, or wish for it again. @type {Map<string, () => void>} */
  const redrawing = new Map();

  /** @param {any} photo */
  const base = (photo) => piece(`photo ${photo.number}`, async () => { Object.assign(photo, { ...(await getJson(`api/photos/${photo.number}`)), thumbnail: photo.thumbnail }); });
  /** @param {any} photo @param {number} method */
  const map = (photo, method) => piece(`map ${photo.number} ${method}`, async () => {
    const map = await postJson("api/explain", { photo: photo.number, method: photo.maps[method].method });
    photo.maps[method] = { ...map, is_there: true };
  });
  /** What a hand with a cover paints can be compared with it. @param {any} photo */
  const occlusion = (photo) => {
    const method = photo.maps.findIndex((/** @type {any} */ one) => one.method === "occlusion");
    return method < 0 ? null : map(photo, method);
  };
  /** @param {any} photo @param {string} name @param {string} address */
  const part = (photo, name, address) => piece(`${name} ${photo.number}`, async () => { photo[name] = await postJson(address, { photo: photo.number }); });
  /** @param {any} photo */
  const keptDetail = (photo) => piece(`kept ${photo.number}`, async () => { photo.kept = await postJson("api/explain", { photo: photo.number, method: "detail_kept" }); });
  /** @param {number} a @param {number} b */
  const pair = (a, b) => comparison(`pair ${data.photos[a].number} ${data.photos[b].number}`, () => postJson("api/compare", { a: data.photos[a].number, b: data.photos[b].number }),
    (pair) => putPair(data.pairs, { ...pair, a, b }));
  const numbers = () => data.photos.map((/** @type {any} */ photo) => photo.number);
  const likenesses = () => comparison("likenesses", () => postJson("api/similarities", { photos: numbers() }), ({ table, game }) => { Object.assign(data, { table, game }); });
  /** @param {any} photo */
  const trust = (photo) => comparison(`trust ${photo.number}`, () => postJson("api/trust", { photo: photo.number }), (trust) => { photo.trust = trust; });
  /** What must be said beside the map; it is part of the test, and known much sooner. @param {any} photo */
  const doubt = (photo) => comparison(`doubt ${photo.number}`, () => postJson("api/doubt", { photo: photo.number }), (answer) => { photo.doubt = answer.doubt; });

  /** The other network on all photos of the page, without the pairs. */
  const beside = () => comparison("beside", async () => {
    // One photo after the other, so that it is seen how far it is; then all of them are there at once.
    for (const [index, number] of numbers().entries()) {
      document.querySelector("#beside .app-waiting")?.replaceChildren(`Both networks look at the photos: ${index + 1} of ${numbers().length}\u2026`);
      await postJson("api/beside", { photos: [number] });
    }
    return postJson("api/beside", { photos: numbers() });
  }, (beside) => { data.beside = { ...beside, pairs: data.beside?.pairs ?? [] }; });
  /** @param {number} a @param {number} b */
  const pairBeside = (a, b) => {
    const pair = () => comparison(`pair beside ${data.photos[a].number} ${data.photos[b].number}`, () => postJson("api/beside/compare", { a: data.photos[a].number, b: data.photos[b].number }),
      (pair) => putPair(data.beside.pairs, { ...pair, a, b }));
    const coming = beside();
    return coming ? coming.then(() => pair() ?? undefined) : pair();
  };

  /** @param {number} photo */
  const collection = (photo) => {
    const map = () => loadCollection(data, (words) => { document.querySelector("#collection .app-waiting")?.replaceChildren(words); });
    const nearest = () => piece(`neighbours ${data.photos[photo].number}`, () => loadNeighbours(data, photo));
    const coming = piece("collection", map);
    return coming ? coming.then(() => nearest() ?? undefined) : nearest();
  };

  /** @type {Record<string, (state: any) => (Promise<void> | null)[]>} */
  const needs = {
    hero: ({ photo }) => [base(data.photos[photo]), map(data.photos[photo], 0)],
    look: ({ photo, method }) => [base(data.photos[photo]), map(data.photos[photo], method)],
    cover: ({ photo }) => [base(data.photos[0]), base(data.photos[photo]), occlusion(data.photos[photo])],
    ask: ({ photo }) => [base(data.photos[photo])],
    dials: ({ photo }) => [base(data.photos[photo])],
    mix: ({ photo, other }) => [base(data.photos[photo]), base(data.photos[otherOf(photo, other, data.photos.length)])],
    same: () => data.photos.map(base),
    alike: ({ photo, other }) => {
      const second = otherOf(photo, other, data.photos.length);
      return [base(data.photos[photo]), base(data.photos[second]), pair(photo, second)];
    },
    beside: ({ photo, other }) => {
      const second = otherOf(photo, other, data.photos.length);
      return [...data.photos.map(base), likenesses(), beside(), ...(second === photo ? [] : [pair(photo, second), pairBeside(photo, second)])];
    },
    collection: ({ photo }) => [base(data.photos[photo]), collection(photo)],
    memory: ({ photo }) => [base(data.photos[photo]), keptDetail(data.photos[photo])],
    inside: ({ photo }) => [base(data.photos[photo]), part(data.photos[0], "layers", "api/feature_maps"), part(data.photos[photo], "layers", "api/feature_maps")],
    eye: ({ photo }) => [base(data.photos[photo]), part(data.photos[photo], "eye", "api/cells")],
    trust: ({ photo }) => [base(data.photos[photo]), map(data.photos[photo], 0), trust(data.photos[photo])],
    guess: () => [likenesses(), ...data.photos.map(base)],
    recipe: () => [piece("recipe", async () => { data.recipe = await postJson("api/recipe", { photos: numbers() }); })],
  };
  /** What a section is better with, but need not wait for: one wish after the other. @type {Record<string, ((state: any) => (Promise<void> | null)[])[]>} */
  const wishes = {
    look: [
      ({ photo }) => (data.offers.includes("trust") ? [doubt(data.photos[photo])] : []),
      ({ photo }) => {
        const shown = data.photos[photo];
        return [...shown.maps.map((/** @type {any} */ _, /** @type {number} */ method) => map(shown, method)), part(shown, "agreements", "api/agreements")];
      },
    ],
  };

  return {
    /** Ask everything again that compares photos, and draw it again where it is shown. */
    compareAgain() {
      forgetComparisons();
      for (const redraw of redrawing.values()) redraw();
    },
    /** @param {string} id of a section @param {() => void} redraw @param {() => void} wishAgain */
    onChange(id, redraw, wishAgain) {
      if (COMPARING.includes(id)) redrawing.set(id, redraw);
      if (WISHING_FOR_COMPARISONS.includes(id)) redrawing.set(id, wishAgain);
    },
    /** @param {string} id @param {any} state @returns {Promise<any> | null} null if all is there */
    need: (id, state) => together(needs[id]?.(state) ?? []),
    /** @param {string} id @returns {((state: any) => Promise<any> | null)[]} each gives null if all is there */
    wishes: (id) => (wishes[id] ?? []).map((wish) => (/** @type {any} */ state) => together(wish(state))),
  };
}

/** Put a pair in the place of an older answer, which was shown until now. @param {any[]} pairs @param {any} pair */
function putPair(pairs, pair) {
  const index = pairs.findIndex(({ a, b }) => a === pair.a && b === pair.b);
  pairs.splice(index < 0 ? pairs.length : index, 1, pair);
}

/** @param {(Promise<void> | null)[]} pieces */
function together(pieces) {
  const open = pieces.filter((piece) => piece !== null);
  return open.length ? Promise.all(open) : null;
}
