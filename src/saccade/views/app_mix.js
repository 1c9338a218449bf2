// @ts-check
/** Mix two photos: the codes of both are mixed, and the decoder draws what lies between; beside it a plain cross-fade. */
import { paintDrawn, shapeOfGiven } from "./app_drawn.js";
import { build } from "./build.js";
import { button, captionStrip, slider, wantsStillness } from "./controls.js";
import { otherOf, thumbnailsOfOthers } from "./other_photo.js";
import { loadImage } from "./stage.js";

/** From one photo to the other and back, in milliseconds. */
const MIX_THERE = 4000;

/** @param {{data: any, element: HTMLElement, store: any, transport: any}} view */
export function renderMix({ data, element, store, transport }) {
  const [first, second] = [0, 1].map(() => build("img", { class: "app-drawn", alt: "" }));
  const drawn = build("canvas", { class: "app-drawn", role: "img" });
  const faded = build("canvas", { class: "app-drawn", role: "img" });
  const names = [0, 1].map(() => build("b"));
  const words = build("p", { class: "app-passes", role: "status" });
  const picker = build("div", { class: "picker", role: "group", "aria-label": "the other photo of the mixture" });
  let share = 0.5;
  let isMoving = false;
  const mix = slider({ label: "Mixture", least: 0, most: 1, step: 0.01, value: share, inWords: (value) => `${Math.round(100 * value)}\u00a0% of the other`, onInput: (value) => { stop(); share = value; draw(); } });
  const play = button("Go from one to the other", () => (isMoving ? stop() : move()), { class: "button primary" });
  element.append(
    picker,
    build("div", { class: "app-mix" },
      build("figure", {}, first, build("figcaption", {}, names[0], ", redrawn from its code")),
      build("figure", { class: "app-mix-middle" }, drawn, build("figcaption", {}, build("b", {}, "Between them."), " Their codes are mixed, and the decoder draws the mixture.")),
      build("figure", { class: "app-mix-middle" }, faded, build("figcaption", {}, build("b", {}, "Without the network."), " The two redrawings laid over one another.")),
      build("figure", {}, second, build("figcaption", {}, names[1], ", redrawn from its code"))),
    build("div", { class: "toolbar app-mix-bar" }, play, mix.node), words,
    captionStrip([
      ["what is mixed", `the codes of layer ${data.code.layer}: (1 \u2212 share) of one and the share of the other`], ["unit", "share of the other photo\u2019s code"],
      ["good to know", "No photo has a code from between. Where the mixture looks like the plain cross-fade, the code says little more than the pixels; where things move or change their kind, it says more."],
    ]),
  );

  /** @returns {[any, any]} the two photos */
  function pairNow() {
    const { photo, other } = store.get();
    return [data.photos[photo], data.photos[otherOf(photo, other, data.photos.length)]];
  }

  async function draw() {
    const [from, to] = pairNow();
    const drawnShare = share;
    fade(from, to, drawnShare);
    try {
      const answer = await transport.ask("mix", { photo: from.number, other: to.number, share: drawnShare });
      if (answer === null || pairNow()[0] !== from || pairNow()[1] !== to) return;
      paintDrawn(drawn, answer, data.model.value_range);
      const percent = `${Math.round(100 * drawnShare)}\u00a0%`;
      drawn.setAttribute("aria-label", `what the decoder draws of a code that is ${percent} of ${to.name}, the rest of ${from.name}`);
      faded.setAttribute("aria-label", `the redrawings of both photos laid over one another, ${percent} of ${to.name}`);
      words.textContent = `drawn in ${Math.round(answer.words.milliseconds)} ms`;
      element.dataset.mixed = `${from.number} ${to.number} ${drawnShare}`;
    } catch (error) {
      stop();
      words.textContent = error instanceof Error ? error.message : String(error);
    }
  }

  /** @param {any} from @param {any} to @param {number} opacity */
  async function fade(from, to, opacity) {
    const images = await Promise.all([loadImage(from.redrawn), loadImage(to.redrawn)]);
    if (pairNow()[0] !== from || pairNow()[1] !== to || share !== opacity) return;
    faded.width = images[0].naturalWidth;
    faded.height = images[0].naturalHeight;
    const context = faded.getContext("2d");
    context.drawImage(images[0], 0, 0);
    context.globalAlpha = opacity;
    context.drawImage(images[1], 0, 0, faded.width, faded.height);
  }

  async function move() {
    isMoving = true;
    play.textContent = "Stop";
    const start = performance.now() - (share * MIX_THERE);
    while (isMoving && element.isConnected) {
      const way = ((performance.now() - start) / MIX_THERE) % 2;
      share = way < 1 ? way : 2 - way;
      mix.show(share);
      await draw();
      if (wantsStillness()) { stop(); return; } // one step for each press
      await new Promise(requestAnimationFrame);
    }
  }

  function stop() {
    isMoving = false;
    play.textContent = "Go from one to the other";
  }

  store.follow((/** @type {any} */ state, /** @type {any} */ before) => {
    if (state.photo === before.photo && state.other === before.other) return;
    stop();
    const [from, to] = pairNow();
    picker.replaceChildren(...thumbnailsOfOthers("Mix with", data.photos, data.photos.indexOf(from), data.photos.indexOf(to), (index) => store.set({ other: index })));
    for (const [image, photo, name] of /** @type {[HTMLImageElement, any, HTMLElement][]} */ ([[first, from, names[0]], [second, to, names[1]]])) {
      image.src = photo.redrawn;
      image.alt = `${photo.alt}, as the model redraws it`;
      image.style.aspectRatio = shapeOfGiven(photo);
      name.textContent = photo.name;
    }
    drawn.style.aspectRatio = faded.style.aspectRatio = shapeOfGiven(from);
    draw();
  });
}
