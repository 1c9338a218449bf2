// @ts-check
/** What a page asks of the app piece by piece: each once, and again only what has become another answer. */

export function createPieces() {
  /** @type {Map<string, Promise<void>>} */
  const coming = new Map();
  /** @type {Set<string>} */
  const there = new Set();
  /** The pieces that compare photos. @type {Set<string>} */
  const comparisons = new Set();
  /** How often what is known of other photos has changed. */
  let changes = 0;

  /**
   * @param {string} key @param {() => Promise<void>} bring
   * @returns {Promise<void> | null} null if it is there
   */
  function piece(key, bring) {
    if (there.has(key)) return null;
    let promise = coming.get(key);
    if (!promise) {
      promise = bring().then(() => { there.add(key); }).finally(() => { coming.delete(key); });
      coming.set(key, promise);
    }
    return promise;
  }

  /**
   * A piece that compares photos: what has become another answer on its way is asked for again.
   * @param {string} key @param {() => Promise<any>} ask @param {(answer: any) => void} put
   */
  function comparison(key, ask, put) {
    comparisons.add(key);
    return piece(key, async () => {
      for (;;) {
        const before = changes;
        const answer = await ask();
        if (before === changes) return put(answer);
      }
    });
  }

  /** All that compares photos is another answer from now on. */
  function forgetComparisons() {
    changes += 1;
    for (const key of comparisons) there.delete(key);
  }

  return { piece, comparison, forgetComparisons };
}
