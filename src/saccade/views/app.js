// @ts-check
/** The app: the page of the report, with a server behind it. Photos are dropped, pasted, chosen, or come from the camera. */
import { renderAsk } from "./app_ask.js";
import { createNeighbourStrip, followComparisons } from "./app_collection.js";
import { openCamera } from "./app_camera.js";
import { renderDials } from "./app_dials.js";
import { createLoader } from "./app_loading.js";
import { renderMix } from "./app_mix.js";
import { RefusedByServer, getJson, postJson, sendPhoto } from "./app_requests.js";
import { drawWhenThere } from "./app_section.js";
import { createSocket } from "./app_socket.js";
import { BESIDE } from "./beside.js";
import { build } from "./build.js";
import { COLLECTION } from "./collection.js";
import { button } from "./controls.js";
import { renderCover } from "./cover.js";
import { renderPage } from "./page.js";
import { saveFile } from "./where.js";

/** @type {import("./page.js").Section[]} */
const LIVE_SECTIONS = [
  { id: "ask", name: "Ask it anything", title: "Ask it anything", lead: "Every way of asking, every layer, and every part of the code. The map sharpens while it is computed.", needs: () => true, render: renderAsk },
  { id: "cover", name: "Cover it yourself", title: "Cover it, and watch it think", lead: "Put a cover on the photo, and watch what becomes of its code.", needs: () => true, render: (view) => { renderCover(view); view.element.querySelector(".cover-row")?.after(neighbourStrip.node); } },
  { id: "dials", name: "Turn the dials", title: "What can its code say?", lead: "Move the code itself, and let the decoder draw what it stands for.", needs: () => true, render: renderDials },
  { id: "mix", name: "Mix two", title: "What lies between two photos?", lead: "Mix the codes of two photos, and let the decoder draw the mixture.", needs: () => true, render: renderMix },
  COLLECTION,
  BESIDE,
];
const PHOTO_FILES = "image/*,.heic,.heif,.tif,.tiff";

/** @type {any} */
let facts = null;
/** @type {string[]} numbers of the photos that are shown */
let numbersShown = [];
/** @type {Map<string, any>} */
const photosByNumber = new Map();
/** @type {any} */
let pageStore = null;
/** @type {ReturnType<typeof createLoader> | null} */
let pageLoader = null;
let pageEnd = new AbortController();
/** @type {{node: HTMLElement, close: () => void} | null} */
let camera = null;

const state = build("p", { class: "app-state", role: "status" });
const notice = build("p", { class: "app-notice", role: "status" });
const socket = createSocket((now) => {
  state.textContent = now === "there" ? "" : "The server does not answer. If it was ended, start it again with \u201csaccade serve\u201d and open the address that it prints; else this page goes on by itself.";
  document.documentElement.dataset.server = now;
});
const neighbourStrip = createNeighbourStrip();
const transport = {
  ask: socket.ask,
  /** @param {number[]} numbers of photos of the collection */
  group: (numbers) => postJson("api/collection/group", { numbers }),
  words: "the server on this machine",
  /** @param {Float32Array} image */
  async run(image) {
    const answer = await socket.ask("run", { photo: numbersShown[pageStore?.get().photo ?? 0] }, image);
    if (!answer) return null;
    neighbourStrip.show(answer.words.neighbours);
    const values = new Float32Array(answer.numbers);
    const { code, redrawn, milliseconds } = answer.words;
    return { code: values.subarray(0, code), redrawn: redrawn ? values.subarray(code, code + redrawn) : null, milliseconds };
  },
};

const chooseFile = build("input", { type: "file", accept: PHOTO_FILES, multiple: true, class: "visually-hidden", tabindex: "-1", "aria-hidden": "true", on: { change: () => { take([...chooseFile.files]); chooseFile.value = ""; } } });
const folderList = build("div", { class: "app-folder", hidden: true });
const folderButton = button("More photos", () => { folderList.hidden = !folderList.hidden; folderButton.setAttribute("aria-expanded", String(!folderList.hidden)); }, { "aria-expanded": "false", hidden: true });
const cameraButton = button("Use the camera", () => toggleCamera(), { "aria-pressed": "false" });
const reportButton = button("Save all as one page", () => saveReport());
const bar = build("div", { class: "app-bar", role: "region", "aria-label": "Photos of your own" },
  build("div", { class: "app-bar-row" },
    build("p", { class: "app-invitation" }, build("b", {}, "Your own photo?"), build("span", { class: "app-by-mouse" }, " Drop it anywhere on this page, or paste it.")),
    build("div", { class: "app-buttons" }, button("Choose a photo", () => chooseFile.click(), { class: "button primary" }), cameraButton, folderButton, reportButton), chooseFile),
  notice, state, folderList);
const dropHere = build("div", { class: "app-drop", hidden: true, "aria-hidden": "true" }, build("p", {}, "Let go: the machine looks at it."));

/** A larger page, in megabytes, cannot be mailed everywhere. */
const MAILED = 8;
/** So long a notice stays, in milliseconds, if nothing else is done. */
const NOTICE_STAYS = 12_000;
let noticeEnd = 0;
/** Is what the notice says still going on? */
let isBusy = false;

/** What is said of one thing is not true of the next: it goes when something else is done, or after a while. @param {string} text @param {boolean} [lasts] */
function tell(text, lasts = false) {
  clearTimeout(noticeEnd);
  notice.textContent = text;
  isBusy = lasts;
  if (text && !lasts) noticeEnd = setTimeout(() => { notice.textContent = ""; }, NOTICE_STAYS);
}

/** @param {{number: string, name: string}} listed @returns {any} the photo, of which at first only the name is known */
function photoOf(listed) {
  let photo = photosByNumber.get(listed.number);
  if (!photo) {
    const maps = facts.maps.map((/** @type {any} */ map) => ({ ...map }));
    photo = {
      ...listed, alt: `the photo ${listed.name}`, thumbnail: `api/photos/${listed.number}/thumbnail`, maps,
      agreements: maps.map(() => maps.map(() => NaN)),
    };
    photosByNumber.set(listed.number, photo);
  }
  return photo;
}

/** @param {number} shown which of the photos */
function draw(shown) {
  pageEnd.abort();
  pageEnd = new AbortController();
  const { signal } = pageEnd;
  const photos = numbersShown.map((number) => photosByNumber.get(number));
  const data = { ...facts, title: "What does the machine see?", photos, pairs: [], table: [], game: [], has_all_maps: false };
  const fewest = /** @type {Record<string, number>} */ ({ alike: 2, mix: 2, guess: 3 });
  const offers = [...facts.offers, ...(facts.is_collection ? [COLLECTION.id] : []), ...(facts.has_other_network ? [BESIDE.id] : [])]
    .filter((/** @type {string} */ id) => photos.length >= (fewest[id] ?? 1) && (id !== "dials" || facts.has_directions));
  const loader = createLoader(data);
  pageLoader = loader;
  const words = new URLSearchParams(location.hash.slice(1));
  if (shown >= 0) {
    if (shown === 0) words.delete("photo");
    else words.set("photo", String(shown));
    words.delete("other");
    history.replaceState(null, "", words.size ? `#${words}` : location.pathname);
  }
  if (photos.length === 0) {
    drawEmpty();
    return;
  }
  pageStore = renderPage(data, {
    transport,
    more: LIVE_SECTIONS,
    live: {
      signal,
      foot: "Made by saccade. Everything was computed on this machine, and nothing has left it.",
      choose: (sections) => sections.filter((section) => offers.includes(section.id)).map(withoutQuestions),
      draw: (id, store, element, render) => drawWhenThere(loader, id, store, element, render, signal),
    },
  });
  pageStore.follow((/** @type {any} */ state, /** @type {any} */ before) => { if (before.photo !== undefined && state.photo !== before.photo && !isBusy) tell(""); });
  document.body.prepend(bar);
  document.body.append(dropHere);
  if (camera) bar.after(camera.node);
}

/**
 * The game has questions only where three photos make a clear one, which is known when all are there.
 * @param {import("./page.js").Section} section @returns {import("./page.js").Section}
 */
function withoutQuestions(section) {
  if (section.id !== "guess") return section;
  return {
    ...section,
    render(view) {
      if (view.data.game.length > 0) section.render(view);
      else view.element.append(build("p", { class: "finding" }, "No three of these photos make a clear question. Add photos that have something in common."));
    },
  };
}

function drawEmpty() {
  document.body.replaceChildren(bar, build("main", { class: "app-empty" },
    build("p", { class: "mark" }, "saccade"), build("h1", {}, "What does the machine see?"),
    build("p", { class: "deck" }, `${facts.deck} Drop a photo on this page to begin.`)), dropHere);
}

/** @param {File[]} files */
async function take(files) {
  if (!facts) return;
  const photos = files.filter((file) => file.type.startsWith("image/") || file.type === "" || /\.(heic|heif|tiff?|npy)$/i.test(file.name)).slice(0, facts.most_shown);
  if (photos.length === 0) {
    if (files.length) tell(files.length === 1 && files[0].name ? `${files[0].name} is no photo.` : `${files.length === 1 ? "That is" : "Those are"} no photo${files.length === 1 ? "" : "s"}.`);
    return;
  }
  performance.mark("saccade drop");
  const uploaded = [];
  /** @type {string[]} */
  const refused = [];
  for (const file of photos) {
    tell(`Reading ${file.name || "the photo"}\u2026`, true);
    try {
      uploaded.push(await sendPhoto(file, file.name || "pasted photo"));
    } catch (error) {
      refused.push(error instanceof Error ? error.message : String(error));
    }
  }
  tell(refused.join(" "));
  if (uploaded.length) show(uploaded);
}

/** @param {{number: string, name: string}[]} added photos that come first */
function show(added) {
  for (const listed of added) photoOf(listed);
  const fresh = added.map((listed) => listed.number);
  numbersShown = [...fresh, ...numbersShown.filter((number) => !fresh.includes(number))].slice(0, facts.most_shown);
  draw(0);
  window.scrollTo({ top: 0 });
}

function listFolder() {
  const rest = facts.listed.filter((/** @type {any} */ listed) => !numbersShown.includes(listed.number));
  folderButton.hidden = facts.listed.length <= facts.most_shown;
  folderButton.textContent = `${rest.length} more photos`;
  const filter = build("input", { type: "search", class: "app-search", placeholder: "Find by name", "aria-label": "Find a photo by its name", on: { input: () => fill() } });
  const names = build("div", { class: "app-names" });
  function fill() {
    const text = filter.value.toLowerCase();
    const matches = rest.filter((/** @type {any} */ listed) => listed.name.toLowerCase().includes(text));
    names.replaceChildren(...matches.slice(0, 200).map((/** @type {any} */ listed) => {
      const choice = button(listed.name, () => { show([listed]); listFolder(); }, { class: "button app-name" });
      choice.prepend(build("img", { src: `api/photos/${listed.number}/thumbnail`, alt: "", loading: "lazy", height: 48 }));
      return choice;
    }), matches.length > 200 ? build("p", {}, `and ${matches.length - 200} more; write more of the name`) : "");
  }
  fill();
  folderList.replaceChildren(filter, names);
}

function toggleCamera() {
  if (!isBusy) tell("");
  if (camera) { camera.close(); return; }
  camera = openCamera(facts, transport, (file, name) => { take([new File([file], name, { type: "image/png" })]); }, () => { camera = null; cameraButton.setAttribute("aria-pressed", "false"); });
  cameraButton.setAttribute("aria-pressed", "true");
  bar.after(camera.node);
  camera.node.scrollIntoView({ block: "nearest" });
}

async function saveReport() {
  reportButton.disabled = true;
  tell("Writing everything into one page; it takes a minute\u2026", true);
  try {
    const answer = await socket.ask("report", { photos: numbersShown }, null, (part) => tell(`Writing everything into one page: ${part.words.doing}\u2026 (${part.words.done} of ${part.words.total})`, true));
    if (answer) {
      saveFile(answer.words.page, new Blob([answer.numbers], { type: "text/html" }));
      const megabytes = answer.numbers.byteLength / 1e6;
      const size = `${megabytes.toFixed(1)} MB`;
      tell(`The page (${size}) is in your downloads. It opens without this server${megabytes <= MAILED ? ", and can be mailed." : "; with fewer photos it would be small enough to be mailed."}`);
    } else tell("");
  } catch (error) {
    tell(error instanceof Error ? error.message : String(error));
  }
  reportButton.disabled = false;
}

let dragging = 0;
window.addEventListener("dragenter", (event) => { if (event.dataTransfer?.types.includes("Files")) { dragging += 1; dropHere.hidden = false; } });
window.addEventListener("dragleave", () => { dragging = Math.max(0, dragging - 1); if (dragging === 0) dropHere.hidden = true; });
window.addEventListener("dragover", (event) => { if (event.dataTransfer?.types.includes("Files")) event.preventDefault(); });
window.addEventListener("drop", (event) => {
  dragging = 0;
  dropHere.hidden = true;
  if (!event.dataTransfer?.files.length) return;
  event.preventDefault();
  take([...event.dataTransfer.files]);
});
window.addEventListener("paste", (event) => { if (event.clipboardData?.files.length) take([...event.clipboardData.files]); });

async function begin() {
  // The token has done its work: it is in no bookmark, no history, no screenshot.
  if (new URLSearchParams(location.search).has("token")) history.replaceState(null, "", location.pathname + location.hash);
  try {
    facts = await getJson("api/page");
  } catch (error) {
    const isStranger = error instanceof RefusedByServer && error.status === 401;
    document.body.replaceChildren(build("main", { class: "app-empty" }, build("h1", {}, isStranger ? "This page needs its token" : "The server does not answer"), build("p", { class: "deck" }, error instanceof Error ? error.message : String(error))));
    return;
  }
  for (const listed of facts.listed) photoOf(listed);
  numbersShown = facts.listed.slice(0, facts.most_shown).map((/** @type {any} */ listed) => listed.number);
  cameraButton.hidden = facts.camera.length === 0;
  listFolder();
  draw(-1);
  if (facts.is_collection) followComparisons(facts.comparisons, () => pageLoader?.compareAgain());
}

begin();
