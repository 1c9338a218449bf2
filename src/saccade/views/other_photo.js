// @ts-check
/** The photo that the one on the page is compared with. */
import { build } from "./build.js";

/** @param {number} photo @param {number} other @param {number} count @returns {number} a photo that is not the first one */
export function otherOf(photo, other, count) {
  return other === photo || other < 0 || other >= count ? (photo + 1) % count : other;
}

/**
 * The other photos to choose from, with the label before them.
 * @param {string} label @param {any[]} photos @param {number} current @param {number} shown the one that is chosen @param {(index: number) => void} onChoose
 * @returns {HTMLElement[]}
 */
export function thumbnailsOfOthers(label, photos, current, shown, onChoose) {
  const thumbnails = photos.map((photo, index) => build("button", {
    type: "button", class: "thumb", "aria-pressed": String(index === shown), "aria-label": photo.name, on: { click: () => onChoose(index) },
  }, build("img", { src: photo.thumbnail, alt: "" })));
  return [build("span", { class: "picker-label" }, label), ...thumbnails.filter((_, index) => index !== current)];
}
