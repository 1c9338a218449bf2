// @ts-check
/** The section of a page that shows another network beside the first. */
import { BESIDE } from "./beside.js";
import { addSection } from "./page.js";

addSection(BESIDE);
