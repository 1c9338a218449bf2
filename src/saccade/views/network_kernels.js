// @ts-check
// The kernels of an in-page network, written as WebAssembly for the very strides of its layers.
import { assembleWasm, wasm } from "./wasm_assembler.js";

/** @typedef {import("./wasm_assembler.js").Code} Code */
/** @typedef {import("./wasm_assembler.js").WasmFunction} WasmFunction */

/**
 * @typedef {object} ConvolutionKernel
 * @property {number} pixelBytes how many bytes lie between the pixels that are read for neighbouring outputs
 * @property {number} pixels how many are computed at once
 * @property {number} vectors how many times four output channels are computed at once: 1 or 2
 */

/**
 * How many pixels are computed at once: their sums, the weights and one input stay in the sixteen registers of a processor.
 *
 * @param {number} vectors
 * @returns {number}
 */
export function pixelsAtOnce(vectors) {
  return vectors === 2 ? 4 : 8;
}

/** @param {ConvolutionKernel} kernel @returns {string} */
export function convolutionName({ pixelBytes, pixels, vectors }) {
  return `convolution_${pixelBytes}_${pixels}_${vectors}`;
}

/**
 * Can a product and a sum be one step here? Browsers without "relaxed SIMD" multiply and add one after the other.
 *
 * @returns {boolean}
 */
export function canFuse() {
  const zero = wasm.floats(0);
  const body = wasm.store(wasm.integer(0), wasm.fusedMultiplyAdd(zero, zero, zero));
  return WebAssembly.validate(assembleWasm([{ name: "fused", parameters: [], locals: [], body }]));
}

/**
 * A module with these convolutions and everything else that networks need.
 *
 * @param {ConvolutionKernel[]} convolutions
 * @param {boolean} fused
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function networkKernels(convolutions, fused) {
  const byName = new Map(convolutions.map((kernel) => [convolutionName(kernel), kernel]));
  return assembleWasm([
    ...[...byName.values()].map((kernel) => convolutionFunction(kernel, fused)),
    depthwiseFunction(fused),
    poolingFunction("greatest"),
    poolingFunction("mean"),
    ...activationFunctions(),
  ]);
}

/**
 * A product and a sum.
 *
 * @param {boolean} fused @param {Code} a @param {Code} b @param {Code} sum @returns {Code}
 */
function multiplyAdd(fused, a, b, sum) {
  return fused ? wasm.fusedMultiplyAdd(a, b, sum) : wasm.add(wasm.multiply(a, b), sum);
}

/**
 * Four or eight output channels of a row of pixels.
 *
 * What one output reads lies in `rows` runs of `quads` times four numbers; where the kernel is dilated, in `columns`
 * such runs in each row.
 *
 * @param {ConvolutionKernel} kernel
 * @param {boolean} fused
 * @returns {WasmFunction}
 */
function convolutionFunction(kernel, fused) {
  const { pixelBytes, pixels, vectors } = kernel;
  const { get, set, advance, integer, repeat, load, loadSpread, store } = wasm;
  const [input, output, outputStep, tiles, weights, bias, rows, rowStep, columns, columnStep, quads] = counting(0, 11);
  const [weight, row, rowsLeft, segment, columnsLeft, place, quadsLeft, target] = counting(11, 8);
  const value = 19;
  const factors = counting(20, vectors);
  const each = counting(0, vectors);
  const sums = counting(0, pixels).map((pixel) => counting(20 + vectors + pixel * vectors, vectors));

  const oneInput = (/** @type {number} */ index) => [
    each.map((k) => set(factors[k], load(get(weight), 16 * (vectors * index + k)))),
    sums.map((sum, pixel) => [
      set(value, loadSpread(get(place), pixel * pixelBytes + 4 * index)),
      each.map((k) => set(sum[k], multiplyAdd(fused, get(value), get(factors[k]), get(sum[k])))),
    ]),
  ];
  const body = repeat(tiles, [
    sums.map((sum) => each.map((k) => set(sum[k], load(get(bias), 16 * k)))),
    set(weight, get(weights)),
    set(row, get(input)),
    set(rowsLeft, get(rows)),
    repeat(rowsLeft, [
      set(segment, get(row)),
      set(columnsLeft, get(columns)),
      repeat(columnsLeft, [
        set(place, get(segment)),
        set(quadsLeft, get(quads)),
        repeat(quadsLeft, [
          counting(0, 4).map(oneInput),
          advance(place, integer(16)),
          advance(weight, integer(64 * vectors)),
        ]),
        advance(segment, get(columnStep)),
      ]),
      advance(row, get(rowStep)),
    ]),
    set(target, get(output)),
    sums.map((sum) => [
      each.map((k) => store(get(target), get(sum[k]), 16 * k)),
      advance(target, get(outputStep)),
    ]),
    set(output, get(target)),
    advance(input, integer(pixels * pixelBytes)),
  ]);
  return {
    name: convolutionName(kernel),
    parameters: Array(11).fill("i32"),
    locals: [...Array(8).fill("i32"), ...Array(1 + vectors + vectors * pixels).fill("v128")],
    body,
  };
}

/**
 * Every channel with weights of its own, for a row of pixels.
 *
 * @param {boolean} fused
 * @returns {WasmFunction}
 */
function depthwiseFunction(fused) {
  const { get, set, advance, integer, repeat, load, store } = wasm;
  const [input, inputStep, output, outputStep, pixels, vectors] = counting(0, 6);
  const [weights, bias, rows, rowStep, columns, columnStep, tapStep] = counting(6, 7);
  const [channel, vectorsLeft, weight, row, rowsLeft, place, columnsLeft] = counting(13, 7);
  const sum = 20;
  const at = (/** @type {number} */ base) => wasm.plus(get(base), get(channel));
  const body = repeat(pixels, [
    set(channel, integer(0)),
    set(vectorsLeft, get(vectors)),
    repeat(vectorsLeft, [
      set(sum, load(at(bias))),
      set(weight, at(weights)),
      set(row, at(input)),
      set(rowsLeft, get(rows)),
      repeat(rowsLeft, [
        set(place, get(row)),
        set(columnsLeft, get(columns)),
        repeat(columnsLeft, [
          set(sum, multiplyAdd(fused, load(get(place)), load(get(weight)), get(sum))),
          advance(place, get(columnStep)),
          advance(weight, get(tapStep)),
        ]),
        advance(row, get(rowStep)),
      ]),
      store(at(output), get(sum)),
      advance(channel, integer(16)),
    ]),
    advance(input, get(inputStep)),
    advance(output, get(outputStep)),
  ]);
  return { name: "depthwise", parameters: Array(13).fill("i32"), locals: [...Array(7).fill("i32"), "v128"], body };
}

/**
 * The greatest or the mean of a window, for all channels of one pixel.
 *
 * @param {"greatest"|"mean"} kind
 * @returns {WasmFunction}
 */
function poolingFunction(kind) {
  const { get, set, advance, integer, repeat, load, store } = wasm;
  const [input, output, vectors, rows, rowStep, columns, columnStep, share] = counting(0, 8);
  const [row, rowsLeft, place, columnsLeft, sum] = counting(8, 5);
  const join = kind === "mean" ? wasm.add : wasm.greater;
  const result = kind === "mean" ? wasm.multiply(get(sum), wasm.spread(get(share))) : get(sum);
  const body = repeat(vectors, [
    set(sum, kind === "mean" ? wasm.floats(0) : load(get(input))),
    set(row, get(input)),
    set(rowsLeft, get(rows)),
    repeat(rowsLeft, [
      set(place, get(row)),
      set(columnsLeft, get(columns)),
      repeat(columnsLeft, [set(sum, join(load(get(place)), get(sum))), advance(place, get(columnStep))]),
      advance(row, get(rowStep)),
    ]),
    store(get(output), result),
    advance(input, integer(16)),
    advance(output, integer(16)),
  ]);
  const locals = /** @type {("i32"|"v128")[]} */ (["i32", "i32", "i32", "i32", "v128"]);
  return { name: kind, parameters: [...Array(7).fill("i32"), "f32"], locals, body };
}

/**
 * Activations in place, for so many vectors one after the other.
 *
 * @returns {WasmFunction[]}
 */
function activationFunctions() {
  const { get, set, advance, integer, repeat, load, store } = wasm;
  const [address, vectors, a, b, x, power, exponent] = counting(0, 7);
  const one = wasm.floats(1);
  const logistic = (/** @type {Code} */ value) => [
    exponential(wasm.subtract(wasm.floats(0), value), power, exponent),
    set(power, wasm.divide(one, wasm.add(one, get(power)))),
  ];
  /** @type {[string, Code][]} */
  const recipes = [
    // Between two limits: ReLU, ReLU6.
    ["clip", set(x, wasm.smaller(wasm.greater(get(x), wasm.spread(get(a))), wasm.spread(get(b))))],
    // a * x below zero.
    ["leaky", set(x, wasm.choose(
      get(x), wasm.multiply(get(x), wasm.spread(get(a))), wasm.isGreater(get(x), wasm.floats(0)),
    ))],
    // a * (e^x - 1) below zero, b * x above.
    ["elu", [
      exponential(wasm.smaller(get(x), wasm.floats(0)), power, exponent),
      set(power, wasm.multiply(wasm.spread(get(a)), wasm.subtract(get(power), one))),
      set(x, wasm.choose(
        wasm.multiply(get(x), wasm.spread(get(b))), get(power), wasm.isGreater(get(x), wasm.floats(0)),
      )),
    ]],
    ["sigmoid", [logistic(get(x)), set(x, get(power))]],
    ["silu", [logistic(get(x)), set(x, wasm.multiply(get(x), get(power)))]],
    ["tanh", [
      logistic(wasm.add(get(x), get(x))),
      set(x, wasm.subtract(wasm.add(get(power), get(power)), one)),
    ]],
  ];
  return recipes.map(([name, recipe]) => ({
    name,
    parameters: ["i32", "i32", "f32", "f32"],
    locals: ["v128", "v128", "v128"],
    body: repeat(vectors, [
      set(x, load(get(address))),
      recipe,
      store(get(address), get(x)),
      advance(address, integer(16)),
    ]),
  }));
}

/**
 * e to the power of four numbers, to the last bits of single precision (the polynomial is that of Cephes' `expf`).
 *
 * @param {Code} value
 * @param {number} power the local that holds the result
 * @param {number} exponent a local to work in
 * @returns {Code}
 */
function exponential(value, power, exponent) {
  const { get, set, floats, add, multiply, subtract } = wasm;
  const coefficients = [1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5, 1, 1];
  const polynomial = coefficients
    .map((coefficient) => /** @type {Code} */ (floats(coefficient)))
    .reduce((sum, coefficient) => add(multiply(sum, get(power)), coefficient));
  return [
    set(power, wasm.smaller(wasm.greater(value, floats(-87)), floats(88))),
    set(exponent, wasm.nearest(multiply(get(power), floats(Math.LOG2E)))),
    // ln 2 in two parts, so that nothing of the difference is lost.
    set(power, subtract(get(power), multiply(get(exponent), floats(0.693359375)))),
    set(power, subtract(get(power), multiply(get(exponent), floats(-2.12194440e-4)))),
    set(power, multiply(polynomial, wasm.shiftLeft(
      wasm.addIntegers(wasm.toIntegers(get(exponent)), wasm.integers(127)), 23,
    ))),
  ];
}

/** @param {number} first @param {number} count @returns {number[]} */
function counting(first, count) {
  return Array.from({ length: count }, (_, index) => first + index);
}
