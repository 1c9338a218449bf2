// @ts-check
// DEFLATE (RFC 1951), undone at once: what browsers have for it (DecompressionStream) answers later only.

/** @typedef {{entries: Uint16Array, bits: number}} CodeTable by the next bits: the symbol times 16, and how many bits it takes */

const lengthBases = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
const lengthBits = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const orderOfLengths = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/**
 * @param {Uint8Array} bytes
 * @param {number} size how many bytes come out
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function inflate(bytes, size) {
  const out = new Uint8Array(size);
  let written = 0;
  let read = 0;
  let waiting = 0; // bits that were read and not yet used, the next one lowest
  let count = 0;

  /** @param {number} bits */
  function fill(bits) {
    while (count < bits) {
      waiting |= (bytes[read] ?? 0) << count; // a code may be looked up with more bits than there are left
      read += 1;
      count += 8;
    }
  }
  /** @param {number} bits @returns {number} */
  function take(bits) {
    fill(bits);
    const value = waiting & ((1 << bits) - 1);
    waiting >>>= bits;
    count -= bits;
    return value;
  }
  /** @param {CodeTable} table @returns {number} */
  function symbol(table) {
    fill(table.bits);
    const entry = table.entries[waiting & ((1 << table.bits) - 1)];
    if ((entry & 15) === 0 || read > bytes.length + 4) throw new RangeError("packed numbers are damaged");
    waiting >>>= entry & 15;
    count -= entry & 15;
    return entry >> 4;
  }
  function stored() {
    waiting = 0;
    read -= count >> 3; // whole bytes that were read ahead
    count = 0;
    const length = bytes[read] | (bytes[read + 1] << 8);
    read += 4;
    out.set(bytes.subarray(read, read + length), written);
    written += length;
    read += length;
  }
  /** @returns {[CodeTable, CodeTable]} the codes of this block: of bytes and lengths, and of distances */
  function ownCodes() {
    const [literals, distances, lengths] = [257 + take(5), 1 + take(5), 4 + take(4)];
    const ofLengths = new Uint8Array(19);
    for (let index = 0; index < lengths; index += 1) ofLengths[orderOfLengths[index]] = take(3);
    const table = codeTable(ofLengths);
    const all = new Uint8Array(literals + distances);
    for (let index = 0; index < all.length; ) {
      const next = symbol(table);
      if (next < 16) {
        all[index] = next;
        index += 1;
      } else {
        const value = next === 16 ? all[index - 1] : 0;
        const times = next === 16 ? 3 + take(2) : next === 17 ? 3 + take(3) : 11 + take(7);
        all.fill(value, index, index + times);
        index += times;
      }
    }
    return [codeTable(all.subarray(0, literals)), codeTable(all.subarray(literals))];
  }

  for (let isLast = 0; !isLast; ) {
    isLast = take(1);
    const kind = take(2);
    if (kind === 0) {
      stored();
      continue;
    }
    const [literals, distances] = kind === 1 ? fixedCodes() : ownCodes();
    for (let next = symbol(literals); next !== 256; next = symbol(literals)) {
      if (next < 256) {
        out[written] = next;
        written += 1;
        continue;
      }
      const length = lengthBases[next - 257] + take(lengthBits[next - 257]);
      const step = symbol(distances);
      const extra = Math.max(0, (step >> 1) - 1);
      const distance = step < 2 ? step + 1 : ((2 + (step & 1)) << extra) + 1 + take(extra);
      for (let index = 0; index < length; index += 1) out[written + index] = out[written + index - distance];
      written += length;
    }
  }
  if (written !== size) throw new RangeError(`${written} bytes were packed, not ${size}`);
  return out;
}

/**
 * A canonical Huffman code as a table of every possible next bits.
 *
 * @param {Uint8Array} lengths of the code of each symbol; 0 for none
 * @returns {CodeTable}
 */
function codeTable(lengths) {
  const bits = Math.max(1, lengths.reduce((most, length) => Math.max(most, length), 0));
  const entries = new Uint16Array(1 << bits);
  let code = 0;
  for (let length = 1; length <= bits; length += 1) {
    for (let symbol = 0; symbol < lengths.length; symbol += 1) {
      if (lengths[symbol] !== length) continue;
      let reversed = 0; // the first bit of a code is read first, and lies lowest
      for (let bit = 0; bit < length; bit += 1) reversed |= ((code >> bit) & 1) << (length - 1 - bit);
      for (let index = reversed; index < entries.length; index += 1 << length) entries[index] = (symbol << 4) | length;
      code += 1;
    }
    code <<= 1;
  }
  return { entries, bits };
}

/** @returns {[CodeTable, CodeTable]} */
function fixedCodes() {
  const literals = Uint8Array.from({ length: 288 }, (_, symbol) => (symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8));
  return [codeTable(literals), codeTable(new Uint8Array(30).fill(5))];
}
