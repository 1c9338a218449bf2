// @ts-check
/** The whole page: the head, the row of photos, one section for each question. */
import { build } from "./build.js";
import { createStore } from "./store.js";
import { renderHero } from "./hero.js";
import { renderWhere } from "./where.js";
import { renderSameStuff } from "./same_stuff.js";
import { renderAlike } from "./alike.js";
import { otherOf } from "./other_photo.js";
import { renderRemember } from "./remember.js";
import { renderCompoundEye } from "./compound_eye.js";
import { renderFirstAndLater } from "./first_and_later.js";
import { renderTrust } from "./trust.js";
import { renderGuess } from "./guess.js";
import { renderRecipe } from "./recipe.js";
import { offerToSave } from "./saved_view.js";

/** @typedef {{data: any, element: HTMLElement, store: any, transport: any, goTo: (id: string) => void}} View */
/** @typedef {{id: string, name: string, title: string, lead: string, needs: (data: any) => boolean, render: (view: View) => void}} Section */

/**
 * @typedef {object} Live a server behind the page
 * @property {(sections: Section[]) => Section[]} choose which sections there are
 * @property {(id: string, store: any, element: HTMLElement, render: (store: any) => void) => void} draw renders a section once its data is there, with
 *     a store that hears of a state when the data for it is there
 * @property {string} foot the last line of the page
 * @property {AbortSignal} signal ends what this page listens to, when another takes its place
 */

/** Sections of which nobody keeps a picture: a game, a text. */
const WITHOUT_PICTURE = ["guess", "recipe"];

/** @param {any} data @param {any} state @param {string} id @returns {string} the name of a picture of a section, without its ending */
function stemOf(data, { photo, method, other }, id) {
  /** @param {number} index */
  const photoName = (index) => data.photos[index].name.replace(/\.\w+$/, "");
  const of = id === "look" ? [data.photos[photo].maps[method].method] : id === "alike" ? ["and", photoName(otherOf(photo, other, data.photos.length)), "alike"] : [id];
  return [photoName(photo), ...of].join("-");
}

/** So long a section that was gone to is held in place after the page has last grown, and at most, in milliseconds. */
const HELD = 2500;
const LONGEST_HELD = 20_000;
/** So long the rest of the page waits for its head, in milliseconds. */
const LONGEST_HEAD = 1500;

/** @type {Section[]} */
const SECTIONS = [
  { id: "look", name: "Where it looks", title: "Where does it look?", lead: "Bright is what the photo's code is made of: painted onto the photo, with its numbers under the pointer.", needs: () => true, render: renderWhere },
  { id: "same", name: "The same stuff", title: "What is the same stuff?", lead: "Touch a thing, and everything that the network encodes alike lights up, here and in the other photos.", needs: (data) => data.cells.length > 0, render: renderSameStuff },
  { id: "guess", name: "Guess the machine", title: "Can you guess the machine?", lead: "Three photos. It finds two of them more alike than any others.", needs: (data) => data.game.length > 0, render: renderGuess },
  { id: "alike", name: "Why alike?", title: "Why are these two alike?", lead: "The number by which photos are compared, taken apart: every place has its share, for or against.", needs: (data) => data.photos.length > 1, render: renderAlike },
  { id: "memory", name: "What it remembers", title: "What does it remember, and what does it forget?", lead: "From nothing but the code it can draw the photo again. Whatever is missing there, the code does not hold.", needs: (data) => Boolean(data.photos[0].redrawn), render: renderRemember },
  { id: "inside", name: "First and later", title: "What does it notice first, and what later?", lead: "From layer to layer each place takes in more of the photo. Choose a depth, then a feature.", needs: (data) => Boolean(data.photos[0].layers?.length), render: renderFirstAndLater },
  { id: "eye", name: "What a cell sees", title: "What does every cell see?", lead: "The code is made of cells, and each has an eye of its own. Point at one: this is all that it looks at.", needs: (data) => Boolean(data.photos[0].eye), render: renderCompoundEye },
  { id: "trust", name: "Believe it?", title: "Can I believe this map?", lead: "A beautiful picture proves nothing. So here is the same question put to networks that never learned, and to no network at all.", needs: (data) => Boolean(data.photos[0].trust), render: renderTrust },
  { id: "recipe", name: "Recipe", title: "How was this made?", lead: "", needs: () => true, render: renderRecipe },
];

/** The order of all sections on every page: first one photo, then two, then many; what it remembers; how it works inside; what to believe. */
const SECTION_ORDER = ["look", "cover", "ask", "same", "guess", "alike", "beside", "collection", "memory", "dials", "mix", "inside", "eye", "trust", "recipe"];

/** Add a section that only some pages carry. @param {Section} section */
export function addSection(section) {
  SECTIONS.push(section);
}

/**
 * @param {any} data
 * @param {{transport?: any, more?: Section[], live?: Live}} [options] `transport` computes new images; `more` are sections that need one; `live`
 *     brings the data piece by piece
 */
export function renderPage(data, options = {}) {
  waitingSections.length = 0;
  // Drawing all that lies above costs a live page's server too much; there it is only held in place.
  const goTo = (/** @type {string} */ id) => arriveAt(id, !options.live);
  const methods = data.photos[0].maps.length;
  const photos = data.photos.length;
  const store = createStore({ photo: 0, method: 0, other: photos > 1 ? 1 : 0, near: -1 }, (name, text) => {
    const value = Number(text);
    const count = name === "method" ? methods : name === "near" ? data.collection?.names.length ?? 0 : photos;
    return Number.isInteger(value) && value >= 0 && value < count ? value : undefined;
  }, options.live?.signal);
  const sections = [...SECTIONS, ...(options.more ?? [])].sort((one, other) => SECTION_ORDER.indexOf(one.id) - SECTION_ORDER.indexOf(other.id));
  const shown = options.live ? options.live.choose(sections) : sections.filter((section) => section.needs(data));
  const head = build("header", { class: "head" });
  const hero = build("div", { class: "hero" });
  head.append(
    build("div", { class: "head-words" }, build("p", { class: "mark" }, "saccade"), build("h1", {}, data.title), build("p", { class: "deck" }, data.deck),
      build("nav", { "aria-label": "Sections" }, build("ol", {}, shown.map((section) => build("li", {}, build("a", { href: `#${section.id}`, on: { click: (/** @type {Event} */ event) => { event.preventDefault(); goTo(section.id); } } }, section.name)))))),
    hero,
  );
  const thumbs = build("div", { class: "thumbs", role: "group", "aria-label": "Which photo" });
  const main = build("main", { id: "content" });
  document.body.replaceChildren(build("a", { class: "skip", href: "#content", on: { click: (/** @type {Event} */ event) => { event.preventDefault(); main.querySelector("section")?.focus(); } } }, "Skip to the pictures"), head);
  if (photos > 1) document.body.append(build("nav", { class: "photo-bar", "aria-label": "Photos" }, thumbs));
  document.body.append(main, build("footer", { class: "foot" }, build("p", {}, options.live?.foot ?? "Made by saccade, in one file that needs no network.", " A saccade is the jump an eye makes to the next thing it looks at.")));
  thumbs.append(...data.photos.map((/** @type {any} */ photo, /** @type {number} */ index) => build("button", { type: "button", class: "thumb", "aria-label": photo.name, on: { click: () => store.set({ photo: index }) } }, build("img", { src: photo.thumbnail, alt: "" }))));
  store.follow((state) => { [...thumbs.children].forEach((thumb, index) => thumb.setAttribute("aria-pressed", String(index === state.photo))); });
  const view = { data, store, transport: options.transport ?? null, goTo };
  /** @param {string} id @param {HTMLElement} element @param {(view: View) => void} render */
  const draw = (id, element, render) => (options.live ? options.live.draw(id, store, element, (own) => render({ ...view, store: own, element })) : render({ ...view, element }));
  isHeadDrawn = false;
  draw("hero", hero, (own) => renderHero({ ...own, onDrawn: tellHeadDrawn }));
  setTimeout(tellHeadDrawn, LONGEST_HEAD);
  shown.forEach((section, index) => {
    const element = build("div", { class: "view" });
    const chapter = build("section", { id: section.id, class: "chapter", tabindex: "-1", "aria-labelledby": `${section.id}-title` },
      build("h2", { id: `${section.id}-title` }, build("span", { class: "number", "aria-hidden": "true" }, String(index + 1)), section.title), section.lead ? build("p", { class: "lead" }, section.lead) : null, element);
    main.append(chapter);
    whenNear(element, () => {
      draw(section.id, element, section.render);
      if (!WITHOUT_PICTURE.includes(section.id)) chapter.append(offerToSave(chapter, () => stemOf(data, store.get(), section.id), () => `${data.photos[store.get().photo].name}, by ${data.model.name}, layer ${data.code.layer}. Made by saccade.`));
    });
  });
  return store;
}

/** Sections that wait to be drawn, in their order on the page. @type {{element: HTMLElement, isNear: boolean, draw: () => void}[]} */
const waitingSections = [];
/** Is the first picture there, so that the page's own thread is free for what lies below it? */
let isHeadDrawn = false;
let isNextAnnounced = false;

/** Draw a section when the reader comes near, so that the first picture is there at once. @param {HTMLElement} element @param {() => void} render */
function whenNear(element, render) {
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    waiting.isNear = true;
    drawNext();
  }, { rootMargin: "1200px" });
  const waiting = { element, isNear: false, draw };
  function draw() {
    if (!waitingSections.includes(waiting)) return;
    waitingSections.splice(waitingSections.indexOf(waiting), 1);
    observer.disconnect();
    render();
  }
  waitingSections.push(waiting);
  observer.observe(element);
  window.addEventListener("beforeprint", draw);
}

/** Draw what is near, a section at a time: between two of them the page scrolls, and answers a touch. */
function drawNext() {
  if (!isHeadDrawn || isNextAnnounced || !waitingSections.some((one) => one.isNear)) return;
  isNextAnnounced = true;
  whenIdle(() => {
    isNextAnnounced = false;
    try { waitingSections.find((one) => one.isNear)?.draw(); } finally { drawNext(); }
  });
}

/** @param {() => void} work done when there is nothing else to do, or soon @returns {void} */
function whenIdle(work) {
  if ("requestIdleCallback" in window) window.requestIdleCallback(work, { timeout: 200 });
  else setTimeout(work, 20); // Safari
}

function tellHeadDrawn() {
  isHeadDrawn = true;
  drawNext();
}

/**
 * Go to a section. What lies above it is drawn first, and for a moment it is held in place while pictures come and push it down.
 * @param {string} id @param {boolean} drawsAbove
 */
function arriveAt(id, drawsAbove) {
  const section = document.getElementById(id);
  if (!section) return;
  for (const waiting of drawsAbove ? [...waitingSections] : []) if (section.compareDocumentPosition(waiting.element) & (Node.DOCUMENT_POSITION_PRECEDING | Node.DOCUMENT_POSITION_CONTAINED_BY)) waiting.draw();
  const arrive = () => section.scrollIntoView({ behavior: "instant" });
  let end = 0;
  const grown = new ResizeObserver(() => {
    arrive();
    // Where a server is slow, what lies above comes late: it is held until nothing has come for a while.
    clearTimeout(end);
    end = setTimeout(release, HELD);
  });
  grown.observe(document.body);
  const release = () => grown.disconnect();
  for (const sign of ["wheel", "touchstart", "keydown", "pointerdown"]) window.addEventListener(sign, release, { once: true, passive: true });
  setTimeout(release, LONGEST_HELD);
  arrive();
  section.focus({ preventScroll: true });
}
