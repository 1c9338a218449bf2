// @ts-check
/** The report in a notebook's frame: new images are computed by the notebook, which is asked by messages. */
import { coverSection } from "./cover_section.js";
import { renderPage } from "./page.js";

/**
 * Ask whoever framed this page. One image is asked for at a time; of those that come meanwhile only the last one waits.
 * @returns {import("./cover.js").Transport}
 */
function framedTransport() {
  let latest = 0;
  /** @type {((answer: any) => void) | null} */
  let answered = null;
  /** @type {{image: Float32Array, resolve: (answer: any) => void} | null} */
  let waiting = null;

  function ask() {
    if (answered || !waiting) return;
    const { image, resolve } = waiting;
    waiting = null;
    latest += 1;
    answered = resolve;
    const copy = image.slice();
    parent.postMessage({ saccade: "image", number: latest, image: copy.buffer }, "*", [copy.buffer]);
  }

  window.addEventListener("message", (event) => {
    if (event.source !== parent || event.data?.saccade !== "answer" || event.data.number !== latest || !answered) return;
    const { code, redrawn, milliseconds } = event.data;
    answered({ code: new Float32Array(code), redrawn: redrawn ? new Float32Array(redrawn) : null, milliseconds });
    answered = null;
    ask();
  });

  return {
    run(image) {
      return new Promise((resolve) => {
        waiting?.resolve(null);
        waiting = { image, resolve };
        ask();
      });
    },
    words: "by the notebook's own kernel, in full precision",
  };
}

const framed = document.getElementById("report-data");
if (framed) renderPage(JSON.parse(framed.textContent ?? ""), { transport: framedTransport(), more: [coverSection("Your notebook runs the network.")] });
