// @ts-check
/** What the whole page shows now: which photo, which method, which pair. It lives in the address, so that a view can be sent. */

/**
 * @param {Record<string, any>} initial the state that needs no word in the address
 * @param {(name: string, text: string) => any} read turns the text of the address into a value, or undefined if it is none
 * @param {AbortSignal} [signal] ends listening to the address
 */
export function createStore(initial, read, signal) {
  let state = { ...initial };
  /** @type {Set<(state: any, before: any) => void>} */
  const listeners = new Set();

  function fromAddress() {
    /** @type {Record<string, any>} */
    const patch = { ...initial };
    for (const [name, text] of new URLSearchParams(location.hash.slice(1))) {
      if (!(name in initial)) continue;
      const value = read(name, text);
      if (value !== undefined) patch[name] = value;
    }
    return patch;
  }

  function intoAddress() {
    if (!/^(file|https?):$/.test(location.protocol)) return; // the frame of a notebook has no address of its own
    const words = new URLSearchParams();
    for (const [name, value] of Object.entries(state)) if (value !== initial[name]) words.set(name, String(value));
    const text = words.toString();
    if (text !== location.hash.slice(1)) history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  }

  /** @param {any} next */
  function become(next) {
    const before = state;
    state = next;
    for (const listener of [...listeners]) listener(state, before);
  }

  state = fromAddress();
  window.addEventListener("hashchange", () => become(fromAddress()), { signal });

  return {
    get: () => state,
    /** @param {Record<string, any>} patch */
    set(patch) {
      if (Object.entries(patch).every(([name, value]) => state[name] === value)) return;
      become({ ...state, ...patch });
      intoAddress();
    },
    /** @param {(state: any, before: any) => void} listener called at once, and at every change */
    follow(listener) {
      listeners.add(listener);
      listener(state, {});
      return () => listeners.delete(listener);
    },
  };
}
