// @ts-check
/** Where two networks look, in all photos at a glance. */
import { lightStrongest, photoByNetwork } from "./beside_photos.js";
import { build } from "./build.js";
import { mapAtPixels, photoPixels } from "./stage.js";
import { mapOf } from "./where.js";

/** All photos at a glance, a row for each network; one of them is chosen. @param {any} data @param {HTMLElement} element @param {any} store */
export function renderGlance(data, element, store) {
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
    lightStrongest(target, pixels, placed);
    context.putImageData(target, 0, 0);
  }

  store.follow((/** @type {any} */ state) => { for (const { node, index } of choices) node.setAttribute("aria-pressed", String(index === state.photo)); });
}
