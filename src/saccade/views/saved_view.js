// @ts-check
/** A view as a picture to keep: what the section shows, its answer, its colours and how it was made, in one PNG or WebP. */
import { build } from "./build.js";
import { button } from "./controls.js";
import { saveFile } from "./where.js";

/** Pixels of the page's own on one pixel of the picture's side: sharp on any screen, and not much larger than what is seen. */
const SAVED_SCALE = 2;
/** The picture is so wide, in pixels of the page. */
const SAVED_WIDTH = 960;
const SAVED_MARGIN = 32;

/** What stands where it belongs, among the pictures; all other words of a section are written above or below them. */
const WORDS_IN_PLACE = ".view figcaption, .view h3, .view .network, .view .order-name, .view .pair-score";

/**
 * Two buttons, and the key S while the section has the focus.
 * @param {HTMLElement} section its heading, its answer, its pictures, its caption
 * @param {() => string} stem how the file is called, without its ending
 * @param {() => string} about the last line: model, layer, photo
 */
export function offerToSave(section, stem, about) {
  const status = build("p", { class: "saved-words", role: "status" });
  /** @param {"png" | "webp"} kind */
  async function save(kind) {
    const canvas = await drawnView(section, about());
    const blob = await new Promise((resolve) => { canvas.toBlob(resolve, `image/${kind}`, 0.92); });
    if (!blob) { status.textContent = "This browser gives no picture of it."; return; }
    const ending = blob.type === "image/webp" ? "webp" : "png"; // some browsers write no WebP, and give a PNG
    const name = `${stem()}.${ending}`;
    saveFile(name, blob);
    status.replaceChildren(`Saved as ${name.replace(/[^\w.-]+/g, "-")}. In words, for who cannot see it: \u201c${wordsOf(section)}\u201d`);
  }
  const row = build("div", { class: "saved" },
    button("Save this picture (PNG)", () => save("png"), { class: "button quiet", "aria-keyshortcuts": "S" }), button("WebP", () => save("webp"), { class: "button quiet", "aria-label": "Save this picture as WebP" }), status);
  section.addEventListener("keydown", (event) => {
    const isTyping = event.target instanceof HTMLElement && event.target.matches("input:not([type=range]):not([type=radio]):not([type=checkbox]), select, textarea");
    if (event.key.toLowerCase() !== "s" || event.ctrlKey || event.metaKey || event.altKey || isTyping) return;
    event.preventDefault();
    save("png");
  });
  return row;
}

/** @param {HTMLElement} section @returns {string} what its pictures show, in the words that a screen reader says */
function wordsOf(section) {
  const labels = picturesOf(section).map((picture) => (picture.closest(".stage") ?? picture).getAttribute("aria-label") ?? picture.getAttribute("alt") ?? "");
  return [...new Set(labels.filter(Boolean))].map((label) => (/[.!?]$/.test(label) ? label : `${label}.`)).join(" ");
}

/** @param {HTMLElement} section @returns {(HTMLCanvasElement | HTMLImageElement)[]} all that is seen of it, but for keys to colours and pictures that are chosen from */
function picturesOf(section) {
  const pictures = /** @type {NodeListOf<HTMLCanvasElement | HTMLImageElement>} */ (section.querySelectorAll(".view canvas, .view img"));
  return [...pictures].filter((picture) => picture.getClientRects().length > 0 && !picture.closest(".picker, .key, .key-strip, .cover-bar"));
}

/**
 * @param {HTMLElement} section @param {string} about
 * @returns {Promise<HTMLCanvasElement>}
 */
async function drawnView(section, about) {
  await document.fonts.ready;
  const style = getComputedStyle(section);
  const root = getComputedStyle(document.documentElement);
  const colours = { ink: style.color, muted: root.getPropertyValue("--muted"), rule: root.getPropertyValue("--rule"), paper: root.getPropertyValue("--paper") };
  const serif = getComputedStyle(/** @type {Element} */ (section.querySelector("h2"))).fontFamily;
  const sans = style.fontFamily;
  const canvas = build("canvas", { width: 1, height: 1 });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const width = SAVED_WIDTH - 2 * SAVED_MARGIN;
  /** @type {(() => void)[]} what is drawn once the height is known */
  const drawing = [];
  let y = SAVED_MARGIN;

  /** @param {string} text @param {string} font @param {number} line @param {string} colour @param {number} [left] @param {number} [wide] @returns {number} where it ends */
  function write(text, font, line, colour, left = 0, wide = width) {
    let at = y;
    context.font = font;
    for (const words of linesOf(context, text, wide)) {
      const bottom = at + 0.78 * line;
      drawing.push(() => { context.font = font; context.fillStyle = colour; context.fillText(words, SAVED_MARGIN + left, bottom); });
      at += line;
    }
    return at;
  }

  const heading = section.querySelector("h2")?.lastChild?.textContent ?? "";
  y = write(heading, `600 30px ${serif}`, 38, colours.ink) + 6;
  for (const finding of section.querySelectorAll(".view .score, .view .headline, .view .finding, .view .cover-score")) {
    const text = textOf(finding);
    if (text && finding.getClientRects().length) y = write(text, `19px ${serif}`, 27, colours.ink) + 4;
  }
  for (const read of /** @type {NodeListOf<HTMLElement>} */ (section.querySelectorAll(".view .readout"))) {
    if (Object.keys(read.dataset).length && read.getClientRects().length) y = write(textOf(read), `16px ${sans}`, 23, colours.ink) + 4; // a place is pointed at
  }
  for (const passes of section.querySelectorAll(".view .app-computing .app-passes")) if (textOf(passes)) y = write(`Not finished: ${textOf(passes)}`, `16px ${sans}`, 23, colours.ink) + 4;
  y += 10;
  y = layPictures(section, context, drawing, width, y) + 16;
  for (const key of section.querySelectorAll(".view .key")) {
    const strip = key.querySelector("canvas");
    if (!key.getClientRects().length) continue;
    y = write(textOf(key.querySelector(".key-unit") ?? key), `13px ${sans}`, 18, colours.muted) + 2;
    if (!strip) continue;
    const top = y;
    drawing.push(() => context.drawImage(strip, SAVED_MARGIN, top, 420, 10));
    y += 14;
    const marks = [...key.querySelectorAll(".key-marks li")].map(textOf);
    const bottom = y + 13;
    drawing.push(() => {
      context.font = `13px ${sans}`;
      context.fillStyle = colours.ink;
      marks.forEach((mark, index) => {
        const wide = context.measureText(mark).width;
        context.fillText(mark, SAVED_MARGIN + (420 * index) / Math.max(1, marks.length - 1) - (wide * index) / Math.max(1, marks.length - 1), bottom);
      });
    });
    y += 26;
  }
  for (const sum of section.querySelectorAll(".view .sum-text")) y = write(textOf(sum), `14px ${sans}`, 20, colours.muted) + 4;
  const line = y + 4;
  drawing.push(() => { context.fillStyle = colours.rule; context.fillRect(SAVED_MARGIN, line, width, 1); });
  y += 16;
  for (const fact of section.querySelectorAll(".view .strip > div")) {
    const name = write(textOf(fact.querySelector("dt")), `13px ${sans}`, 18, colours.muted, 0, 150);
    y = Math.max(name, write(textOf(fact.querySelector("dd")), `13px ${sans}`, 18, colours.ink, 160, width - 160)) + 2;
  }
  y = write(about, `13px ${sans}`, 18, colours.muted) + SAVED_MARGIN - 8;

  canvas.width = SAVED_SCALE * SAVED_WIDTH;
  canvas.height = SAVED_SCALE * Math.ceil(y);
  context.scale(SAVED_SCALE, SAVED_SCALE);
  context.fillStyle = colours.paper;
  context.fillRect(0, 0, SAVED_WIDTH, y);
  context.imageSmoothingQuality = "high";
  for (const draw of drawing) draw();
  return canvas;
}

/**
 * The pictures side by side as on the page, with what is drawn over them; as many in a row as there.
 * @param {HTMLElement} section @param {CanvasRenderingContext2D} context @param {(() => void)[]} drawing @param {number} width @param {number} top
 * @returns {number} where they end
 */
function layPictures(section, context, drawing, width, top) {
  const shown = picturesOf(section).map((picture) => ({ picture, area: picture.getBoundingClientRect() }));
  const drawn = [...section.querySelectorAll(".view svg")].map((picture) => ({ picture, area: picture.getBoundingClientRect() })).filter(({ area }) => area.width > 0);
  const captions = [...section.querySelectorAll(WORDS_IN_PLACE)].map((picture) => ({ picture, area: picture.getBoundingClientRect() })).filter(({ area }) => area.width > 0);
  const areas = [...shown, ...drawn, ...captions].map(({ area }) => area);
  if (!areas.length) return top;
  const left = Math.min(...areas.map((area) => area.left));
  const right = Math.max(...areas.map((area) => area.right));
  const high = Math.min(...areas.map((area) => area.top));
  const low = Math.max(...areas.map((area) => area.bottom));
  const factor = Math.min(width / (right - left), 1.6);
  /** @param {DOMRect} area @returns {[number, number, number, number]} */
  const place = (area) => [SAVED_MARGIN + (area.left - left) * factor, top + (area.top - high) * factor, area.width * factor, area.height * factor];
  for (const { picture, area } of shown) drawing.push(() => {
    const style = getComputedStyle(picture);
    context.fillStyle = style.backgroundColor;
    context.fillRect(...place(area));
    context.imageSmoothingEnabled = style.imageRendering !== "pixelated";
    context.drawImage(picture, ...place(area));
    context.imageSmoothingEnabled = true;
  });
  for (const { picture, area } of captions) drawing.push(() => {
    const [x, y, wide] = place(area);
    const style = getComputedStyle(picture);
    context.font = `${style.fontWeight} ${Math.min(18, parseFloat(style.fontSize) * factor)}px ${style.fontFamily}`;
    context.fillStyle = style.color;
    const line = parseFloat(style.fontSize) * Math.min(factor, 1) * 1.35;
    linesOf(context, textOf(picture), wide).forEach((words, index) => context.fillText(words, x, y + (index + 0.8) * line));
  });
  for (const { picture, area } of drawn) drawing.push(() => drawLinesOf(picture, context, place(area), factor));
  for (const mark of section.querySelectorAll(".view .wipe-handle, .view .facet-mark, .view .cover-piece")) {
    if (mark.getClientRects().length) drawing.push(() => {
      const [x, y, wide, tall] = place(mark.getBoundingClientRect());
      context.lineWidth = 2;
      context.strokeStyle = "#fff";
      if (wide < 6) { context.fillStyle = "#fff"; context.fillRect(x, y, wide, tall); } else context.strokeRect(x, y, wide, tall);
    });
  }
  return top + (low - high) * factor;
}

/** @param {Element} drawn lines, circles and numbers @param {CanvasRenderingContext2D} context @param {number[]} place @param {number} factor */
function drawLinesOf(drawn, context, place, factor) {
  context.save();
  context.translate(place[0], place[1]);
  const box = /** @type {SVGSVGElement} */ (drawn).viewBox.baseVal;
  if (box && box.width) context.scale(place[2] / box.width, place[3] / box.height);
  else context.scale(factor, factor);
  for (const part of drawn.querySelectorAll("path, circle, line, text")) {
    const style = getComputedStyle(part);
    context.globalAlpha = Number(style.opacity) * Number(getComputedStyle(/** @type {Element} */ (part.parentElement)).opacity);
    context.lineWidth = parseFloat(style.strokeWidth) || 1;
    context.setLineDash(style.strokeDasharray === "none" ? [] : style.strokeDasharray.split(/[ ,]+/).map(parseFloat));
    context.lineCap = /** @type {CanvasLineCap} */ (style.strokeLinecap);
    if (part.tagName === "text") {
      context.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
      context.textAlign = style.textAnchor === "middle" ? "center" : style.textAnchor === "end" ? "right" : "left";
      context.fillStyle = style.fill;
      context.fillText(part.textContent ?? "", Number(part.getAttribute("x")), Number(part.getAttribute("y")));
      context.textAlign = "left";
      continue;
    }
    const path = new Path2D(part.tagName === "path" ? part.getAttribute("d") ?? "" : "");
    const number = (/** @type {string} */ name) => Number(part.getAttribute(name));
    if (part.tagName === "circle") path.arc(number("cx"), number("cy"), number("r"), 0, 2 * Math.PI);
    if (part.tagName === "line") { path.moveTo(number("x1"), number("y1")); path.lineTo(number("x2"), number("y2")); }
    if (style.fill !== "none") { context.fillStyle = style.fill; context.fill(path); }
    if (style.stroke !== "none") { context.strokeStyle = style.stroke; context.stroke(path); }
  }
  context.restore();
}

/** @param {Element | null} element @returns {string} its words in one line, with a space between its parts */
function textOf(element) {
  const words = [...(element?.childNodes ?? [])].map((part) => part.textContent).join(" ");
  return words.replace(/\s+/g, " ").replace(/ ([,.;:)])/g, "$1").trim();
}

/** @param {CanvasRenderingContext2D} context @param {string} text @param {number} width @returns {string[]} */
function linesOf(context, text, width) {
  const lines = [""];
  for (const word of text.split(" ").filter(Boolean)) {
    const longer = lines[lines.length - 1] ? `${lines[lines.length - 1]} ${word}` : word;
    if (lines[lines.length - 1] && context.measureText(longer).width > width) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}
