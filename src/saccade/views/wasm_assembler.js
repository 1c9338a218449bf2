// @ts-check
// A small assembler: functions over 32-bit integers, floats and vectors of four floats become the bytes of a WebAssembly
// module. The page writes its kernels itself, for the very layers that it has to compute; nothing compiled lies in a file.

/** @typedef {number | CodeList} Code nested lists of bytes */
/** @typedef {Array<number | CodeList>} CodeList */

/**
 * @typedef {object} WasmFunction
 * @property {string} name
 * @property {("i32"|"f32")[]} parameters
 * @property {("i32"|"f32"|"v128")[]} locals numbered after the parameters
 * @property {Code} body
 */

const VALUE_TYPES = { i32: 0x7f, f32: 0x7d, v128: 0x7b };
const [TYPE_SECTION, IMPORT_SECTION, FUNCTION_SECTION, EXPORT_SECTION, CODE_SECTION] = [1, 2, 3, 7, 10];

/** @param {number} value @returns {Code} an unsigned number, seven bits a byte */
function unsigned(value) {
  const bytes = [];
  let rest = value >>> 0;
  do {
    const low = rest & 0x7f;
    rest >>>= 7;
    bytes.push(rest === 0 ? low : low | 0x80);
  } while (rest !== 0);
  return bytes;
}

/** @param {number} value @returns {Code} */
function signed(value) {
  const bytes = [];
  let rest = value | 0;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) {
      bytes.push(low);
      return bytes;
    }
    bytes.push(low | 0x80);
  }
}

/** @param {string} text @returns {Code} */
function wasmName(text) {
  return [unsigned(text.length), [...text].map((character) => character.charCodeAt(0))];
}

/** @param {Code[]} items @returns {Code} */
function wasmVector(items) {
  return [unsigned(items.length), items];
}

/** @param {number} id @param {Code} content @returns {Code} */
function wasmSection(id, content) {
  const bytes = flatBytes(content);
  return [id, unsigned(bytes.length), bytes];
}

/** @param {Code} code @returns {number[]} */
function flatBytes(code) {
  /** @type {number[]} */
  const bytes = [];
  /** @param {Code} part */
  const append = (part) => {
    if (typeof part === "number") bytes.push(part);
    else part.forEach(append);
  };
  append(code);
  return bytes;
}

/** @param {number} opcode @param {...Code} operands @returns {Code} */
function simd(opcode, ...operands) {
  return [operands, 0xfd, unsigned(opcode)];
}

/** @param {number} opcode @param {Code} address @param {number} offset @param {number} alignment @returns {Code} */
function vectorLoad(opcode, address, offset, alignment) {
  return [address, 0xfd, unsigned(opcode), alignment, unsigned(offset)];
}

/** The instructions that the kernels are made of; each gives the code that leaves its result on the stack. */
export const wasm = {
  /** @param {number} local @returns {Code} */
  get: (local) => [0x20, unsigned(local)],
  /** @param {number} local @param {Code} value @returns {Code} */
  set: (local, value) => [value, 0x21, unsigned(local)],
  /** @param {number} value @returns {Code} */
  integer: (value) => [0x41, signed(value)],
  /** @param {Code} a @param {Code} b @returns {Code} */
  plus: (a, b) => [a, b, 0x6a],
  /** @param {Code} a @param {Code} b @returns {Code} */
  times: (a, b) => [a, b, 0x6c],
  /** @param {number} local @param {Code} step @returns {Code} */
  advance: (local, step) => wasm.set(local, wasm.plus(wasm.get(local), step)),
  /**
   * Do it as often as a local says, which counts down to zero; at least once.
   *
   * @param {number} local @param {Code} body @returns {Code}
   */
  repeat: (local, body) => [
    [0x03, 0x40], body, wasm.set(local, wasm.plus(wasm.get(local), wasm.integer(-1))), wasm.get(local), [0x0d, 0x00, 0x0b],
  ],

  /** @param {Code} address @param {number} [offset] @returns {Code} four floats */
  load: (address, offset = 0) => vectorLoad(0x00, address, offset, 2),
  /** @param {Code} address @param {number} [offset] @returns {Code} one float, four times */
  loadSpread: (address, offset = 0) => vectorLoad(0x09, address, offset, 2),
  /** @param {Code} address @param {Code} value @param {number} [offset] @returns {Code} */
  store: (address, value, offset = 0) => [address, value, 0xfd, unsigned(0x0b), 2, unsigned(offset)],
  /** @param {Code} value @returns {Code} */
  spread: (value) => simd(0x13, value),
  /** @param {number} value @returns {Code} the same float, four times */
  floats: (value) => {
    const bytes = [...new Uint8Array(new Float32Array([value]).buffer)];
    return [0xfd, unsigned(0x0c), bytes, bytes, bytes, bytes];
  },
  /** @param {number} value @returns {Code} the same integer, four times */
  integers: (value) => simd(0x11, wasm.integer(value)),
  /** @param {Code} a @param {Code} b @returns {Code} */
  add: (a, b) => simd(0xe4, a, b),
  /** @param {Code} a @param {Code} b @returns {Code} */
  subtract: (a, b) => simd(0xe5, a, b),
  /** @param {Code} a @param {Code} b @returns {Code} */
  multiply: (a, b) => simd(0xe6, a, b),
  /** @param {Code} a @param {Code} b @returns {Code} */
  divide: (a, b) => simd(0xe7, a, b),
  /** @param {Code} a @param {Code} b @returns {Code} the smaller; a where one is no number */
  smaller: (a, b) => simd(0xea, a, b),
  /** @param {Code} a @param {Code} b @returns {Code} the greater; a where one is no number */
  greater: (a, b) => simd(0xeb, a, b),
  /** @param {Code} a @param {Code} b @returns {Code} all bits set where a > b */
  isGreater: (a, b) => simd(0x44, a, b),
  /** @param {Code} a @param {Code} b @param {Code} mask @returns {Code} a where the mask is set, else b */
  choose: (a, b, mask) => simd(0x52, a, b, mask),
  /** @param {Code} a @returns {Code} */
  nearest: (a) => simd(0x6a, a),
  /** @param {Code} a @returns {Code} */
  toIntegers: (a) => simd(0xf8, a),
  /** @param {Code} a @param {Code} b @returns {Code} */
  addIntegers: (a, b) => simd(0xae, a, b),
  /** @param {Code} a @param {number} bits @returns {Code} */
  shiftLeft: (a, bits) => simd(0xab, a, wasm.integer(bits)),
  /** @param {Code} a @param {Code} b @param {Code} c @returns {Code} a * b + c in one step ("relaxed SIMD") */
  fusedMultiplyAdd: (a, b, c) => simd(0x105, a, b, c),
};

/**
 * The bytes of a module that imports its memory as `page.memory` and exports every function by its name.
 *
 * @param {WasmFunction[]} functions
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function assembleWasm(functions) {
  const types = functions.map(({ parameters }) => [0x60, wasmVector(parameters.map((type) => VALUE_TYPES[type])), 0]);
  const exported = functions.map(({ name }, index) => [wasmName(name), 0x00, unsigned(index)]);
  const bodies = functions.map(({ locals, body }) => {
    const bytes = flatBytes([wasmVector(locals.map((type) => [1, VALUE_TYPES[type]])), body, 0x0b]);
    return [unsigned(bytes.length), bytes];
  });
  const memory = [wasmName("page"), wasmName("memory"), 0x02, 0x00, unsigned(1)];
  return new Uint8Array(flatBytes([
    [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    wasmSection(TYPE_SECTION, wasmVector(types)),
    wasmSection(IMPORT_SECTION, wasmVector([memory])),
    wasmSection(FUNCTION_SECTION, wasmVector(functions.map((_, index) => unsigned(index)))),
    wasmSection(EXPORT_SECTION, wasmVector(exported)),
    wasmSection(CODE_SECTION, wasmVector(bodies)),
  ]));
}
