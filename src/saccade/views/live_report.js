// @ts-check
/** The report of a model that runs in the page: a cover can be dragged, and its code and redrawing change. */
import { coverSection } from "./cover_section.js";
import { inPageTransport } from "./in_page_network.js";
import { renderPage } from "./page.js";

const live = document.getElementById("report-data");
if (live) {
  const data = JSON.parse(live.textContent ?? "");
  renderPage(data, { transport: inPageTransport(data.network), more: [coverSection("The network itself runs in this page.")] });
}
