// @ts-check
/** A section of the page whose data is still coming: it is drawn when that is there, and hears of a state when that is. */
import { build } from "./build.js";
import { button } from "./controls.js";

/**
 * Draw a section when its data is there; until then, and where it does not come, say so in its place.
 * @param {import("./app_loading.js").Loader} loader @param {string} id @param {any} store @param {HTMLElement} element
 * @param {(store: any) => void} render @param {AbortSignal} signal
 */
export function drawWhenThere(loader, id, store, element, render, signal) {
  const note = build("p", { class: "app-waiting", role: "status" });
  element.append(note);
  let shown = store.get();
  let isDrawn = false;
  /** Has what it shows become another since it was drawn? */
  let isStale = false;
  /** @type {Set<(state: any, before: any) => void>} */
  const listeners = new Set();
  const own = {
    get: () => shown,
    set: store.set,
    /** @param {(state: any, before: any) => void} listener */
    follow(listener) {
      listeners.add(listener);
      listener(shown, {});
      return () => listeners.delete(listener);
    },
  };

  /** @param {any} state */
  async function become(state) {
    const waiting = loader.need(id, state);
    if (waiting) {
      // What is shown stays, in the background, until the next is there.
      const slow = setTimeout(() => { note.replaceChildren("The machine is looking\u2026"); element.classList.add("app-is-waiting"); }, isDrawn ? 150 : 0);
      try {
        await waiting;
      } catch (error) {
        if (store.get() === state && !signal.aborted) tellFailure(error, state);
        return;
      } finally {
        clearTimeout(slow);
        element.classList.remove("app-is-waiting");
      }
    }
    if (store.get() !== state || signal.aborted) return;
    note.replaceChildren();
    const before = shown;
    shown = state;
    if (isDrawn && !isStale) for (const listener of [...listeners]) listener(state, before);
    else {
      listeners.clear();
      element.replaceChildren(note);
      isDrawn = true;
      isStale = false;
      render(own);
    }
    performance.mark(`saccade ${id}`);
    wishFor(state);
  }

  /** @param {any} state */
  async function wishFor(state) {
    for (const wish of loader.wishes(id)) {
      const waiting = wish(state);
      if (!waiting) continue;
      try { await waiting; } catch { continue; } // what was wished for alone is not missed
      if (shown !== state || signal.aborted) return;
      for (const listener of [...listeners]) listener(state, {});
    }
  }

  /** @param {unknown} error @param {any} state */
  function tellFailure(error, state) {
    const words = error instanceof Error ? error.message : String(error);
    note.replaceChildren(`This cannot be shown: ${words} `, button("Try again", () => { note.replaceChildren(); become(state); }));
  }

  loader.onChange(id, () => { if (isDrawn && !signal.aborted) { isStale = true; become(store.get()); } }, () => { if (isDrawn && !signal.aborted) wishFor(shown); });
  store.follow((/** @type {any} */ state, /** @type {any} */ before) => {
    if (state !== before) become(state);
  });
}
