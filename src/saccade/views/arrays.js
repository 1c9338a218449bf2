// @ts-check
// Arrays as they travel: base64 of little-endian numbers, with their type and shape; in a page also packed.
import { inflate } from "./inflate.js";

/**
 * @typedef {object} ArraySpec
 * @property {"float32"|"float16"|"uint8"|"int8"} dtype how each number is written
 * @property {number[]} shape
 * @property {string} [base64] little-endian, the last axis runs fastest
 * @property {string} [deflated] in its place: base64 of DEFLATE of the differences, the lowest byte of all of them first
 * @property {number} [stride] the differences are those to the number so many places before; 0: the numbers themselves
 * @property {number} [scale] what each number is multiplied by; the values are then float32
 */

/**
 * @typedef {object} DecodedArray
 * @property {Float32Array|Uint8Array|Int8Array} values
 * @property {number[]} shape
 */

/**
 * Which numbers does this array hold?
 *
 * Half precision and scaled integers become float32; other integers stay what they are.
 *
 * @param {ArraySpec} spec
 * @returns {DecodedArray}
 */
export function decodeArray(spec) {
  const count = spec.shape.reduce((product, size) => product * size, 1);
  const width = { float32: 4, float16: 2, uint8: 1, int8: 1 }[spec.dtype];
  if (width === undefined) throw new TypeError(`an array of ${spec.dtype} cannot be read`);
  const bytes = spec.deflated === undefined ? bytesOfBase64(spec.base64 ?? "") : unpacked(spec.deflated, count, width, spec.stride ?? 0);
  if (bytes.length !== count * width) {
    throw new RangeError(`${bytes.length} bytes are no ${spec.dtype} array of ${spec.shape.join(" x ")}`);
  }
  let values = numbersOfBytes(spec.dtype, bytes, count);
  if (spec.scale !== undefined) {
    const scaled = Float32Array.from(values);
    for (let index = 0; index < count; index += 1) scaled[index] *= spec.scale;
    values = scaled;
  }
  return { values, shape: spec.shape };
}

/**
 * @param {string} deflated @param {number} count of numbers @param {number} width of a number in bytes @param {number} stride
 * @returns {Uint8Array<ArrayBuffer>} little-endian
 */
function unpacked(deflated, count, width, stride) {
  const planes = inflate(bytesOfBase64(deflated), count * width);
  const words = width === 1 ? planes : width === 2 ? new Uint16Array(count) : new Uint32Array(count);
  if (width > 1) {
    for (let plane = 0; plane < width; plane += 1) {
      for (let index = 0; index < count; index += 1) words[index] |= planes[plane * count + index] << (8 * plane);
    }
  }
  if (stride > 0) {
    for (let index = stride; index < count; index += 1) words[index] += words[index - stride];
  }
  return new Uint8Array(words.buffer);
}

/**
 * @param {ArraySpec["dtype"]} dtype
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {number} count
 * @returns {Float32Array|Uint8Array|Int8Array}
 */
function numbersOfBytes(dtype, bytes, count) {
  if (dtype === "uint8") return bytes;
  if (dtype === "int8") return new Int8Array(bytes.buffer);
  if (dtype === "float16") return float32OfFloat16(bytes);
  const view = new DataView(bytes.buffer);
  const values = new Float32Array(count);
  for (let index = 0; index < count; index += 1) values[index] = view.getFloat32(4 * index, true);
  return values;
}

/**
 * @param {string} text
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function bytesOfBase64(text) {
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let index = 0; index < bytes.length; index += 1) bytes[index] = characters.charCodeAt(index);
  return bytes;
}

/**
 * Half precision as single precision, bit by bit: exact, including subnormal numbers, infinities and NaN.
 *
 * @param {Uint8Array} bytes little-endian pairs
 * @returns {Float32Array<ArrayBuffer>}
 */
function float32OfFloat16(bytes) {
  const bits = new Uint32Array(bytes.length / 2);
  for (let index = 0; index < bits.length; index += 1) {
    const half = bytes[2 * index] | (bytes[2 * index + 1] << 8);
    const sign = (half & 0x8000) << 16;
    let exponent = (half >> 10) & 0x1f;
    let fraction = half & 0x3ff;
    if (exponent === 0x1f) {
      exponent = 0xff;
    } else if (exponent > 0) {
      exponent += 112; // 127 - 15: the biases of the two exponents
    } else if (fraction > 0) {
      // Subnormal in half precision, normal in single precision.
      exponent = 113;
      while ((fraction & 0x400) === 0) {
        fraction <<= 1;
        exponent -= 1;
      }
      fraction &= 0x3ff;
    }
    bits[index] = sign | (exponent << 23) | (fraction << 13);
  }
  return new Float32Array(bits.buffer);
}
