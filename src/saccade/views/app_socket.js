// @ts-check
/** One socket for everything that moves. Of each kind of question only the latest counts; it connects again by itself. */

/** @typedef {{words: any, numbers: ArrayBuffer}} SocketAnswer */
/** @typedef {(answer: SocketAnswer) => void} OnPart gets what comes before the answer itself */

const FIRST_WAIT = 400;
const LONGEST_WAIT = 5000;

/**
 * @param {(state: "there" | "gone") => void} onState
 */
export function createSocket(onState) {
  /** @type {WebSocket | null} */
  let socket = null;
  let wait = FIRST_WAIT;
  let next = 1;
  /** @type {Map<number, {resolve: (answer: SocketAnswer | null) => void, reject: (error: Error) => void, onPart: OnPart | undefined}>} */
  const questions = new Map();
  /** @type {(() => void)[]} */
  let whenOpen = [];

  function connect() {
    const address = new URL("live", location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    address.search = "";
    address.hash = "";
    const opened = new WebSocket(address);
    opened.binaryType = "arraybuffer";
    opened.addEventListener("open", () => {
      socket = opened;
      wait = FIRST_WAIT;
      onState("there");
      for (const go of whenOpen.splice(0)) go();
    });
    opened.addEventListener("message", (event) => receive(event.data));
    opened.addEventListener("close", () => {
      socket = null;
      for (const { reject } of questions.values()) reject(new Error("the server does not answer."));
      questions.clear();
      onState("gone");
      setTimeout(connect, wait);
      wait = Math.min(LONGEST_WAIT, wait * 1.7);
    });
  }

  /** @param {ArrayBuffer} message */
  function receive(message) {
    const length = new DataView(message).getUint32(0, true);
    const words = JSON.parse(new TextDecoder().decode(new Uint8Array(message, 4, length)));
    const question = questions.get(words.id);
    if (!question) return;
    const isPart = words.partial || words.doing !== undefined || (words.total !== undefined && words.map === undefined);
    const answer = { words, numbers: message.slice(4 + length) };
    if (isPart) { question.onPart?.(answer); return; }
    questions.delete(words.id);
    if (words.overtaken) question.resolve(null);
    else if (words.error) question.reject(new Error(words.error));
    else question.resolve(answer);
  }

  connect();
  return {
    /**
     * @param {string} kind @param {any} words @param {ArrayBufferView | null} [numbers] @param {OnPart} [onPart]
     * @returns {Promise<SocketAnswer | null>} null for a question that a newer one has overtaken
     */
    async ask(kind, words, numbers = null, onPart = undefined) {
      if (!socket) await new Promise((resolve) => { whenOpen.push(() => resolve(undefined)); });
      const id = next;
      next += 1;
      const message = packMessage({ id, kind, ...words }, numbers);
      return new Promise((resolve, reject) => {
        questions.set(id, { resolve, reject, onPart });
        if (socket) socket.send(message);
        else reject(new Error("the server does not answer."));
      });
    },
  };
}

/** @param {any} words @param {ArrayBufferView | null} numbers @returns {Uint8Array<ArrayBuffer>} as docs/api.md says */
function packMessage(words, numbers) {
  let text = new TextEncoder().encode(JSON.stringify(words));
  const length = Math.ceil(text.length / 4) * 4;
  const size = numbers ? numbers.byteLength : 0;
  const message = new Uint8Array(4 + length + size).fill(32);
  new DataView(message.buffer).setUint32(0, length, true);
  message.set(text, 4);
  if (numbers) message.set(new Uint8Array(numbers.buffer, numbers.byteOffset, size), 4 + length);
  return message;
}
