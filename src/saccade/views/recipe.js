// @ts-check
/** How was this made? Everything that is needed to make it again. */
import { build } from "./build.js";
import { button } from "./controls.js";

/** @param {{data: any, element: HTMLElement}} view */
export function renderRecipe({ data, element }) {
  const command = build("code", {}, data.recipe.command);
  const copied = build("span", { "aria-live": "polite", class: "aside" });
  element.append(
    build("p", {}, "The same command, where the model and the photos lie, gives the same numbers."),
    build("pre", { class: "command", tabindex: "0" }, command),
    build("p", {}, button("Copy", async () => {
      try { await navigator.clipboard.writeText(data.recipe.command); copied.textContent = " Copied."; }
      catch { getSelection()?.selectAllChildren(command); copied.textContent = " Marked: press Ctrl+C."; }
    }), copied),
    build("dl", { class: "recipe" }, data.recipe.facts.map((/** @type {[string, string]} */ [name, value]) => build("div", {}, build("dt", {}, name), build("dd", {}, value)))),
  );
}
