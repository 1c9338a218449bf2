// @ts-check
/** The section of a page that carries a collection. */
import { COLLECTION } from "./collection.js";
import { addSection } from "./page.js";

addSection(COLLECTION);
