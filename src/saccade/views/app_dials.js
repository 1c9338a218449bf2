// @ts-check
/** The dials: the directions in which codes differ most as sliders; the decoder draws what their code stands for. */
import { paintDrawn, shapeOfGiven } from "./app_drawn.js";
import { getJson, postJson } from "./app_requests.js";
import { build } from "./build.js";
import { button, captionStrip, slider } from "./controls.js";
import { asPercent } from "./wording.js";

/** @param {{data: any, element: HTMLElement, store: any, transport: any}} view */
export async function renderDials({ data, element, store, transport }) {
  const drawn = build("canvas", { class: "app-drawn", role: "img" });
  const before = build("img", { class: "app-drawn", alt: "" });
  const words = build("p", { class: "app-passes", role: "status" });
  const sliders = build("div", { class: "panel" });
  const caption = build("div");
  element.append(
    build("div", { class: "figure-row" },
      build("div", { class: "app-two" }, build("figure", {}, before, build("figcaption", {}, build("b", {}, "As it is."), " The photo, redrawn from its code.")), build("figure", {}, drawn, build("figcaption", {}, build("b", {}, "Turned."), " The same code, moved along your directions."))),
      build("div", { class: "beside" }, build("p", { class: "finding" }, "Every dial is a direction in which the codes of these photos differ most. Nobody named them: turn one, and see what it is. At its ends stands what it leads to."), sliders, words)),
    caption,
  );
  /** @type {any} */
  let dials;
  try {
    dials = await getJson("api/dials");
  } catch (error) {
    words.textContent = error instanceof Error ? error.message : String(error);
    return;
  }
  /** @type {number[]} */
  let amounts = new Array(dials.count).fill(0);
  const all = dials.shares.map((/** @type {number} */ share, /** @type {number} */ index) => slider({
    label: `Direction ${index + 1}, ${asPercent(share)}`, least: -dials.reach, most: dials.reach, step: 0.05, value: 0,
    inWords: (value) => `${value > 0 ? "+" : value < 0 ? "\u2212" : ""}${Math.abs(value).toFixed(1)}`,
    onInput: (value) => { amounts[index] = value; draw(); },
  }));
  const back = button("Put them back", () => { amounts = amounts.map(() => 0); for (const one of all) one.show(0); draw(); });
  const chance = button("Turn them all", () => { amounts = amounts.map((_, index) => (Math.random() - 0.5) * dials.reach * (index < 3 ? 1.4 : 1)); all.forEach((/** @type {any} */ one, /** @type {number} */ index) => one.show(amounts[index])); draw(); });
  /** @type {HTMLImageElement[][]} the two ends of each */
  const ends = all.map((/** @type {any} */ one, /** @type {number} */ index) => [-dials.reach, dials.reach].map((amount) => build("img", { class: "app-end", hidden: true, alt: "", on: { click: () => { amounts[index] = amount; one.show(amount); draw(); } } })));
  sliders.append(...all.map((/** @type {any} */ one, /** @type {number} */ index) => build("div", { class: "app-dial" }, ends[index][0], one.node, ends[index][1])), build("div", { class: "toolbar" }, chance, back));
  caption.append(captionStrip([
    ["what the dials are", `the ${dials.count} strongest principal components of the codes of ${dials.photos} photos: those that the server was started with`],
    ["the per cents", "how much of all that tells these photos apart lies along each direction"],
    ["unit", "standard deviations of these photos along the direction"],
    ["good to know", "Far from every photo the decoder has never been; what it draws there is no evidence."],
  ]));

  async function draw() {
    const photo = data.photos[store.get().photo];
    if (!words.textContent) words.textContent = "The decoder is drawing \u2026";
    try {
      const answer = await transport.ask("dials", { photo: photo.number, amounts });
      if (answer === null || data.photos[store.get().photo] !== photo) return;
      paintDrawn(drawn, answer, data.model.value_range);
      words.textContent = `drawn in ${Math.round(answer.words.milliseconds)} ms`;
      drawn.setAttribute("aria-label", `${photo.alt}, redrawn after its code was moved by ${amounts.map((amount) => amount.toFixed(1)).join(", ")}`);
      element.dataset.amounts = amounts.join(",");
    } catch (error) {
      words.textContent = error instanceof Error ? error.message : String(error);
    }
  }

  /** What each dial leads to, for the photo that is shown. @param {any} photo */
  async function drawEnds(photo) {
    for (const image of ends.flat()) image.hidden = true;
    try {
      const answer = await postJson("api/dials/ends", { photo: photo.number });
      if (data.photos[store.get().photo] !== photo) return;
      ends.forEach((/** @type {any[]} */ both, /** @type {number} */ index) => both.forEach((image, end) => {
        image.src = answer.ends[index][end];
        image.alt = `direction ${index + 1} at ${end ? "+" : "\u2212"}${dials.reach}, as the decoder draws it`;
        image.style.aspectRatio = shapeOfGiven(photo);
        image.hidden = false;
      }));
      element.dataset.ends = photo.number;
    } catch (error) {
      words.textContent = error instanceof Error ? error.message : String(error);
    }
  }

  store.follow((/** @type {any} */ state, /** @type {any} */ earlier) => {
    if (state.photo === earlier.photo) return;
    const photo = data.photos[state.photo];
    before.src = photo.redrawn;
    before.alt = `${photo.alt}, as the model redraws it`;
    before.style.aspectRatio = drawn.style.aspectRatio = shapeOfGiven(photo);
    draw();
    drawEnds(photo);
  });
}
