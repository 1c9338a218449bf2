// @ts-check
// A network that computes in the page itself: no server, no request, no file beside the page.
import { startNetwork } from "./network_engine.js";
import { planNetwork } from "./network_plan.js";

/** @typedef {import("./network_plan.js").NetworkSpec} NetworkSpec */
/** @typedef {import("./network_plan.js").NetworkPlan} NetworkPlan */
/** @typedef {import("./network_engine.js").Compute} Compute */

/**
 * @typedef {object} NetworkAnswer
 * @property {Float32Array<ArrayBuffer>} code rows x columns x channels, the channels run fastest
 * @property {Float32Array<ArrayBuffer>|null} redrawn of the image's shape; null for a model that redraws nothing
 * @property {number} milliseconds that the computation took
 */

/**
 * @callback Ask computes one image
 * @param {Float32Array} image
 * @returns {Promise<NetworkAnswer>}
 */

/**
 * Runs images through a network, off the page's own thread where the page's policy allows a worker.
 *
 * One image is computed at a time. Of those that come meanwhile only the last one waits: the latest wins.
 */
export class InPageNetwork {
  /** @type {Ask} */
  #ask;
  /** @type {() => void} */
  #close = () => {};
  /** @type {Promise<null>} */
  #closed;
  /** @type {{image: Float32Array, answer: (answer: NetworkAnswer|null) => void, fail: (error: unknown) => void}|null} */
  #waiting = null;
  #isBusy = false;

  /** @param {Ask} ask @param {() => void} end @param {boolean} isInWorker */
  constructor(ask, end, isInWorker) {
    this.#ask = ask;
    this.#closed = new Promise((answer) => {
      this.#close = () => {
        end();
        answer(null);
      };
    });
    /** Does it compute beside the page, so that a finger stays fluid meanwhile? */
    this.isInWorker = isInWorker;
  }

  /**
   * @param {NetworkSpec} spec
   * @returns {Promise<InPageNetwork>}
   */
  static async open(spec) {
    const plan = await planNetwork(spec);
    const beside = await askWorker(plan);
    if (beside !== null) return new InPageNetwork(beside.ask, beside.end, true);
    const compute = await startNetwork(plan);
    return new InPageNetwork(async (image) => timed(compute, image), () => {}, false);
  }

  /**
   * What does the network make of this image?
   *
   * @param {Float32Array} image (rows, columns, channels) in the model's value range; it stays the caller's
   * @returns {Promise<NetworkAnswer|null>} null if a newer image came before this one was begun, or once it is closed
   */
  run(image) {
    return new Promise((answer, fail) => {
      this.#waiting?.answer(null);
      this.#waiting = { image: image.slice(), answer, fail };
      if (!this.#isBusy) void this.#work();
    });
  }

  /** Give back its memory and its worker. */
  close() {
    this.#waiting?.answer(null);
    this.#waiting = null;
    this.#close();
  }

  async #work() {
    this.#isBusy = true;
    while (this.#waiting !== null) {
      const { image, answer, fail } = this.#waiting;
      this.#waiting = null;
      try {
        answer(await Promise.race([this.#ask(image), this.#closed]));
      } catch (error) {
        fail(error);
      }
    }
    this.#isBusy = false;
  }
}

/**
 * The same for views, which do not know who computes: it is opened when the first image comes.
 *
 * @param {NetworkSpec} spec
 * @returns {{run: (image: Float32Array) => Promise<NetworkAnswer|null>, words: string}}
 */
export function inPageTransport(spec) {
  /** @type {Promise<InPageNetwork>|null} */
  let opening = null;
  return {
    run(image) {
      opening ??= InPageNetwork.open(spec);
      return opening.then((network) => network.run(image));
    },
    words: "in this page, with half-precision weights; nothing is sent anywhere",
  };
}

/**
 * Let a worker compute, whose program is the text of the engine.
 *
 * @param {NetworkPlan} plan
 * @returns {Promise<{ask: Ask, end: () => void}|null>} null where the page may have no worker
 */
async function askWorker(plan) {
  const program = `const startNetwork = ${startNetwork}; const timed = ${timed}; (${answerMessages})(self);`;
  const address = URL.createObjectURL(new Blob([program], { type: "text/javascript" }));
  /** @type {Worker} */
  let worker;
  try {
    worker = new Worker(address);
  } catch {
    return null; // the page's policy allows none
  }
  /** @param {unknown} message @param {Transferable[]} [transferred] @returns {Promise<any>} */
  const exchange = (message, transferred = []) => new Promise((answer, fail) => {
    worker.onmessage = ({ data }) => ("failure" in data ? fail(new Error(data.failure)) : answer(data));
    worker.onerror = (event) => fail(new Error(event.message || "the worker did not start"));
    worker.postMessage(message, transferred);
  });
  try {
    await exchange({ plan });
  } catch {
    worker.terminate();
    return null; // whatever hinders it there is tried again in the page, where it is told
  } finally {
    URL.revokeObjectURL(address);
  }
  return {
    ask: (image) => exchange({ image }, [image.buffer]),
    end: () => worker.terminate(),
  };
}

/**
 * The worker's side: a plan first, then images, each answered before the next comes.
 *
 * @param {any} scope
 */
function answerMessages(scope) {
  /** @type {Compute} */
  let compute;
  scope.onmessage = async (/** @type {MessageEvent} */ { data }) => {
    try {
      if ("plan" in data) {
        compute = await startNetwork(data.plan);
        scope.postMessage({});
      } else {
        const answer = timed(compute, data.image);
        const buffers = [answer.code.buffer, ...(answer.redrawn === null ? [] : [answer.redrawn.buffer])];
        scope.postMessage(answer, buffers);
      }
    } catch (error) {
      scope.postMessage({ failure: String(error) });
    }
  };
}

/** @param {Compute} compute @param {Float32Array} image @returns {NetworkAnswer} */
function timed(compute, image) {
  const start = performance.now();
  const result = compute(image);
  return { ...result, milliseconds: performance.now() - start };
}
