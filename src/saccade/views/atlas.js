// @ts-check
/** The atlas: a page of nothing but the map of a collection. */
import { build } from "./build.js";
import { renderCollection } from "./collection.js";
import { createStore } from "./store.js";

const carriedAtlas = document.getElementById("report-data");
if (carriedAtlas) {
  const { title, deck, model, atlas } = JSON.parse(carriedAtlas.textContent ?? "");
  const data = { photos: [], collection: atlas };
  const store = createStore({ photo: 0, near: -1 }, (name, text) => {
    const value = Number(text);
    return name === "near" && Number.isInteger(value) && value >= 0 && value < atlas.names.length ? value : undefined;
  });
  const element = build("div", { class: "view" });
  document.body.replaceChildren(
    build("main", { id: "content" }, build("section", { id: "collection", class: "chapter", "aria-labelledby": "collection-title" },
      build("p", { class: "mark" }, "saccade"), build("h1", { id: "collection-title" }, title), build("p", { class: "lead" }, deck), element)),
    build("footer", { class: "foot" }, build("p", {}, `Made by saccade with ${model}, in one file that needs no network.`)),
  );
  renderCollection({ data, element, store });
}
