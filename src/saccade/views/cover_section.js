// @ts-check
/** The section of the page that needs somebody who computes new images. */
import { renderCover } from "./cover.js";

/** @param {string} where who computes, as a sentence @returns {import("./page.js").Section} */
export function coverSection(where) {
  return {
    id: "cover", name: "Cover it yourself", title: "Cover it, and watch it think", lead: `${where} Put a cover on the photo: its code changes, and what it redraws.`,
    needs: () => true, render: renderCover,
  };
}
