// @ts-check
/** Which photos does each of two networks find most like one? */
import { build, buildSvg } from "./build.js";
import { otherOf } from "./other_photo.js";
import { asScore } from "./wording.js";

/** So many photos of an order are shown on a narrow page; its style sheet leaves out the others. */
const MOST_ORDERED = 5;

/**
 * Which photos are most like this one? The others in the order of either network, every photo joined with itself.
 * @param {any} data @param {HTMLElement} element @param {any} store
 */
export function renderOrders(data, element, store) {
  const { beside } = data;
  const tables = [data.table, beside.table];
  const count = data.photos.length;
  const rows = [0, 1].map((which) => build("ol", { class: "order", "aria-label": `the other photos, most alike first, by ${beside.names[which]}` }));
  const lines = buildSvg("svg", { class: "order-lines", "aria-hidden": "true" });
  const title = build("h3", { class: "question" });
  const sentence = build("p", { class: "finding" });
  const box = build("div", { class: "orders" },
    [0, 1].map((which) => build("div", { class: "order-row" }, build("p", { class: "order-name" }, build("b", {}, beside.names[which]), " finds most alike first", count > MOST_ORDERED + 1 ? build("span", { class: "order-cut" }, `; ${MOST_ORDERED} of ${count - 1} are shown`) : null), rows[which])), lines);
  element.append(title, sentence, box);
  new ResizeObserver(() => drawLines()).observe(box);

  function refresh() {
    const { photo, other } = store.get();
    const shown = otherOf(photo, other, data.photos.length);
    title.textContent = `Which photo is most like ${data.photos[photo].name}?`;
    sentence.textContent = beside.photos[photo].nearest;
    rows.forEach((row, which) => {
      const table = tables[which];
      const order = data.photos.map((/** @type {any} */ _, /** @type {number} */ index) => index).filter((/** @type {number} */ index) => index !== photo).sort((/** @type {number} */ a, /** @type {number} */ b) => table[photo][b] - table[photo][a]);
      const focused = row.contains(document.activeElement) ? Number(/** @type {HTMLElement} */ (document.activeElement).dataset.photo) : -1;
      row.replaceChildren(...order.map((/** @type {number} */ index, /** @type {number} */ place) => build("li", {}, build("button", {
        type: "button", class: "ranked", "data-photo": index, "aria-pressed": String(index === shown), "aria-label": `${place + 1}: ${data.photos[index].name}, ${asScore(table[photo][index])} alike`,
        on: { click: () => store.set({ other: index }) },
      }, build("img", { src: data.photos[index].thumbnail, alt: "" }), build("span", {}, asScore(table[photo][index]))))));
      if (focused >= 0) row.querySelector(`[data-photo="${focused}"]`)?.focus();
    });
    drawLines();
  }

  function drawLines() {
    const area = box.getBoundingClientRect();
    const shown = otherOf(store.get().photo, store.get().other, data.photos.length);
    lines.setAttribute("viewBox", `0 0 ${area.width} ${area.height}`);
    lines.replaceChildren(...[...rows[0].querySelectorAll(".ranked")].map((/** @type {any} */ from) => {
      const to = rows[1].querySelector(`[data-photo="${from.dataset.photo}"]`);
      if (!from.offsetWidth || !to?.offsetWidth) return ""; // a narrow page shows the first ones alone
      const [above, below] = [from, to].map((node) => node.getBoundingClientRect());
      const [x1, y1] = [above.left + above.width / 2 - area.left, above.bottom - area.top];
      const [x2, y2] = [below.left + below.width / 2 - area.left, below.top - area.top];
      const middle = (y1 + y2) / 2;
      return buildSvg("path", { class: Number(from.dataset.photo) === shown ? "order-line shown" : "order-line", d: `M ${x1} ${y1} C ${x1} ${middle}, ${x2} ${middle}, ${x2} ${y2}` });
    }));
  }

  store.follow((/** @type {any} */ state, /** @type {any} */ before) => { if (state.photo !== before.photo || state.other !== before.other) refresh(); });
}
