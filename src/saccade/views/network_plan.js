// @ts-check
// What an in-page network has to do, worked out once: where every number lies, which kernels there are, which step reads what.
import { decodeArray } from "./arrays.js";
import { canFuse, convolutionName, networkKernels, pixelsAtOnce } from "./network_kernels.js";

/** @typedef {import("./arrays.js").ArraySpec} ArraySpec */
/** @typedef {import("./network_kernels.js").ConvolutionKernel} ConvolutionKernel */

/**
 * @typedef {object} Activation
 * @property {string} name
 * @property {number} [a]
 * @property {number} [b]
 */

/**
 * @typedef {object} NetworkLayer one layer of a network, as `report/in_page_network.py` writes it
 * @property {string} kind
 * @property {string} name
 * @property {number[]} inputs the values that it reads: 0 is the image, k what layer k - 1 gives
 * @property {[number, number, number]} shape rows, columns, channels of what it gives
 * @property {Activation} [activation] what is done to its result
 * @property {ArraySpec} [kernel]
 * @property {ArraySpec} [bias]
 * @property {ArraySpec} [scale]
 * @property {ArraySpec} [shift]
 * @property {[number, number]} [strides]
 * @property {[number, number]} [dilation]
 * @property {[number, number]} [padding] rows above and columns to the left that are read as zeros
 * @property {number} [groups]
 * @property {[number, number]} [size] of a pooling's window, or how many times larger an upsampling makes it
 * @property {"greatest"|"mean"} [pooling]
 * @property {boolean} [counts_padding] zeros around the image count in the mean
 * @property {"nearest"|"bilinear"} [interpolation]
 * @property {"add"|"subtract"|"multiply"|"average"|"maximum"|"minimum"} [operation]
 * @property {number[]} [order] which channel becomes the first, the second, ...
 * @property {boolean} [channels_first] a reshaping reads and writes whole channels one after the other
 */

/**
 * @typedef {object} NetworkSpec
 * @property {string} name
 * @property {[number, number, number]} input rows, columns, channels of an image
 * @property {NetworkLayer[]} layers
 * @property {number} code the value that is the code
 * @property {number|null} redrawn the value that is the redrawn image
 */

/**
 * @typedef {object} Value where a grid of numbers lies in memory; around it are zeros, for what reads over its edge
 * @property {number} address of its first number, in bytes
 * @property {number} rows
 * @property {number} columns
 * @property {number} channels
 * @property {number} pixel bytes from one pixel to the next: the channels, filled up to a multiple of four
 * @property {number} line bytes from one row to the next
 */

/**
 * @typedef {object} Phase output pixels (start + k * step), all of which read by the same kernel
 * @property {[number, number]} step
 * @property {[number, number]} start
 * @property {[number, number]} count how many there are, down and across
 * @property {[number, number]} reads how many pixels of the input lie between what two neighbours of them read
 * @property {[number, number]} first where the first of them starts to read
 * @property {[number, number]} taps
 * @property {[number, number]} dilation
 * @property {Block[]} blocks
 */

/**
 * @typedef {object} Block the output channels that are computed together
 * @property {string} name of the kernel
 * @property {number} pixels that it computes at once
 * @property {number} channel the first one
 * @property {number} weights where they lie
 * @property {number} bias
 */

/**
 * @typedef {object} PhaseKernel a phase before its weights have a place
 * @property {[number, number]} step
 * @property {[number, number]} start
 * @property {[number, number]} reads
 * @property {[number, number]} first
 * @property {[number, number]} taps
 * @property {[number, number]} dilation
 * @property {Float32Array} weights (rows, columns, input channels, output channels)
 */

/**
 * @typedef {object} Step
 * @property {string} kind
 * @property {number[]} inputs values
 * @property {number} output
 * @property {Activation|null} activation
 * @property {Phase[]} phases of a convolution
 * @property {number} weights where those of a depthwise convolution, or the factors of an affine step lie
 * @property {number} bias where the bias, or the offsets of an affine step lie
 * @property {[number, number]} strides
 * @property {[number, number]} dilation
 * @property {[number, number]} padding
 * @property {[number, number]} size
 * @property {"greatest"|"mean"} pooling
 * @property {boolean} counts_padding
 * @property {"nearest"|"bilinear"} interpolation
 * @property {string} operation
 * @property {number[]|null} order
 * @property {boolean} channelsFirst
 */

/**
 * @typedef {object} NetworkPlan
 * @property {Uint8Array<ArrayBuffer>} module
 * @property {number} pages of memory, of 64 KiB
 * @property {{address: number, numbers: Float32Array<ArrayBuffer>}[]} constants
 * @property {(Value|null)[]} values null where one is never computed
 * @property {Step[]} steps
 * @property {number} code
 * @property {number|null} redrawn
 */

const WASM_PAGE = 65536;

/**
 * How is this network computed?
 *
 * An upsampling to nearest neighbours before a convolution is not computed at all: pixels in the same phase of it read
 * the same few pixels before it, by kernels whose weights are added up, less than half of the work for 3x3 after 2x2.
 * A transposed convolution falls apart in the same way. Both then are convolutions in several phases.
 *
 * It takes a tenth of a second or two; between layers the page has its turn.
 *
 * @param {NetworkSpec} spec
 * @param {boolean} [fused] products and sums are one step
 * @returns {Promise<NetworkPlan>}
 */
export async function planNetwork(spec, fused = canFuse()) {
  const shapes = [spec.input, ...spec.layers.map((layer) => layer.shape)];
  const readers = shapes.map((_, value) => spec.layers.filter((layer) => layer.inputs.includes(value)).length);
  for (const value of [spec.code, spec.redrawn]) if (value !== null) readers[value] += 1;
  /** @type {{step: Step, kernels: PhaseKernel[], layer: NetworkLayer}[]} */
  const planned = [];
  for (const [index, layer] of spec.layers.entries()) {
    await nextTask();
    const step = stepOfLayer(layer, index + 1);
    const before = spec.layers[layer.inputs[0] - 1];
    if (layer.kind === "convolution" && before?.kind === "upsampling" && readers[layer.inputs[0]] === 1 && canMerge(before, layer)) {
      planned.splice(planned.findIndex((other) => other.step.output === layer.inputs[0]), 1);
      planned.push({ step: { ...step, inputs: before.inputs }, kernels: upsampledPhases(before, layer), layer });
    } else if (layer.kind === "transposed_convolution") {
      planned.push({ step: { ...step, kind: "convolution" }, kernels: transposedPhases(layer), layer });
    } else if (layer.kind === "convolution") {
      planned.push({ step, kernels: [plainPhase(layer)], layer });
    } else {
      planned.push({ step, kernels: [], layer });
    }
  }
  const borders = shapes.map(() => ({ above: 0, below: 0, left: 0, right: 0 }));
  for (const { step, kernels, layer } of planned) {
    const [read, result] = [shapes[step.inputs[0]], shapes[step.output]];
    for (const kernel of layer.kind === "depthwise" ? [depthwisePhase(layer)] : kernels) {
      widen(borders[step.inputs[0]], kernel, read, result);
    }
  }
  const memory = new MemoryPlan();
  const computed = new Set([0, ...planned.map(({ step }) => step.output)]);
  const values = shapes.map((shape, value) => (computed.has(value) ? memory.value(shape, borders[value]) : null));
  /** @type {ConvolutionKernel[]} */
  const convolutions = [];
  /** @type {Step[]} */
  const steps = [];
  for (const { step, kernels, layer } of planned) {
    await nextTask();
    const read = /** @type {Value} */ (values[step.inputs[0]]);
    const channels = layer.shape[2];
    const placed = { ...step };
    if (layer.bias || step.kind === "convolution" || step.kind === "depthwise") {
      placed.bias = memory.constant(filledUp(layer.bias ? floatsOf(layer.bias) : new Float32Array(channels), channels));
    }
    if (layer.scale) placed.weights = memory.constant(floatsOf(layer.scale));
    if (layer.shift) placed.bias = memory.constant(floatsOf(layer.shift));
    if (step.kind === "depthwise" && layer.kernel) {
      placed.weights = memory.constant(filledUp(floatsOf(layer.kernel), channels));
    }
    placed.phases = kernels.map((kernel) => placePhase(kernel, read, layer.shape, placed.bias, memory, convolutions));
    steps.push(placed);
  }
  return {
    module: networkKernels(convolutions, fused),
    pages: Math.ceil(memory.end / WASM_PAGE),
    constants: memory.constants,
    values,
    steps,
    code: spec.code,
    redrawn: spec.redrawn,
  };
}

/** Let the page do what waits; unlike a timer this is not slowed down in a page that is in the background. @returns {Promise<void>} */
function nextTask() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/** Says where everything lies in memory. */
class MemoryPlan {
  constructor() {
    this.end = 64;
    /** @type {{address: number, numbers: Float32Array<ArrayBuffer>}[]} */
    this.constants = [];
  }

  /** @param {number} bytes @returns {number} */
  reserve(bytes) {
    const address = this.end;
    this.end += Math.ceil(bytes / 64) * 64;
    return address;
  }

  /** @param {Float32Array<ArrayBuffer>} numbers @returns {number} */
  constant(numbers) {
    const address = this.reserve(numbers.byteLength);
    this.constants.push({ address, numbers });
    return address;
  }

  /** @param {number[]} shape @param {Border} border @returns {Value} */
  value([rows, columns, channels], border) {
    const pixel = 4 * fourfold(channels);
    const line = pixel * (border.left + columns + border.right);
    const start = this.reserve(line * (border.above + rows + border.below));
    return { address: start + border.above * line + border.left * pixel, rows, columns, channels, pixel, line };
  }
}

/** @typedef {{above: number, below: number, left: number, right: number}} Border */

/** @param {number} count @returns {number} */
function fourfold(count) {
  return 4 * Math.ceil(count / 4);
}

/** @param {ArraySpec} array @returns {Float32Array<ArrayBuffer>} */
function floatsOf(array) {
  return Float32Array.from(decodeArray(array).values);
}

/** @param {Float32Array} numbers (…, channels) @param {number} channels @returns {Float32Array<ArrayBuffer>} */
function filledUp(numbers, channels) {
  const width = fourfold(channels);
  const filled = new Float32Array((numbers.length / channels) * width);
  for (let from = 0, to = 0; from < numbers.length; from += channels, to += width) {
    filled.set(numbers.subarray(from, from + channels), to);
  }
  return filled;
}

/** @param {NetworkLayer} layer @param {number} output @returns {Step} */
function stepOfLayer(layer, output) {
  return {
    kind: layer.kind,
    inputs: layer.inputs,
    output,
    activation: layer.activation ?? null,
    phases: [],
    weights: 0,
    bias: 0,
    strides: layer.strides ?? [1, 1],
    dilation: layer.dilation ?? [1, 1],
    padding: layer.padding ?? [0, 0],
    size: layer.kind === "depthwise" && layer.kernel ? [layer.kernel.shape[0], layer.kernel.shape[1]] : layer.size ?? [1, 1],
    pooling: layer.pooling ?? "greatest",
    counts_padding: layer.counts_padding ?? false,
    interpolation: layer.interpolation ?? "nearest",
    operation: layer.operation ?? "add",
    order: layer.order ?? null,
    channelsFirst: layer.channels_first ?? false,
  };
}

/** @param {NetworkLayer} layer @returns {Float32Array} (rows, columns, input channels, output channels) of all groups */
function ungrouped(layer) {
  const kernel = /** @type {ArraySpec} */ (layer.kernel);
  const packed = floatsOf(kernel);
  const groups = layer.groups ?? 1;
  if (groups === 1) return packed;
  const [rows, columns, reads, makes] = kernel.shape;
  const whole = new Float32Array(packed.length * groups);
  for (let tap = 0; tap < rows * columns; tap += 1) {
    for (let channel = 0; channel < reads; channel += 1) {
      for (let filter = 0; filter < makes; filter += 1) {
        const group = Math.floor(filter / (makes / groups));
        whole[(tap * reads * groups + group * reads + channel) * makes + filter] = packed[(tap * reads + channel) * makes + filter];
      }
    }
  }
  return whole;
}

/** @param {NetworkLayer} layer @returns {[number, number]} */
function kernelSize(layer) {
  const [rows, columns] = /** @type {ArraySpec} */ (layer.kernel).shape;
  return [rows, columns];
}

/** @param {NetworkLayer} layer @returns {PhaseKernel} */
function plainPhase(layer) {
  return { ...depthwisePhase(layer), weights: ungrouped(layer) };
}

/** @param {NetworkLayer} layer @returns {PhaseKernel} where it reads; not what it does there */
function depthwisePhase(layer) {
  const [above, left] = layer.padding ?? [0, 0];
  return {
    step: [1, 1],
    start: [0, 0],
    reads: layer.strides ?? [1, 1],
    first: [-above, -left],
    taps: kernelSize(layer),
    dilation: layer.dilation ?? [1, 1],
    weights: new Float32Array(0),
  };
}

/** @param {NetworkLayer} upsampling @param {NetworkLayer} layer @returns {boolean} */
function canMerge(upsampling, layer) {
  const [down, across] = layer.strides ?? [1, 1];
  return upsampling.interpolation === "nearest" && !upsampling.activation && down === 1 && across === 1;
}

/**
 * The convolution of an image whose pixels were repeated, one phase for each pixel of a repeated one.
 *
 * @param {NetworkLayer} upsampling @param {NetworkLayer} layer @returns {PhaseKernel[]}
 */
function upsampledPhases(upsampling, layer) {
  const [above, left] = layer.padding ?? [0, 0];
  const [tall, wide] = upsampling.size ?? [1, 1];
  const [dilationDown, dilationAcross] = layer.dilation ?? [1, 1];
  const taps = kernelSize(layer);
  const kernels = ungrouped(layer);
  return everyPhase(tall, wide).map(([y, x]) => {
    // Which pixel before the repetition does each tap of this phase meet?
    const rows = upTo(taps[0]).map((tap) => Math.floor((y + tap * dilationDown - above) / tall));
    const columns = upTo(taps[1]).map((tap) => Math.floor((x + tap * dilationAcross - left) / wide));
    return {
      step: [tall, wide],
      start: [y, x],
      reads: [1, 1],
      first: [rows[0], columns[0]],
      dilation: [1, 1],
      ...gathered(layer, kernels, rows.map((row) => row - rows[0]), columns.map((column) => column - columns[0])),
    };
  });
}

/** @param {NetworkLayer} layer @returns {PhaseKernel[]} */
function transposedPhases(layer) {
  const [above, left] = layer.padding ?? [0, 0];
  const [down, across] = layer.strides ?? [1, 1];
  const taps = kernelSize(layer);
  const kernels = ungrouped(layer);
  return everyPhase(down, across).map(([y, x]) => {
    const rows = transposedTaps(taps[0], y + above, down);
    const columns = transposedTaps(taps[1], x + left, across);
    return {
      step: [down, across],
      start: [y, x],
      reads: [1, 1],
      first: [rows.first, columns.first],
      dilation: [1, 1],
      ...gathered(layer, kernels, rows.places, columns.places),
    };
  });
}

/**
 * Which input does each tap of a transposed kernel bring to one phase of the output? An output reads input q - m at tap
 * r + m * stride, where q and r are the quotient and the rest of its place.
 *
 * @param {number} taps @param {number} place @param {number} stride
 * @returns {{first: number, places: (number|null)[]}} null for taps that bring nothing
 */
function transposedTaps(taps, place, stride) {
  const rest = place % stride;
  const most = Math.max(Math.floor((taps - 1 - rest) / stride), 0);
  const places = upTo(taps).map((tap) => (tap % stride === rest ? most - (tap - rest) / stride : null));
  return { first: Math.floor(place / stride) - most, places };
}

/**
 * A kernel whose taps are put elsewhere; those that meet are added up.
 *
 * @param {NetworkLayer} layer @param {Float32Array} kernels its weights
 * @param {(number|null)[]} rows @param {(number|null)[]} columns where its taps are put; null leaves one out
 * @returns {{taps: [number, number], weights: Float32Array}}
 */
function gathered(layer, kernels, rows, columns) {
  const [reads, makes] = /** @type {ArraySpec} */ (layer.kernel).shape.slice(2);
  const block = reads * (layer.groups ?? 1) * makes;
  const taps = /** @type {[number, number]} */ ([rows, columns].map((places) => Math.max(0, ...places.map((place) => place ?? 0)) + 1));
  const weights = new Float32Array(taps[0] * taps[1] * block);
  for (const [i, row] of rows.entries()) {
    for (const [j, column] of columns.entries()) {
      if (row === null || column === null) continue;
      const from = (i * columns.length + j) * block;
      const to = (row * taps[1] + column) * block;
      for (let k = 0; k < block; k += 1) weights[to + k] += kernels[from + k];
    }
  }
  return { taps, weights };
}

/** @param {number} tall @param {number} wide @returns {[number, number][]} */
function everyPhase(tall, wide) {
  return upTo(tall).flatMap((y) => upTo(wide).map((x) => /** @type {[number, number]} */ ([y, x])));
}

/** @param {number} count @returns {number[]} */
function upTo(count) {
  return Array.from({ length: count }, (_, index) => index);
}

/** @param {PhaseKernel} kernel @param {number[]} result @returns {[number, number]} how many outputs lie in a phase */
function countOf(kernel, result) {
  const [down, across] = [0, 1].map((axis) => Math.max(Math.ceil((result[axis] - kernel.start[axis]) / kernel.step[axis]), 0));
  return [down, across];
}

/** @param {Border} border @param {PhaseKernel} kernel @param {number[]} read @param {number[]} result */
function widen(border, kernel, read, result) {
  const count = countOf(kernel, result);
  const [below, right] = [0, 1].map((axis) => {
    const last = kernel.first[axis] + (count[axis] - 1) * kernel.reads[axis] + (kernel.taps[axis] - 1) * kernel.dilation[axis];
    return last - (read[axis] - 1);
  });
  border.above = Math.max(border.above, -kernel.first[0]);
  border.left = Math.max(border.left, -kernel.first[1]);
  border.below = Math.max(border.below, below);
  border.right = Math.max(border.right, right);
}

/**
 * @param {PhaseKernel} kernel @param {Value} read @param {number[]} result @param {number} bias
 * @param {MemoryPlan} memory @param {ConvolutionKernel[]} convolutions what is needed; this adds its own
 * @returns {Phase}
 */
function placePhase(kernel, read, result, bias, memory, convolutions) {
  const { weights, ...where } = kernel;
  const count = countOf(kernel, result);
  const width = fourfold(result[2]);
  /** @type {Block[]} */
  const blocks = [];
  for (let channel = 0; channel < width; channel += 8) {
    const vectors = Math.min(2, (width - channel) / 4);
    const pixels = count[1] >= pixelsAtOnce(vectors) ? pixelsAtOnce(vectors) : 1;
    const convolution = { pixelBytes: kernel.reads[1] * read.pixel, pixels, vectors };
    convolutions.push(convolution);
    const packed = packedWeights(weights, kernel.taps[0] * kernel.taps[1], read.channels, result[2], channel, 4 * vectors);
    blocks.push({
      name: convolutionName(convolution), pixels, channel, weights: memory.constant(packed), bias: bias + 4 * channel,
    });
  }
  return { ...where, count, blocks };
}

/**
 * The weights of some output channels, in the order in which their kernel reads them.
 *
 * @param {Float32Array} weights @param {number} taps @param {number} reads @param {number} makes
 * @param {number} channel @param {number} width
 * @returns {Float32Array<ArrayBuffer>} (taps, input channels filled up to a multiple of four, width)
 */
function packedWeights(weights, taps, reads, makes, channel, width) {
  const padded = fourfold(reads);
  const packed = new Float32Array(taps * padded * width);
  const real = Math.min(width, makes - channel);
  for (let tap = 0; tap < taps; tap += 1) {
    for (let input = 0; input < reads; input += 1) {
      const from = (tap * reads + input) * makes + channel;
      packed.set(weights.subarray(from, from + real), (tap * padded + input) * width);
    }
  }
  return packed;
}
