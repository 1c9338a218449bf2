// @ts-check
/** Why are these two alike? Both photos, the matches that make up the score joined by lines, and a bar that adds up to it. */
import { decodeArray } from "./arrays.js";
import { build, buildSvg } from "./build.js";
import { captionStrip, chooser, readout } from "./controls.js";
import { cellAt, cellInWords, createStage, mapAtPixels, middleOfCell, paintMap, photoPixels } from "./stage.js";
import { colourKey } from "./where.js";
import { asCount, asPercent, asScore, inWords, withSign } from "./wording.js";

/** The rest of a bar is drawn broken where it would take more of it than this. */
const MOST_OF_BAR = 0.4;

/** @param {{data: any, element: HTMLElement, store: any}} view */
export function renderAlike({ data, element, store }) {
  /** @type {string[]} distinct with and without colour vision; every match has its number too */
  const colours = data.match_colours;
  /** @type {"matches" | "shares" | "photos"} */
  let shownAs = "matches";
  let chosen = -1;
  const picker = build("div", { class: "picker", role: "group", "aria-label": "the other photo" });
  const stages = [0, 1].map((which) => createStage({
    label: "", help: "Move the pointer or press the arrow keys to see what each place adds to the similarity.",
    onPlace: (across, down) => touch(which, across, down), onLeave: () => rest(), step: () => [0.1, 0.1],
  }));
  const lines = buildSvg("svg", { class: "match-lines", "aria-hidden": "true" });
  const score = build("p", { class: "score" });
  const finding = build("p", { class: "finding" });
  const typical = build("div");
  const bar = build("div", { class: "sum-bar" });
  const key = build("div");
  const caption = build("div");
  const read = readout();
  const views = chooser({
    label: "What is shown on the photos", value: shownAs,
    choices: [{ value: "matches", text: "What matches" }, { value: "shares", text: "What every place adds" }, { value: "photos", text: "Just the photos" }],
    onChange: (value) => { shownAs = value; draw(); },
  });
  const duo = build("div", { class: "duo" }, build("figure", {}, stages[0].node), build("figure", {}, stages[1].node), lines);
  element.append(
    picker, build("div", { class: "score-row" }, score, build("div", {}, finding, typical)), duo, read.node,
    build("div", { class: "toolbar" }, views.node), bar, key, caption,
  );
  new ResizeObserver(() => drawLines()).observe(duo);

  /** @returns {any} the pair as it is shown, the current photo first */
  function pairNow() {
    const { photo, other } = store.get();
    const second = otherOf(photo, other, data.photos.length);
    const found = data.pairs.find((/** @type {any} */ pair) => (pair.a === photo && pair.b === second) || (pair.a === second && pair.b === photo));
    return found && { ...found, swapped: found.a !== photo, first: photo, second };
  }

  function refresh() {
    const pair = pairNow();
    const current = store.get().photo;
    const second = otherOf(current, store.get().other, data.photos.length);
    picker.replaceChildren(build("span", { class: "picker-label" }, "Compare with"), ...data.photos.map((/** @type {any} */ photo, /** @type {number} */ index) => index === current ? null : build("button", {
      type: "button", class: "thumb", "aria-pressed": String(index === second), "aria-label": photo.name, on: { click: () => store.set({ other: index }) },
    }, build("img", { src: photo.thumbnail, alt: "" }))).filter(Boolean));
    chosen = -1;
    score.replaceChildren(build("span", { class: "score-number" }, asScore(pair.score)), build("span", { class: "score-words" }, pair.centred ? "alike, beyond what all photos share" : "alike"));
    score.dataset.value = String(pair.score);
    finding.textContent = pair.sentence;
    typical.replaceChildren(ruler(pair));
    bar.replaceChildren(sumBar(pair));
    caption.replaceChildren(captionStrip([
      ["what is compared", `the code of both photos (${data.code.layer}), by its cosine${pair.centred ? ", less the mean code" : ""}`],
      ["the split", pair.split === "exact" ? "exact: all places together make the score" : "estimated by covering"],
      ["unit", "what a place adds to the similarity"], ["real grid", pair.places ? `${pair[gridKey(pair, 0)].join("\u00d7")}${pair.matching === "place" ? "" : ` by ${pair[gridKey(pair, 1)].join("\u00d7")}`}, smoothed for display` : ""], ["good to know", pair.notes.join(" \u00b7 ")],
    ]));
    draw();
  }

  async function draw() {
    const pair = pairNow();
    const photos = [data.photos[pair.first], data.photos[pair.second]];
    const pixels = await Promise.all(photos.map(photoPixels));
    if (pairNow().first !== pair.first || pairNow().second !== pair.second) return;
    key.replaceChildren();
    photos.forEach((photo, which) => {
      const shares = pair.places ? sharesOf(pair, which) : null;
      stages[which].paint(pixels[which], (target) => {
        if (shownAs === "shares" && shares) paintMap(target, pixels[which], mapAtPixels(shares, photo.box, pixels[which].width, pixels[which].height, true), shares.scale, { ramps: data.ramps, opacity: 0.85, contours: true });
        else {
          target.data.set(pixels[which].colour);
          if (shownAs === "matches" && pair.matches.length) dim(target, pixels[which], photo.box, pair, which, chosen, colours);
        }
      });
      stages[which].describe(`${photo.alt}. ${pair.sentence}`);
    });
    if (shownAs === "shares" && pair.places) {
      const shares = sharesOf(pair, 0);
      key.replaceChildren(colourKey(data, { scale: shares.scale, unit: "what this place adds to the similarity", is_share: false }));
    }
    drawLines();
    rest();
  }

  function drawLines() {
    const pair = pairNow();
    lines.replaceChildren();
    if (!pair || shownAs !== "matches") return;
    const area = duo.getBoundingClientRect();
    lines.setAttribute("viewBox", `0 0 ${area.width} ${area.height}`);
    const boxes = stages.map((stage) => stage.frame.getBoundingClientRect());
    const photos = [data.photos[pair.first], data.photos[pair.second]];
    // On a narrow page the photos stand one above the other, and lines would cross both: there the numbers alone join them.
    const isStacked = boxes[1].top >= boxes[0].bottom - 1;
    const badges = buildSvg("g");
    const radius = isStacked || area.width >= 560 ? 12 : 7.5;
    const largest = Math.max(...pair.matches.map((/** @type {any} */ match) => Math.abs(match.share)), 1e-12);
    pair.matches.forEach((/** @type {any} */ match, /** @type {number} */ index) => {
      const ends = [0, 1].map((which) => {
        // A line starts on the edge that looks at the other photo, so that it covers neither.
        const [rows, columns] = pair[gridKey(pair, which)];
        const places = match[placesKey(pair, which)];
        if (isStacked) {
          const [across, down] = middleOfPlaces(photos[which].box, rows, columns, places);
          return [boxes[which].left - area.left + across * boxes[which].width, boxes[which].top - area.top + down * boxes[which].height];
        }
        const columnsOfPlaces = places.map((/** @type {number} */ place) => place % columns);
        const edge = which === 0 ? Math.max(...columnsOfPlaces) : Math.min(...columnsOfPlaces);
        const onEdge = places.filter((/** @type {number} */ place) => place % columns === edge);
        const row = onEdge.reduce((/** @type {number} */ sum, /** @type {number} */ place) => sum + Math.floor(place / columns), 0) / onEdge.length;
        const [, down] = middleOfCell(photos[which].box, rows, columns, row, edge);
        const [across] = middleOfCell(photos[which].box, rows, columns, row, edge + (which === 0 ? 0.5 : -0.5));
        return [boxes[which].left - area.left + across * boxes[which].width, boxes[which].top - area.top + down * boxes[which].height];
      });
      const [[x1, y1], [x2, y2]] = ends;
      const bend = (x2 - x1) * 0.35;
      const colour = colours[index % colours.length];
      const quiet = chosen >= 0 && chosen !== index;
      const path = `M ${x1} ${y1} C ${x1 + bend} ${y1}, ${x2 - bend} ${y2}, ${x2} ${y2}`;
      const width = ((2 + (9 * Math.abs(match.share)) / largest) * radius) / 12;
      if (!isStacked) lines.append(buildSvg("g", { class: quiet ? "match quiet" : "match" },
        buildSvg("path", { d: path, class: "match-casing", "stroke-width": width + radius / 3 }),
        buildSvg("path", { d: path, class: "match-line", stroke: colour, "stroke-width": width, "stroke-dasharray": match.share < 0 ? `${width} ${1.6 * width}` : null })));
      for (const [x, y] of ends) {
        const number = buildSvg("text", { x, y: y + 0.4 * radius, class: "match-number", "font-size": 1.15 * radius, fill: data.match_inks[index % colours.length] });
        number.textContent = String(index + 1);
        badges.append(buildSvg("g", { class: quiet ? "match quiet" : "match" }, buildSvg("circle", { cx: x, cy: y, r: radius, fill: colour, class: "match-badge" }), number));
      }
    });
    lines.append(badges); // no line may cover a number
  }

  /** @param {any} pair */
  function sumBar(pair) {
    const parts = [
      ...pair.matches.map((/** @type {any} */ match, /** @type {number} */ index) => ({ name: `match ${index + 1}`, value: match.share, colour: colours[index % colours.length], ink: data.match_inks[index % colours.length], index })),
      { name: "everything else", value: pair.rest, colour: "var(--muted)", ink: "var(--paper)", index: -1 },
    ];
    const reach = parts.reduce((sum, part) => sum + Math.abs(part.value), 0) || 1;
    const named = reach - Math.abs(pair.rest);
    // A long rest would squeeze what has a name to nothing: it is drawn broken, and its true length is said.
    const isBroken = named > 0 && Math.abs(pair.rest) > MOST_OF_BAR * reach;
    /** @param {any} one */
    const lengthOf = (one) => (isBroken && one.index < 0 ? (named * MOST_OF_BAR) / (1 - MOST_OF_BAR) : Math.abs(one.value)) / reach;
    const lowered = parts.filter((part) => part.value < 0);
    const raised = parts.filter((part) => part.value >= 0);
    /** @param {any} part */
    const piece = (part) => build("button", {
      type: "button", class: isBroken && part.index < 0 ? "sum-part broken" : "sum-part", style: { "--part": part.colour, "--part-ink": part.ink, "flex-grow": lengthOf(part) / Math.min(...parts.map(lengthOf).filter(Boolean), 1) }, "aria-label": `${part.name} ${part.value < 0 ? "lowered" : "raised"} the similarity by ${inWords(Math.abs(part.value))}`,
      on: { mouseenter: () => choose(part), focus: () => choose(part), mouseleave: () => choose(null), blur: () => choose(null) },
    }, build("b", {}, part.index >= 0 ? String(part.index + 1) : "rest"));
    const text = parts.map((part) => `${withSign(part.value)} ${part.name}`).join("  ");
    return build("div", {},
      build("div", { class: "sum-parts" }, lowered.map(piece), lowered.length ? build("span", { class: "sum-zero", "aria-hidden": "true" }) : null, raised.map(piece)),
      build("p", { class: "sum-text" }, `${text} = `, build("b", {}, asScore(pair.score))),
      isBroken ? build("p", { class: "sum-text" }, `The rest is drawn broken off: in truth it is ${inWords(Math.abs(pair.rest) / named)} times as long as all numbered parts together, spread over every other place.`) : null);
  }

  /** @param {any} part */
  function choose(part) {
    chosen = part ? part.index : -1;
    if (part) {
      const pair = pairNow();
      read.say(build("b", {}, `${part.name}: ${withSign(part.value)}`), ` of ${asScore(pair.score)} (${asPercent(part.value / pair.score)} of the score)`);
    } else rest();
    if (shownAs === "matches") repaint();
  }

  async function repaint() {
    const pair = pairNow();
    const photos = [data.photos[pair.first], data.photos[pair.second]];
    const pixels = await Promise.all(photos.map(photoPixels));
    photos.forEach((photo, which) => stages[which].paint(pixels[which], (target) => { target.data.set(pixels[which].colour); dim(target, pixels[which], photo.box, pair, which, chosen, colours); }));
    drawLines();
  }

  /** @param {number} which @param {number} across @param {number} down */
  function touch(which, across, down) {
    const pair = pairNow();
    if (!pair.places) return;
    const photos = [data.photos[pair.first], data.photos[pair.second]];
    const shares = sharesOf(pair, which);
    const cell = cellAt(photos[which].box, shares.rows, shares.columns, across, down);
    if (!cell) return;
    const value = shares.values[cell[0] * shares.columns + cell[1]];
    const where = cellInWords(photos[which].box, shares.rows, shares.columns, cell[0], cell[1]);
    read.say(build("b", {}, withSign(value)), ` of ${asScore(pair.score)}: ${where} of ${photos[which].name}${pair.matching === "place" ? " with the same place of the other" : " with all of the other"}`);
    read.node.dataset.value = String(value);
  }

  function rest() {
    read.say("Point at a place, or at a part of the bar.");
    delete read.node.dataset.value;
  }

  /** @param {any} pair */
  function ruler(pair) {
    if (!pair.typical) return build("p", { class: "aside" }, "What a typical pair scores is not known for this model; a reference collection would tell.");
    const [median, high] = pair.typical.scores;
    const low = Math.min(-0.2, pair.score, median);
    /** @param {number} value */
    const at = (value) => `${(100 * (value - low)) / (1 - low)}%`;
    return build("div", { class: "ruler" },
      build("div", { class: "ruler-line", "aria-hidden": "true" },
        build("span", { class: "ruler-band", style: { left: at(median), right: `calc(100% - ${at(high)})` } }), build("span", { class: "ruler-mark", style: { left: at(pair.score) } })),
      build("p", { class: "aside" }, `A typical pair of the ${asCount(pair.typical.photos)} photos that the model knows scores ${inWords(median)}; 5\u00a0% of them score over ${inWords(high)}.`));
  }

  store.follow((/** @type {any} */ state, /** @type {any} */ before) => { if (state.photo !== before.photo || state.other !== before.other) refresh(); });
}

/** @param {number} photo @param {number} other @param {number} count @returns {number} a photo that is not the first one */
export function otherOf(photo, other, count) {
  return other === photo || other < 0 || other >= count ? (photo + 1) % count : other;
}

/**
 * @param {number[]} box @param {number} rows @param {number} columns @param {number[]} places
 * @returns {[number, number]} the middle of that place that lies nearest to the middle of all: it is one of them, whatever their shape
 */
function middleOfPlaces(box, rows, columns, places) {
  const middles = places.map((place) => middleOfCell(box, rows, columns, Math.floor(place / columns), place % columns));
  const across = middles.reduce((sum, middle) => sum + middle[0], 0) / middles.length;
  const down = middles.reduce((sum, middle) => sum + middle[1], 0) / middles.length;
  /** @param {[number, number]} middle */
  const distance = (middle) => (middle[0] - across) ** 2 + (middle[1] - down) ** 2;
  return middles.reduce((nearest, middle) => (distance(middle) < distance(nearest) ? middle : nearest));
}

/** @param {any} pair @param {number} which */
function placesKey(pair, which) {
  return (which === 0) !== pair.swapped ? "places_a" : "places_b";
}

/** @param {any} pair @param {number} which */
function gridKey(pair, which) {
  return (which === 0) !== pair.swapped ? "grid_a" : "grid_b";
}

/** @param {any} pair @param {number} which @returns {any} */
function sharesOf(pair, which) {
  const { values, shape } = decodeArray((which === 0) !== pair.swapped ? pair.shares_a : pair.shares_b);
  return { values, rows: shape[0], columns: shape[1], scale: pair.scale };
}

/**
 * Leave the matches in their own colours, outlined; let the rest step back.
 * @param {ImageData} target @param {any} pixels @param {number[]} box @param {any} pair @param {number} which @param {number} chosen
 * @param {string[]} colours
 */
function dim(target, pixels, box, pair, which, chosen, colours) {
  const grid = pair[gridKey(pair, which)];
  const owner = new Int8Array(grid[0] * grid[1]).fill(-1);
  pair.matches.forEach((/** @type {any} */ match, /** @type {number} */ index) => {
    if (chosen >= 0 && chosen !== index) return;
    for (const place of match[placesKey(pair, which)]) if (owner[place] < 0) owner[place] = index;
  });
  const { width, height, colour } = pixels;
  const data = target.data;
  const paints = colours.map((text) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16)));
  const columnOf = Int16Array.from({ length: width }, (_, x) => Math.floor((((x + 0.5) / width - box[0]) / (box[2] - box[0])) * grid[1]));
  const rowOf = Int16Array.from({ length: height }, (_, y) => Math.floor((((y + 0.5) / height - box[1]) / (box[3] - box[1])) * grid[0]));
  /** @param {number} x @param {number} y */
  const ownerAt = (x, y) => (x < 0 || y < 0 || x >= width || y >= height || columnOf[x] < 0 || columnOf[x] >= grid[1] || rowOf[y] < 0 || rowOf[y] >= grid[0] ? -1 : owner[rowOf[y] * grid[1] + columnOf[x]]);
  const edge = 3;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const index = 4 * (y * width + x);
      const own = ownerAt(x, y);
      if (own < 0) {
        for (let channel = 0; channel < 3; channel += 1) data[index + channel] = colour[index + channel] * 0.42 + 12;
        continue;
      }
      const inked = ownerAt(x - edge, y) !== own || ownerAt(x + edge, y) !== own || ownerAt(x, y - edge) !== own || ownerAt(x, y + edge) !== own;
      const paint = paints[own % paints.length];
      for (let channel = 0; channel < 3; channel += 1) data[index + channel] = inked ? paint[channel] : colour[index + channel];
    }
  }
}
