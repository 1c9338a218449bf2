// @ts-check
/** Numbers as a person reads them: two significant digits, a true minus, a thin space before the per cent. */

/** @param {number} value @param {number} [digits] @param {number} [beside] the largest in one row with it, which decides on an exponent @returns {string} */
export function inWords(value, digits = 2, beside = 0) {
  if (!Number.isFinite(value)) return "no number";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const exponentOf = (/** @type {number} */ one) => Math.floor(Math.log10(Number(one.toPrecision(digits))) + 1e-9);
  const exponent = exponentOf(size);
  const largest = Math.max(exponent, beside ? exponentOf(Math.abs(beside)) : exponent);
  const text = largest < -4 || largest > 6 ? size.toExponential(digits - 1) : size.toFixed(Math.max(0, digits - 1 - exponent));
  return (value < 0 ? "\u2212" : "") + text;
}

/** @param {number} share @param {number} [digits] @returns {string} 0.314 becomes 31 % */
export function asPercent(share, digits = 2) {
  return `${inWords(100 * share, digits)}\u00a0%`;
}

/** @param {...(string | undefined)} sentences @returns {string} one after the other, with numbers that stay on the line of their per cent */
export function asText(...sentences) {
  return sentences.filter(Boolean).join(" ").replace(/(\d) %/g, "$1\u00a0%");
}

/** @param {number} value @param {number} [beside] as for `inWords` @returns {string} with its sign */
export function withSign(value, beside = 0) {
  return (value > 0 ? "+" : "") + inWords(value, 2, beside);
}

/** @param {number} value @returns {string} a similarity; never rounded to the same */
export function asScore(value) {
  return Math.abs(value) > 0.95 && Math.abs(value) < 0.9995 ? value.toFixed(3).replace("-", "\u2212") : inWords(value);
}

/** @param {number} value @returns {string} 3,068 */
export function asCount(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

const OF_CENTRE = 0.08;
const NEAR_EDGE = 0.25;
const AT_EDGE = 0.15;

/**
 * Where on a photo, in words that "of the photo" can follow; results/place_words.py says the same.
 * @param {number} across 0 to 1 @param {number} down 0 to 1 @returns {string}
 */
export function placeInWords(across, down) {
  const side = Math.abs(across - 0.5) <= OF_CENTRE ? "" : across < 0.5 ? "left" : "right";
  const level = Math.abs(down - 0.5) <= OF_CENTRE ? "" : down < 0.5 ? "upper" : "lower";
  const [toSide, toEnd] = [across, down].map((where) => Math.min(where, 1 - where));
  if (!side && !level) return "at the centre";
  if (Math.max(toSide, toEnd) <= NEAR_EDGE) return `${Math.max(toSide, toEnd) <= AT_EDGE ? "in" : "near"} the ${level} ${side} corner`;
  const at = Math.min(toSide, toEnd) <= AT_EDGE ? "at" : "near";
  if (toSide <= NEAR_EDGE) return level ? `${at} the ${side} edge in the ${level} half` : `${at} the middle of the ${side} edge`;
  if (toEnd <= NEAR_EDGE) return side ? `${at} the ${level} edge in the ${side} half` : `${at} the middle of the ${level} edge`;
  const above = level === "upper" ? "above" : "below";
  if (!level || !side) return side ? `${side} of the centre` : `${above} the centre`;
  return Math.abs(across - 0.5) >= Math.abs(down - 0.5) ? `${side} of the centre in the ${level} half` : `${above} the centre in the ${side} half`;
}
