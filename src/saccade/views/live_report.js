// @ts-check
/** The report of a model that runs in the page: a cover can be dragged, and its code and redrawing change. */
import { renderCover } from "./cover.js";
import { inPageTransport } from "./in_page_network.js";
import { renderPage } from "./page.js";

/** @type {import("./page.js").Section} */
const LIVE_COVER = {
  id: "cover", name: "Cover it yourself", title: "Cover it, and watch it think", lead: "The network itself runs in this page. Put a cover on the photo: its code changes, and what it redraws.",
  needs: () => true, render: renderCover,
};

const live = document.getElementById("report-data");
if (live) {
  const data = JSON.parse(live.textContent ?? "");
  renderPage(data, { transport: inPageTransport(data.network), second: LIVE_COVER });
}
