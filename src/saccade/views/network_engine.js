// @ts-check
// The engine of an in-page network. It is one function that needs nothing around it, because its text also runs in a worker.

/** @typedef {import("./network_plan.js").NetworkPlan} NetworkPlan */
/** @typedef {import("./network_plan.js").Activation} Activation */
/** @typedef {import("./network_plan.js").Phase} Phase */
/** @typedef {import("./network_plan.js").Step} Step */
/** @typedef {import("./network_plan.js").Value} Value */

/** @typedef {{top: number, bottom: number, left: number, right: number}} Region rows [top, bottom), columns [left, right) */

/**
 * @callback Compute
 * @param {Float32Array} image (rows, columns, channels)
 * @returns {{code: Float32Array<ArrayBuffer>, redrawn: Float32Array<ArrayBuffer>|null}}
 */

/**
 * Make a network ready to compute images.
 *
 * Between two images only what a change can reach is computed again: the changed pixels are a rectangle, and each step
 * turns the rectangle it reads into the one it makes. Everything else still lies in memory. The numbers are those of
 * computing everything, bit by bit.
 *
 * @param {NetworkPlan} plan
 * @returns {Promise<Compute>}
 */
export async function startNetwork(plan) {
  const memory = new WebAssembly.Memory({ initial: plan.pages });
  const numbers = new Float32Array(memory.buffer);
  const { instance } = await WebAssembly.instantiate(plan.module, { page: { memory } });
  const kernels = /** @type {Record<string, (...values: number[]) => void>} */ (/** @type {unknown} */ (instance.exports));
  for (const constant of plan.constants) numbers.set(constant.numbers, constant.address / 4);
  const values = /** @type {Value[]} */ (plan.values);
  let hasComputed = false;

  /** @type {Record<string, (x: number, a: number, b: number) => number>} */
  const SCALAR_ACTIVATIONS = {
    softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    softsign: (x) => x / (1 + Math.abs(x)),
    exponential: (x) => Math.exp(x),
    hard_sigmoid: (x) => Math.min(Math.max(x / 6 + 0.5, 0), 1),
    hard_silu: (x) => x * Math.min(Math.max(x / 6 + 0.5, 0), 1),
    gelu: (x) => 0.5 * x * (1 + errorFunction(x * Math.SQRT1_2)),
    gelu_tanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  };

  /** @param {number} x @returns {number} Abramowitz and Stegun 7.1.26, to 1.5e-7 */
  function errorFunction(x) {
    const t = 1 / (1 + 0.3275911 * Math.abs(x));
    const polynomial = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    return Math.sign(x) * (1 - polynomial * Math.exp(-x * x));
  }

  /** @param {Value} value @param {number} row @param {number} column @returns {number} an address in bytes */
  function at(value, row, column) {
    return value.address + row * value.line + column * value.pixel;
  }

  /** @param {Value} value @returns {Region} */
  function whole(value) {
    return { top: 0, bottom: value.rows, left: 0, right: value.columns };
  }

  /** @param {Region} region @returns {boolean} */
  function isEmpty(region) {
    return region.top >= region.bottom || region.left >= region.right;
  }

  /** @param {Region} a @param {Region} b @returns {Region} the smallest around both */
  function hull(a, b) {
    if (isEmpty(a)) return b;
    if (isEmpty(b)) return a;
    return {
      top: Math.min(a.top, b.top),
      bottom: Math.max(a.bottom, b.bottom),
      left: Math.min(a.left, b.left),
      right: Math.max(a.right, b.right),
    };
  }

  /**
   * Which outputs of a phase read a run of inputs? Those whose taps meet it.
   *
   * @param {number} from @param {number} to @param {number} reads @param {number} first @param {number} reach
   * @param {number} count
   * @returns {[number, number]}
   */
  function readers(from, to, reads, first, reach, count) {
    const begin = Math.max(Math.ceil((from - first - reach) / reads), 0);
    const end = Math.min(Math.floor((to - 1 - first) / reads) + 1, count);
    return [begin, end];
  }

  /**
   * @param {Region} changed @param {{reads: number[], first: number[], reach: number[], count: number[]}} window
   * @returns {Region} in steps of the phase
   */
  function reached(changed, { reads, first, reach, count }) {
    const [top, bottom] = readers(changed.top, changed.bottom, reads[0], first[0], reach[0], count[0]);
    const [left, right] = readers(changed.left, changed.right, reads[1], first[1], reach[1], count[1]);
    return { top, bottom, left, right };
  }

  /** @param {Step} step @returns {{reads: number[], first: number[], reach: number[], count: number[]}} */
  function windowOf(step) {
    const result = values[step.output];
    return {
      reads: step.strides,
      first: [-step.padding[0], -step.padding[1]],
      reach: [0, 1].map((axis) => (step.size[axis] - 1) * step.dilation[axis]),
      count: [result.rows, result.columns],
    };
  }

  /**
   * Which outputs of a step can differ where so much of its inputs does?
   *
   * @param {Step} step @param {Region} changed
   * @returns {Region}
   */
  function reachedBy(step, changed) {
    const result = values[step.output];
    const [above, left] = step.padding;
    switch (step.kind) {
      case "convolution":
        return reachedByPhases(step, changed);
      case "depthwise":
      case "pooling":
        return reached(changed, windowOf(step));
      case "upsampling": {
        const [tall, wide] = step.size;
        const reach = step.interpolation === "bilinear" ? 1 : 0;
        return within(result, {
          top: (changed.top - reach) * tall,
          bottom: (changed.bottom + reach) * tall,
          left: (changed.left - reach) * wide,
          right: (changed.right + reach) * wide,
        });
      }
      case "frame":
        return within(result, {
          top: changed.top + above,
          bottom: changed.bottom + above,
          left: changed.left + left,
          right: changed.right + left,
        });
      case "reshape":
        return whole(result);
      default:
        return changed;
    }
  }

  /** @param {Value} value @param {Region} region @returns {Region} */
  function within(value, region) {
    return {
      top: Math.max(region.top, 0),
      bottom: Math.min(region.bottom, value.rows),
      left: Math.max(region.left, 0),
      right: Math.min(region.right, value.columns),
    };
  }

  /** @param {Step} step @param {Region} changed @returns {Region} as wide as the kernels need it */
  function reachedByPhases(step, changed) {
    const result = values[step.output];
    /** @type {Region} */
    let region = { top: 0, bottom: 0, left: 0, right: 0 };
    for (const { reads, first, taps, dilation, step: [down, across], start, count } of step.phases) {
      const reach = [0, 1].map((axis) => (taps[axis] - 1) * dilation[axis]);
      const part = reached(changed, { reads, first, reach, count });
      if (isEmpty(part)) continue;
      region = hull(region, {
        top: part.top * down + start[0],
        bottom: (part.bottom - 1) * down + start[0] + 1,
        left: part.left * across + start[1],
        right: (part.right - 1) * across + start[1] + 1,
      });
    }
    const pixels = Math.max(...step.phases.flatMap((phase) => phase.blocks.map((block) => block.pixels)));
    const width = Math.min(pixels * step.phases[0].step[1], result.columns);
    if (pixels > 1 && !isEmpty(region) && region.right - region.left < width) {
      region.left = Math.max(Math.min(region.left, result.columns - width), 0);
      region.right = region.left + width;
    }
    return region;
  }

  /** @param {Step} step @param {Region} region */
  function convolve(step, region) {
    for (const phase of step.phases) convolvePhase(phase, region, values[step.inputs[0]], values[step.output]);
  }

  /** @param {Phase} phase @param {Region} region @param {Value} read @param {Value} result */
  function convolvePhase(phase, region, read, result) {
    const { step: [down, across], start, reads, first, taps, dilation, count } = phase;
    const top = Math.max(Math.ceil((region.top - start[0]) / down), 0);
    const bottom = Math.min(Math.floor((region.bottom - 1 - start[0]) / down) + 1, count[0]);
    const left = Math.max(Math.ceil((region.left - start[1]) / across), 0);
    const right = Math.min(Math.floor((region.right - 1 - start[1]) / across) + 1, count[1]);
    const isDilated = dilation[1] > 1;
    const columns = isDilated ? taps[1] : 1;
    const quads = ((isDilated ? 1 : taps[1]) * read.pixel) / 16;
    const rowStep = dilation[0] * read.line;
    const columnStep = dilation[1] * read.pixel;
    const outputStep = across * result.pixel;
    for (let row = top; row < bottom; row += 1) {
      const input = at(read, row * reads[0] + first[0], left * reads[1] + first[1]);
      const output = at(result, row * down + start[0], left * across + start[1]);
      for (const { name, pixels, channel, weights, bias } of phase.blocks) {
        const kernel = kernels[name];
        const tiles = Math.floor((right - left) / pixels);
        const target = output + 4 * channel;
        if (tiles > 0) {
          kernel(input, target, outputStep, tiles, weights, bias, taps[0], rowStep, columns, columnStep, quads);
        }
        const rest = right - left - tiles * pixels;
        if (rest > 0) {
          // The last pixels once more, together with those that are left over.
          const skipped = right - left - pixels;
          kernel(
            input + skipped * reads[1] * read.pixel, target + skipped * outputStep, outputStep, 1,
            weights, bias, taps[0], rowStep, columns, columnStep, quads,
          );
        }
      }
    }
  }

  /** @param {Step} step @param {Region} region */
  function convolveDepthwise(step, region) {
    const [read, result] = [values[step.inputs[0]], values[step.output]];
    const { strides, padding, dilation, size } = step;
    for (let row = region.top; row < region.bottom; row += 1) {
      kernels.depthwise(
        at(read, row * strides[0] - padding[0], region.left * strides[1] - padding[1]), strides[1] * read.pixel,
        at(result, row, region.left), result.pixel, region.right - region.left, result.pixel / 16,
        step.weights, step.bias, size[0], dilation[0] * read.line, size[1], dilation[1] * read.pixel, read.pixel,
      );
    }
  }

  /** @param {Step} step @param {Region} region */
  function pool(step, region) {
    const [read, result] = [values[step.inputs[0]], values[step.output]];
    const { strides, padding, size } = step;
    for (let row = region.top; row < region.bottom; row += 1) {
      const above = row * strides[0] - padding[0];
      const [first, last] = [Math.max(above, 0), Math.min(above + size[0], read.rows)];
      for (let column = region.left; column < region.right; column += 1) {
        const before = column * strides[1] - padding[1];
        const [begin, end] = [Math.max(before, 0), Math.min(before + size[1], read.columns)];
        const count = step.counts_padding ? size[0] * size[1] : (last - first) * (end - begin);
        kernels[step.pooling](
          at(read, first, begin), at(result, row, column), result.pixel / 16, last - first, read.line, end - begin, read.pixel, 1 / count,
        );
      }
    }
  }

  /** @param {Step} step @param {Region} region */
  function upsample(step, region) {
    const [read, result] = [values[step.inputs[0]], values[step.output]];
    const [tall, wide] = step.size;
    const rows = sampling(tall, read.rows, result.rows, step.interpolation);
    const columns = sampling(wide, read.columns, result.columns, step.interpolation);
    const width = result.pixel / 4;
    for (let row = region.top; row < region.bottom; row += 1) {
      const { from: above, to: below, share: down } = rows[row];
      for (let column = region.left; column < region.right; column += 1) {
        const { from: left, to: right, share: across } = columns[column];
        const [a, b] = [at(read, above, left) / 4, at(read, above, right) / 4];
        const [c, d] = [at(read, below, left) / 4, at(read, below, right) / 4];
        const target = at(result, row, column) / 4;
        for (let channel = 0; channel < width; channel += 1) {
          const upper = numbers[a + channel] * (1 - across) + numbers[b + channel] * across;
          const lower = numbers[c + channel] * (1 - across) + numbers[d + channel] * across;
          numbers[target + channel] = upper * (1 - down) + lower * down;
        }
      }
    }
  }

  /**
   * Between which two places does each place of a larger grid lie, and how near is it to the second?
   *
   * @param {number} factor @param {number} size @param {number} count @param {string} interpolation
   * @returns {{from: number, to: number, share: number}[]}
   */
  function sampling(factor, size, count, interpolation) {
    return Array.from({ length: count }, (_, place) => {
      if (interpolation === "nearest") {
        const from = Math.floor(place / factor);
        return { from, to: from, share: 0 };
      }
      const exact = (place + 0.5) / factor - 0.5;
      const below = Math.floor(exact);
      return {
        from: Math.min(Math.max(below, 0), size - 1),
        to: Math.min(Math.max(below + 1, 0), size - 1),
        share: exact - below,
      };
    });
  }

  /** The image put into a larger frame of zeros, or cut out of one. @param {Step} step @param {Region} region */
  function frame(step, region) {
    const [read, result] = [values[step.inputs[0]], values[step.output]];
    const [above, left] = step.padding;
    const { top, bottom, left: begin, right: end } = {
      top: Math.max(region.top, above),
      bottom: Math.min(region.bottom, above + read.rows),
      left: Math.max(region.left, left),
      right: Math.min(region.right, left + read.columns),
    };
    for (let row = top; row < bottom; row += 1) {
      const from = at(read, row - above, begin - left) / 4;
      numbers.copyWithin(at(result, row, begin) / 4, from, from + ((end - begin) * read.pixel) / 4);
    }
  }

  /** @param {Step} step @param {Region} region */
  function scaleChannels(step, region) {
    const [read, result] = [values[step.inputs[0]], values[step.output]];
    const [scale, shift] = [step.weights / 4, step.bias / 4];
    for (let row = region.top; row < region.bottom; row += 1) {
      for (let column = region.left; column < region.right; column += 1) {
        const [from, to] = [at(read, row, column) / 4, at(result, row, column) / 4];
        for (let channel = 0; channel < result.channels; channel += 1) {
          const source = step.order === null ? channel : step.order[channel];
          numbers[to + channel] = numbers[from + source] * numbers[scale + channel] + numbers[shift + channel];
        }
      }
    }
  }

  /** @type {Record<string, (a: number, b: number) => number>} */
  const OPERATIONS = {
    add: (a, b) => a + b,
    average: (a, b) => a + b,
    subtract: (a, b) => a - b,
    multiply: (a, b) => a * b,
    maximum: Math.max,
    minimum: Math.min,
  };

  /** @param {Step} step @param {Region} region */
  function combine(step, region) {
    const result = values[step.output];
    const operation = OPERATIONS[step.operation];
    const share = step.operation === "average" ? 1 / step.inputs.length : 1;
    for (let row = region.top; row < region.bottom; row += 1) {
      for (let column = region.left; column < region.right; column += 1) {
        const to = at(result, row, column) / 4;
        for (let channel = 0; channel < result.channels; channel += 1) {
          let joined = numbers[inputAt(step.inputs[0], row, column, channel)];
          for (const input of step.inputs.slice(1)) joined = operation(joined, numbers[inputAt(input, row, column, channel)]);
          numbers[to + channel] = joined * share;
        }
      }
    }
  }

  /** An input of one pixel or one channel stands for all of them. @param {number} input @param {number} row @param {number} column @param {number} channel @returns {number} */
  function inputAt(input, row, column, channel) {
    const value = values[input];
    const place = at(value, value.rows === 1 ? 0 : row, value.columns === 1 ? 0 : column);
    return place / 4 + (value.channels === 1 ? 0 : channel);
  }

  /** @param {Step} step @param {Region} region */
  function concatenate(step, region) {
    const result = values[step.output];
    for (let row = region.top; row < region.bottom; row += 1) {
      for (let column = region.left; column < region.right; column += 1) {
        let to = at(result, row, column) / 4;
        for (const input of step.inputs) {
          const from = at(values[input], row, column) / 4;
          numbers.copyWithin(to, from, from + values[input].channels);
          to += values[input].channels;
        }
      }
    }
  }

  /** The same numbers in the same order on another grid. @param {Step} step */
  function reshape(step) {
    const result = values[step.output];
    if (step.channelsFirst) {
      reshapeChannelsFirst(values[step.inputs[0]], result);
      return;
    }
    const flat = valuesOf(step.inputs[0]);
    for (let row = 0, k = 0; row < result.rows; row += 1) {
      for (let column = 0; column < result.columns; column += 1, k += result.channels) {
        numbers.set(flat.subarray(k, k + result.channels), at(result, row, column) / 4);
      }
    }
  }

  /** In the order in which channels run slowest. @param {Value} read @param {Value} result */
  function reshapeChannelsFirst(read, result) {
    /** @param {Value} value @param {number} place */
    const addressOf = ({ address, rows, columns, line, pixel }, place) => {
      const inChannel = place % (rows * columns);
      const channel = Math.floor(place / (rows * columns));
      return (address + Math.floor(inChannel / columns) * line + (inChannel % columns) * pixel) / 4 + channel;
    };
    const count = read.rows * read.columns * read.channels;
    for (let place = 0; place < count; place += 1) numbers[addressOf(result, place)] = numbers[addressOf(read, place)];
  }

  /** @param {Value} value @param {Region} region @param {Activation} activation */
  function activate(value, region, { name, a = 0, b = 0 }) {
    const width = value.pixel / 4;
    for (let row = region.top; row < region.bottom; row += 1) {
      const address = at(value, row, region.left);
      const pixels = region.right - region.left;
      if (name in kernels) {
        kernels[name](address, (pixels * width) / 4, a, b);
      } else if (name === "softmax") {
        for (let pixel = 0; pixel < pixels; pixel += 1) softmax(address / 4 + pixel * width, value.channels);
      } else {
        const scalar = SCALAR_ACTIVATIONS[name];
        for (let k = address / 4; k < address / 4 + pixels * width; k += 1) numbers[k] = scalar(numbers[k], a, b);
      }
    }
  }

  /** @param {number} start @param {number} count */
  function softmax(start, count) {
    const part = numbers.subarray(start, start + count);
    const greatest = part.reduce((most, value) => Math.max(most, value), -Infinity);
    let sum = 0;
    for (let k = 0; k < count; k += 1) {
      part[k] = Math.exp(part[k] - greatest);
      sum += part[k];
    }
    for (let k = 0; k < count; k += 1) part[k] /= sum;
  }

  /** @type {Record<string, (step: Step, region: Region) => void>} */
  const COMPUTERS = {
    convolution: convolve,
    depthwise: convolveDepthwise,
    pooling: pool,
    upsampling: upsample,
    frame,
    affine: scaleChannels,
    combine,
    concatenate,
    reshape,
    activation: frame,
  };

  /** @param {number} index @returns {Float32Array<ArrayBuffer>} without what fills up its pixels */
  function valuesOf(index) {
    const value = values[index];
    const result = new Float32Array(value.rows * value.columns * value.channels);
    for (let row = 0, k = 0; row < value.rows; row += 1) {
      for (let column = 0; column < value.columns; column += 1, k += value.channels) {
        const start = at(value, row, column) / 4;
        result.set(numbers.subarray(start, start + value.channels), k);
      }
    }
    return result;
  }

  /** @param {Float32Array} image @returns {Region} what differs from the image before */
  function takeImage(image) {
    const value = values[0];
    const region = { top: value.rows, bottom: 0, left: value.columns, right: 0 };
    for (let row = 0, k = 0; row < value.rows; row += 1) {
      for (let column = 0; column < value.columns; column += 1) {
        const start = at(value, row, column) / 4;
        let isChanged = false;
        for (let channel = 0; channel < value.channels; channel += 1, k += 1) {
          if (numbers[start + channel] !== image[k]) {
            numbers[start + channel] = image[k];
            isChanged = true;
          }
        }
        if (isChanged) {
          region.top = Math.min(region.top, row);
          region.bottom = row + 1;
          region.left = Math.min(region.left, column);
          region.right = Math.max(region.right, column + 1);
        }
      }
    }
    return hasComputed ? region : whole(value);
  }

  return (image) => {
    const input = values[0];
    const expected = input.rows * input.columns * input.channels;
    if (image.length !== expected) throw new RangeError(`an image of ${image.length} numbers for a network that takes ${expected}`);
    /** @type {Map<number, Region>} */
    const changes = new Map([[0, takeImage(image)]]);
    for (const step of plan.steps) {
      const read = step.inputs.map((index) => {
        const changed = /** @type {Region} */ (changes.get(index));
        const [value, result] = [values[index], values[step.output]];
        // Of a value that stands for a whole grid, any change concerns all of it.
        const isSpread = step.kind === "combine" && (value.rows !== result.rows || value.columns !== result.columns);
        return isSpread && !isEmpty(changed) ? whole(result) : changed;
      });
      const changed = read.reduce(hull);
      const result = values[step.output];
      let region = hasComputed ? changed : whole(result);
      if (hasComputed && !isEmpty(changed)) region = reachedBy(step, changed);
      if (!isEmpty(region)) {
        COMPUTERS[step.kind](step, region);
        if (step.activation !== null) activate(result, region, step.activation);
      }
      changes.set(step.output, region);
    }
    hasComputed = true;
    return { code: valuesOf(plan.code), redrawn: plan.redrawn === null ? null : valuesOf(plan.redrawn) };
  };
}
