// @ts-check
/** The report: the page with the data that lie in the same file. */
import { renderPage } from "./page.js";

const carried = document.getElementById("report-data");
if (carried) renderPage(JSON.parse(carried.textContent ?? ""));
