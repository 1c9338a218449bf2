// @ts-check
/** Two photos side by side with what matches: outlined on both, joined by lines. */
import { decodeArray } from "./arrays.js";
import { buildSvg } from "./build.js";
import { drawShapes, matchShape, shapeDistances, shapeEdge } from "./match_shapes.js";
import { frameView, mapAtPixels, middleOfCell, paintMap } from "./stage.js";

/** Both photos together take so many pixels of the page, or there is no room for lines. */
const NARROW = 420;

/**
 * What is joined, and how.
 * @typedef {{pair: any, photos: any[], chosen: number, colours: string[], inks: string[]}} Matching the pair with the first photo on the left
 *     (`swapped` if that is its second), both photos in this order, the match that stands out (-1: none)
 */

/**
 * Draw the lines from photo to photo, with the numbers of the matches.
 * @param {any} lines an svg over both photos @param {HTMLElement} duo what holds them @param {{frame: HTMLElement}[]} stages @param {Matching | null} matching null for
 *     no lines
 */
export function drawMatchLines(lines, duo, stages, matching) {
  lines.replaceChildren();
  if (!matching) return;
  const { pair, photos, chosen, colours, inks } = matching;
  const area = duo.getBoundingClientRect();
  lines.setAttribute("viewBox", `0 0 ${area.width} ${area.height}`);
  const boxes = stages.map((stage) => stage.frame.getBoundingClientRect());
  // On a narrow page lines would cross both photos, which stand one above the other or are small: there the numbers alone join them.
  const isNarrow = boxes[1].top >= boxes[0].bottom - 1 || area.width < NARROW;
  const badges = buildSvg("g");
  const radius = boxes[0].width >= 240 ? 12 : 8.5;
  const largest = Math.max(...pair.matches.map((/** @type {any} */ match) => Math.abs(match.share)), 1e-12);
  const spots = isNarrow ? null : anchorsOf(pair, photos, boxes, 2.4 * radius);
  pair.matches.forEach((/** @type {any} */ match, /** @type {number} */ index) => {
    const ends = [0, 1].map((which) => {
      const [across, down] = spots ? spots[index][which] : middleOfPlaces(photos[which].box, pair[gridKey(pair, which)], match[placesKey(pair, which)]);
      return [boxes[which].left - area.left + across * boxes[which].width, boxes[which].top - area.top + down * boxes[which].height];
    });
    const [[x1, y1], [x2, y2]] = ends;
    const bend = (x2 - x1) * 0.35;
    const colour = colours[index % colours.length];
    const quiet = chosen >= 0 && chosen !== index;
    /** @type {Curve} */
    const curve = [[x1, y1], [x1 + bend, y1], [x2 - bend, y2], [x2, y2]];
    // Over the photos a thread, which hides nothing; between them as wide as what the match adds.
    const between = partOfCurve(curve, boxes[0].right - area.left, boxes[1].left - area.left);
    const width = ((2 + (9 * Math.abs(match.share)) / largest) * radius) / 12;
    const thread = Math.min(width, radius / 6);
    if (!isNarrow) lines.append(buildSvg("g", { class: quiet ? "match quiet" : "match" },
      /** @type {[string, Curve, number][]} */ ([["match-thread", curve, thread], ["match-line", between, width]]).flatMap(([name, part, wide]) => [
        buildSvg("path", { d: pathOf(part), class: "match-casing", "stroke-width": wide + radius / 3 }),
        buildSvg("path", { d: pathOf(part), class: name, stroke: colour, "stroke-width": wide, "stroke-dasharray": match.share < 0 ? `${wide} ${1.6 * wide}` : null })])));
    for (const [x, y] of ends) {
      const number = buildSvg("text", { x, y: y + 0.4 * radius, class: "match-number", "font-size": 1.15 * radius, fill: inks[index % colours.length] });
      number.textContent = String(index + 1);
      badges.append(buildSvg("g", { class: quiet ? "match quiet" : "match" }, buildSvg("circle", { cx: x, cy: y, r: radius, fill: colour, class: "match-badge" }), number));
    }
  });
  lines.append(badges); // no line may cover a number
}

/** @typedef {[number, number][]} Curve the four points of a cubic Bezier curve whose x only grows */

/** @param {Curve} curve @returns {string} */
function pathOf([start, first, second, end]) {
  return `M ${start.join(" ")} C ${first.join(" ")}, ${second.join(" ")}, ${end.join(" ")}`;
}

/**
 * The part of a curve between two vertical lines; all of it where they do not cross it.
 * @param {Curve} curve @param {number} left @param {number} right @returns {Curve}
 */
export function partOfCurve(curve, left, right) {
  /** @param {number} x @returns {number} how far along the curve that is, 0 to 1 */
  const timeOf = (x) => {
    let [low, high] = [0, 1];
    for (let step = 0; step < 30; step += 1) {
      const middle = (low + high) / 2;
      if (splitCurve(curve, middle)[0][3][0] < x) low = middle;
      else high = middle;
    }
    return high;
  };
  const [start, end] = [left > curve[0][0] ? timeOf(left) : 0, right < curve[3][0] ? timeOf(right) : 1];
  if (start >= end || end === 0) return curve;
  return splitCurve(splitCurve(curve, end)[0], start / end)[1];
}

/** By de Casteljau. @param {Curve} curve @param {number} time @returns {[Curve, Curve]} before and after */
function splitCurve(curve, time) {
  /** @type {Curve} */
  const before = [curve[0]];
  /** @type {Curve} */
  const after = [curve[3]];
  let points = curve;
  while (points.length > 1) {
    points = points.slice(1).map((point, index) => [points[index][0] + time * (point[0] - points[index][0]), points[index][1] + time * (point[1] - points[index][1])]);
    before.push(points[0]);
    after.unshift(points[points.length - 1]);
  }
  return [before, after];
}

/**
 * Where the line of each match begins and ends: where its shapes face the other photo, as shares of both photos. The same places of both photos get the same
 * height, so that their line runs straight; lines keep apart where they can.
 * @param {any} pair @param {any[]} photos @param {DOMRect[]} boxes where both photos are on the page @param {number} apart in pixels
 * @returns {[[number, number], [number, number]][]}
 */
function anchorsOf(pair, photos, boxes, apart) {
  /** @type {[[number, number], [number, number]][]} */
  const chosen = [];
  for (const match of pair.matches) {
    const [first, second] = [0, 1].map((which) => bordersOf(photos[which].box, pair[gridKey(pair, which)], match[placesKey(pair, which)], which === 0));
    const areSame = pair.matching === "place" && Math.abs(boxes[0].height - boxes[1].height) < 1 && Math.abs(boxes[0].top - boxes[1].top) < 1;
    /** @type {[[number, number], [number, number]][]} */
    const choices = areSame ? first.map((spot, index) => [spot, second[index]]) : first.flatMap((one) => second.map((other) => /** @type {[[number, number], [number, number]]} */ ([one, other])));
    /** @param {[[number, number], [number, number]]} ends */
    const distance = (ends) => Math.min(apart, ...chosen.flatMap((others) => [0, 1].map((which) => Math.abs(ends[which][1] - others[which][1]) * boxes[which].height)));
    chosen.push(choices.reduce((best, ends) => (distance(ends) > distance(best) ? ends : best)));
  }
  return chosen;
}

/**
 * The spots on one side of a shape, at most three a row of its places, those nearest to its middle first.
 * @param {number[]} box @param {number[]} grid rows and columns @param {number[]} places @param {boolean} facingRight @returns {[number, number][]} shares of the photo
 */
function bordersOf(box, [rows, columns], places, facingRight) {
  const shape = matchShape(rows, columns, places);
  const rowOf = places.map((place) => Math.floor(place / columns));
  const middle = rowOf.reduce((sum, row) => sum + row + 0.5, 0) / places.length;
  const heights = [...new Set(rowOf)].flatMap((row) => [row + 0.5, row + 0.25, row + 0.75]).sort((one, other) => Math.abs(one - middle) - Math.abs(other - middle) || one - other);
  return heights.flatMap((height) => {
    const across = shapeEdge(shape, height, facingRight);
    return across === null ? [] : [middleOfCell(box, rows, columns, height - 0.5, across - 0.5)];
  });
}

/**
 * @param {number[]} box @param {number[]} grid rows and columns @param {number[]} places
 * @returns {[number, number]} the middle of that place that lies nearest to the middle of all: it is one of them, whatever their shape
 */
function middleOfPlaces(box, [rows, columns], places) {
  const middles = places.map((place) => middleOfCell(box, rows, columns, Math.floor(place / columns), place % columns));
  const across = middles.reduce((sum, middle) => sum + middle[0], 0) / middles.length;
  const down = middles.reduce((sum, middle) => sum + middle[1], 0) / middles.length;
  /** @param {[number, number]} middle */
  const distance = (middle) => (middle[0] - across) ** 2 + (middle[1] - down) ** 2;
  return middles.reduce((nearest, middle) => (distance(middle) < distance(nearest) ? middle : nearest));
}

/** @param {any[]} pairs @param {number} first @param {number} second photos @returns {any} their pair with the first on the left; undefined where there is none */
export function pairOf(pairs, first, second) {
  const pair = pairs.find(({ a, b }) => (a === first && b === second) || (a === second && b === first));
  return pair && { ...pair, swapped: pair.a !== first, first, second };
}

/** @param {any} pair @param {number} which */
function placesKey(pair, which) {
  return (which === 0) !== pair.swapped ? "places_a" : "places_b";
}

/** @param {any} pair @param {number} which */
export function gridKey(pair, which) {
  return (which === 0) !== pair.swapped ? "grid_a" : "grid_b";
}

/** @param {any} pair @param {number} which @returns {any} */
export function sharesOf(pair, which) {
  const { values, shape } = decodeArray((which === 0) !== pair.swapped ? pair.shares_a : pair.shares_b);
  return { values, rows: shape[0], columns: shape[1], scale: pair.scale };
}

/**
 * Paint what every place adds to the score.
 * @param {ImageData} target @param {any} pixels @param {number[]} box @param {any} pair @param {number} which @param {any} ramps
 */
export function paintShares(target, pixels, box, pair, which, ramps) {
  const shares = sharesOf(pair, which);
  paintMap(target, pixels, mapAtPixels(shares, box, pixels.width, pixels.height, true), shares.scale, { ramps, opacity: 0.85, contours: true });
}

/** So many shapes are remembered on their photos: those of two pairs. */
const REMEMBERED = 24;
/** @type {Map<number[], {on: string, shape: import("./match_shapes.js").MatchShape, distances: () => Float32Array}>} */
const placedShapes = new Map();

/**
 * A shape, and how far inside of it each pixel lies: computed once while a pair is shown.
 * @param {number[]} grid rows and columns @param {number[]} places @param {number[]} box @param {number} width @param {number} height
 */
function placedShape([rows, columns], places, box, width, height) {
  const on = [...box, width, height].join(" ");
  let placed = placedShapes.get(places);
  if (placed?.on !== on) {
    const shape = matchShape(rows, columns, places);
    /** @type {Float32Array | null} */
    let inside = null;
    placed = { on, shape, distances: () => (inside ??= shapeDistances(shape, box, width, height)) };
    placedShapes.set(places, placed);
    if (placedShapes.size > REMEMBERED) placedShapes.delete(/** @type {number[]} */ (placedShapes.keys().next().value));
  }
  return placed;
}

/**
 * Leave the matches in their own colours, outlined; let the rest step back.
 * @param {ImageData} target @param {any} pixels @param {number[]} box @param {any} pair @param {number} which @param {number} chosen the match that is shown alone (-1: all)
 * @param {string[]} colours
 */
export function outlineMatches(target, pixels, box, pair, which, chosen, colours) {
  const [rows, columns] = pair[gridKey(pair, which)];
  const { width, height, colour } = pixels;
  const drawn = pair.matches.map((/** @type {any} */ match, /** @type {number} */ index) => {
    const { shape, distances } = placedShape([rows, columns], match[placesKey(pair, which)], box, width, height);
    return { shape, inside: chosen >= 0 && chosen !== index ? null : distances(), colour: [1, 3, 5].map((at) => parseInt(colours[index % colours.length].slice(at, at + 2), 16)), isLowering: match.share < 0 };
  });
  drawShapes(target.data, colour, width, drawn, Math.max(width, height) / 190);
  /** @param {number} share @param {number} count */
  const edgeAt = (share, count) => Math.round(share * count);
  frameView(target.data, width, height, [edgeAt(box[0], width), edgeAt(box[1], height), edgeAt(box[2], width) - 1, edgeAt(box[3], height) - 1]);
}
