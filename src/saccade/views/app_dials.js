// @ts-check
/** The dials: the directions in which codes differ most as sliders; the decoder draws what their code stands for. */
import { getJson } from "./app_requests.js";
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
      build("div", { class: "beside" }, build("p", { class: "finding" }, "Every dial is a direction in which the codes of these photos differ most. Nobody named them: turn one, and see what it is."), sliders, words)),
    caption,
  );
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
  sliders.append(...all.map((/** @type {any} */ one) => one.node), build("div", { class: "toolbar" }, chance, back));
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
      const { rows, columns, channels } = answer.words;
      paint(new Float32Array(answer.numbers), rows, columns, channels);
      words.textContent = `drawn in ${Math.round(answer.words.milliseconds)} ms`;
      drawn.setAttribute("aria-label", `${photo.alt}, redrawn after its code was moved by ${amounts.map((amount) => amount.toFixed(1)).join(", ")}`);
      element.dataset.amounts = amounts.join(",");
    } catch (error) {
      words.textContent = error instanceof Error ? error.message : String(error);
    }
  }

  /** @param {Float32Array} values @param {number} rows @param {number} columns @param {number} channels */
  function paint(values, rows, columns, channels) {
    drawn.width = columns;
    drawn.height = rows;
    const context = drawn.getContext("2d");
    const target = context.createImageData(columns, rows);
    const [low, high] = data.model.value_range;
    for (let pixel = 0; pixel < rows * columns; pixel += 1) {
      for (let channel = 0; channel < 3; channel += 1) target.data[4 * pixel + channel] = (255 * (values[pixel * channels + Math.min(channel, channels - 1)] - low)) / (high - low);
      target.data[4 * pixel + 3] = 255;
    }
    context.putImageData(target, 0, 0);
  }

  store.follow((/** @type {any} */ state, /** @type {any} */ earlier) => {
    if (state.photo === earlier.photo) return;
    const photo = data.photos[state.photo];
    before.src = photo.redrawn;
    before.alt = `${photo.alt}, as the model redraws it`;
    const shape = String(((photo.box[2] - photo.box[0]) * photo.width) / ((photo.box[3] - photo.box[1]) * photo.height));
    before.style.aspectRatio = shape;
    drawn.style.aspectRatio = shape;
    draw();
  });
}
