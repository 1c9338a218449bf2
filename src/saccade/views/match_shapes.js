// @ts-check
/** The smooth shape round the places of a match, and its drawing on a photo: the same as in the pictures of the library (picture/match_shapes.py says why). */

/** Of a bump, in places: the standard deviation of a Gaussian; so far from its middle it is nothing. */
const SPREAD = 0.7;
const REACH = 3;
/** What the sum of all bumps must reach at the middle of a place, upwards or downwards. */
const CLEARANCE = 0.25;
const ROUNDS = 80;
/** So many rings of places that do not belong lie round the photo. */
const AROUND = 2;
/** Opacity deep inside of a shape, and how much more of it there is along its line. */
const TINT = 0.08;
const EDGE = 0.4;
/** What is outside of all shapes steps back. */
const OUTSIDE = 0.45;
const DARK_CASING = [18, 18, 22];
const LIGHT_CASING = [255, 255, 255];

/**
 * @typedef {{rows: number, columns: number, places: Uint8Array, weights: Float64Array}} MatchShape weights of the bumps: (rows + 4) by (columns + 4)
 */

/** @param {number} rows @param {number} columns @param {number[]} places those that belong, counted row by row @returns {MatchShape} */
export function matchShape(rows, columns, places) {
  const belongs = new Uint8Array(rows * columns);
  for (const place of places) belongs[place] = 1;
  const [high, wide] = [rows + 2 * AROUND, columns + 2 * AROUND];
  const signs = new Float64Array(high * wide).fill(-1);
  belongs.forEach((own, place) => { if (own) signs[(Math.floor(place / columns) + AROUND) * wide + (place % columns) + AROUND] = 1; });
  const weights = signs.slice();
  const taps = Array.from({ length: 2 * REACH + 1 }, (_, at) => bump(at - REACH));
  const blurred = new Float64Array(high * wide);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (let row = 0; row < high; row += 1) {
      for (let column = 0; column < wide; column += 1) {
        let sum = 0;
        for (let tap = Math.max(-REACH, -column); tap <= Math.min(REACH, wide - 1 - column); tap += 1) sum += taps[tap + REACH] * weights[row * wide + column + tap];
        blurred[row * wide + column] = sum;
      }
    }
    for (let column = AROUND; column < wide - AROUND; column += 1) {
      for (let row = AROUND; row < high - AROUND; row += 1) {
        let sum = 0;
        for (let tap = Math.max(-REACH, -row); tap <= Math.min(REACH, high - 1 - row); tap += 1) sum += taps[tap + REACH] * blurred[(row + tap) * wide + column];
        const sign = signs[row * wide + column];
        const missing = CLEARANCE - sign * sum;
        if (missing > 0) weights[row * wide + column] += sign * missing;
      }
    }
  }
  return { rows, columns, places: belongs, weights };
}

/** @param {number} apart @returns {number} */
function bump(apart) {
  return Math.exp(-((apart / SPREAD) ** 2) / 2) / (SPREAD * Math.sqrt(2 * Math.PI));
}

/**
 * The bumps that count at one height, or one place across.
 * @param {number} at in places @param {number} count of bumps @returns {[number, number[]]} the first of them, and what each is there
 */
function bumpsAt(at, count) {
  const first = Math.max(0, Math.ceil(at - 0.5 + AROUND - REACH));
  const last = Math.min(count - 1, Math.floor(at - 0.5 + AROUND + REACH));
  return [first, Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => bump(first + index - AROUND + 0.5 - at))];
}

/**
 * The sum of all bumps on a grid of points, positive inside of the shape.
 * @param {MatchShape} shape @param {ArrayLike<number>} down heights in places, 0 to rows @param {ArrayLike<number>} across
 * @returns {Float32Array} row by row
 */
export function shapeValues(shape, down, across) {
  const [high, wide] = [shape.rows + 2 * AROUND, shape.columns + 2 * AROUND];
  const bumps = Array.from(across, (at) => bumpsAt(at, wide));
  const values = new Float32Array(down.length * across.length);
  const line = new Float64Array(wide);
  for (let y = 0; y < down.length; y += 1) {
    line.fill(0);
    const [first, taps] = bumpsAt(down[y], high);
    taps.forEach((tap, index) => { for (let column = 0; column < wide; column += 1) line[column] += tap * shape.weights[(first + index) * wide + column]; });
    for (let x = 0; x < across.length; x += 1) {
      const [start, own] = bumps[x];
      let sum = 0;
      for (let index = 0; index < own.length; index += 1) sum += own[index] * line[start + index];
      values[y * across.length + x] = sum;
    }
  }
  return values;
}

/**
 * Where across does the shape end at a height?
 * @param {MatchShape} shape @param {number} height in places @param {boolean} facingRight @returns {number | null} in places; null where it has nothing at that height
 */
export function shapeEdge(shape, height, facingRight) {
  const across = Array.from({ length: 64 * shape.columns + 1 }, (_, index) => index / 64);
  const values = shapeValues(shape, [height], across);
  const index = facingRight ? values.findLastIndex((value) => value > 0) : values.findIndex((value) => value > 0);
  return index < 0 ? null : across[index];
}

/**
 * How many pixels inside of the line does each pixel lie? Negative outside.
 * @param {MatchShape} shape @param {number[]} box what of the photo its grid lies on @param {number} width in pixels of the whole photo @param {number} height
 * @returns {Float32Array}
 */
export function shapeDistances(shape, box, width, height) {
  const down = Float64Array.from({ length: height }, (_, y) => (((y + 0.5) / height - box[1]) / (box[3] - box[1])) * shape.rows);
  const across = Float64Array.from({ length: width }, (_, x) => (((x + 0.5) / width - box[0]) / (box[2] - box[0])) * shape.columns);
  const values = shapeValues(shape, down, across);
  const inside = new Float32Array(width * height);
  for (let y = 0; y < height; y += 1) {
    const [above, below] = [Math.max(0, y - 1), Math.min(height - 1, y + 1)];
    const isOff = down[y] < 0 || down[y] > shape.rows;
    for (let x = 0; x < width; x += 1) {
      if (isOff || across[x] < 0 || across[x] > shape.columns) { inside[y * width + x] = -Infinity; continue; } // no bumps are there
      const [left, right] = [Math.max(0, x - 1), Math.min(width - 1, x + 1)];
      const rise = (values[below * width + x] - values[above * width + x]) / Math.max(1, below - above);
      const run = (values[y * width + right] - values[y * width + left]) / Math.max(1, right - left);
      inside[y * width + x] = values[y * width + x] / Math.max(Math.hypot(rise, run), 1e-4);
    }
  }
  return inside;
}

/**
 * Draw shapes on a photo: a line of their colour, a tint that fades inwards; all the rest of the photo steps back.
 * @param {Uint8ClampedArray} data where to @param {Uint8ClampedArray} photo red, green, blue, opacity of each pixel @param {number} width of the photo
 * @param {{shape: MatchShape, inside: Float32Array | null, colour: number[], isLowering: boolean}[]} drawn the most important first; it lies on top. `inside` as
 *     `shapeDistances` has it, null for what is not shown; those that lowered the score get a striped line
 * @param {number} thick of the lines, in pixels
 */
export function drawShapes(data, photo, width, drawn, thick) {
  const casing = thick / 2;
  const glow = 5.5 * thick;
  const shown = drawn.flatMap(({ shape, inside, colour, isLowering }, index) => {
    if (!inside) return [];
    // Lines of shapes that share places run side by side.
    const sharing = drawn.slice(0, index).filter((other) => other.inside && other.shape.places.some((own, place) => own && shape.places[place])).length;
    return [{ inside, colour, isLowering, middle: thick / 2 + casing + sharing * (thick + 2 * casing) }];
  }).reverse();
  const pixels = photo.length / 4;
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    let lit = 0;
    for (const { inside } of shown) if (inside[pixel] > lit - 0.5) lit = Math.min(1, inside[pixel] + 0.5);
    const light = OUTSIDE + (1 - OUTSIDE) * lit;
    const dark = 12 * (1 - lit);
    for (let channel = 0; channel < 3; channel += 1) data[4 * pixel + channel] = photo[4 * pixel + channel] * light + dark;
    data[4 * pixel + 3] = 255;
  }
  /** @param {number} pixel @param {number[]} colour @param {number} opacity */
  const lay = (pixel, colour, opacity) => {
    if (opacity <= 0) return;
    for (let channel = 0; channel < 3; channel += 1) data[4 * pixel + channel] += opacity * (colour[channel] - data[4 * pixel + channel]);
  };
  for (const { inside, colour } of shown) {
    for (let pixel = 0; pixel < pixels; pixel += 1) {
      const depth = inside[pixel];
      if (depth > -0.5) lay(pixel, colour, Math.min(1, depth + 0.5) * (TINT + (depth < glow ? EDGE * Math.min(1, 1 - depth / glow) ** 1.5 : 0)));
    }
  }
  for (const { inside, colour, isLowering, middle } of shown) {
    for (let pixel = 0; pixel < pixels; pixel += 1) {
      const apart = Math.abs(inside[pixel] - middle);
      if (apart > thick / 2 + casing + 0.5) continue;
      lay(pixel, DARK_CASING, 0.5 * covered(thick + 2 * casing, apart));
      lay(pixel, LIGHT_CASING, 0.9 * covered(thick + casing, apart));
      lay(pixel, colour, covered(thick, apart) * (isLowering ? stripe(pixel % width, Math.floor(pixel / width), 3 * thick) : 1));
    }
  }
}

/** @param {number} broad of a line @param {number} apart from its middle @returns {number} how much of a pixel it covers */
function covered(broad, apart) {
  return Math.min(1, Math.max(0, broad / 2 + 0.5 - apart));
}

/** @param {number} x @param {number} y @param {number} broad @returns {number} 1 on a slanted stripe, 0 between two */
function stripe(x, y, broad) {
  const along = ((x + y) / Math.SQRT2 / broad) % 2;
  return Math.min(1, Math.max(0, (0.5 - Math.abs(along - 1)) * broad + 0.5));
}
