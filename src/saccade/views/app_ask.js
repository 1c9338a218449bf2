// @ts-check
/** Ask it anything: every method, every layer, every target; the map sharpens while it is computed. */
import { createMapStage } from "./app_map_stage.js";
import { postForFile } from "./app_requests.js";
import { build, freshId } from "./build.js";
import { button, captionStrip } from "./controls.js";
import { photoPixels } from "./stage.js";
import { colourKey, mapOf, saveFile } from "./where.js";

/** @param {{data: any, element: HTMLElement, store: any, transport: any}} view */
export function renderAsk({ data, element, store, transport }) {
  const view = createMapStage(data, "Move the pointer, or press the arrow keys, to read the value of a place.");
  const finding = build("p", { class: "finding", "aria-live": "polite" });
  const words = build("p", { class: "method-words" });
  const key = build("div");
  const caption = build("div");
  const bar = build("progress", { class: "app-progress", max: 1, value: 0, "aria-label": "how much of the map is computed" });
  const left = build("p", { class: "app-passes", role: "status" });
  const method = labelled("How", select(data.ask.methods.map((/** @type {any} */ one) => [one.name, one.title]), () => ask()));
  const layer = labelled("Which layer", select(data.ask.layers.map((/** @type {any} */ one) => [one.path, `${one.path}${one.is_code ? " (the code)" : ""}${one.grid ? `, ${one.grid[0]}\u00d7${one.grid[1]}` : ""}`]), () => ask()));
  /** @type {[string, string][]} */
  const kinds = [["code", "all of it"], ["channel", "one feature"], ["cell", "one place"]];
  if (data.photos.length > 1) kinds.push(["like", "what makes it like another photo"], ["unlike", "what makes it unlike another photo"]);
  if (data.offers.includes("memory")) kinds.push(["reconstruction_error", "how badly it is redrawn"]);
  const kind = labelled("Of that", select(kinds, () => { tellParts(); ask(); }));
  const channel = labelled("Feature", build("input", { type: "number", min: 0, step: 1, value: 0, class: "app-number", on: { change: () => ask() } }));
  const row = labelled("Row", build("input", { type: "number", min: 0, step: 1, value: 0, class: "app-number", on: { change: () => ask() } }));
  const column = labelled("Column", build("input", { type: "number", min: 0, step: 1, value: 0, class: "app-number", on: { change: () => ask() } }));
  const other = labelled("The other photo", select(data.photos.map((/** @type {any} */ photo) => [photo.number, photo.name]), () => ask()));
  const save = button("Save as the library draws it (PNG)", () => saved(), { disabled: true });
  method.input.value = data.maps[0].method;
  layer.input.value = data.code.layer;
  if (data.photos.length > 1) other.input.value = data.photos[1].number;
  element.append(
    build("div", { class: "figure-row" },
      build("figure", {}, view.node, build("div", { class: "app-computing" }, bar, left)),
      build("div", { class: "beside" },
        build("div", { class: "app-form" }, method.node, layer.node, kind.node, channel.node, row.node, column.node, other.node),
        finding, words, key, build("div", { class: "toolbar" }, save))),
    caption,
  );
  let turn = 0;

  /** @returns {any} */
  function question() {
    const chosen = kind.input.value;
    const photo = data.photos[store.get().photo];
    const target = chosen === "channel" ? `channel:${Number(channel.input.value)}` : chosen === "cell" ? `cell:${Number(row.input.value)},${Number(column.input.value)}`
      : chosen === "like" || chosen === "unlike" ? { kind: chosen, photo: other.input.value } : chosen;
    const at = layer.input.value === data.code.layer ? null : layer.input.value;
    return { photo: photo.number, method: method.input.value, target, layer: at, settings: {} };
  }

  function tellParts() {
    const chosen = kind.input.value;
    channel.node.hidden = chosen !== "channel";
    row.node.hidden = column.node.hidden = chosen !== "cell";
    other.node.hidden = chosen !== "like" && chosen !== "unlike";
  }

  async function ask() {
    turn += 1;
    const mine = turn;
    const request = question();
    const photo = data.photos[store.get().photo];
    const about = data.ask.methods.find((/** @type {any} */ one) => one.name === request.method);
    words.replaceChildren(build("strong", {}, about.title), ` (${about.name}): ${about.summary}. Cost: ${about.cost}.`);
    // What is said of the map before is not true of the one that comes.
    finding.textContent = "";
    key.replaceChildren();
    caption.replaceChildren();
    save.disabled = true;
    bar.hidden = false;
    bar.removeAttribute("value");
    left.textContent = "asking\u2026";
    const pixels = await photoPixels(photo);
    if (mine !== turn) return;
    try {
      const answer = await transport.ask("explain", request, null, (/** @type {any} */ part) => { if (mine === turn) sharpen(pixels, photo, part); });
      if (answer === null || mine !== turn) return;
      const { map } = answer.words;
      view.show(pixels, photo.box, mapOf(map), map);
      view.stage.describe(`${photo.alt}, with the map of ${map.title}. ${map.sentence}`);
      view.rest();
      finding.textContent = map.sentence;
      key.replaceChildren(colourKey(data, map));
      const settings = Object.entries(map.settings).map(([name, value]) => `${name} ${value}`).join(", ");
      caption.replaceChildren(captionStrip([["method", `${map.title} (${map.method})`], ["target", `${map.target}, of layer ${map.layer}`], ["unit", map.unit], ["real grid", `${map.grid[0]}\u00d7${map.grid[1]}, smoothed for display`], ["settings", settings], ["good to know", map.notes.join(" \u00b7 ")]]));
      left.textContent = "";
      bar.hidden = true;
      save.disabled = false;
      element.dataset.answered = `${request.photo} ${request.method}`;
    } catch (error) {
      if (mine !== turn) return;
      bar.hidden = true;
      left.textContent = error instanceof Error ? error.message : String(error);
      view.show(pixels, photo.box, null, null);
    }
  }

  /** @param {import("./stage.js").PhotoPixels} pixels @param {any} photo @param {import("./app_socket.js").SocketAnswer} part */
  function sharpen(pixels, photo, part) {
    const { words, numbers } = part;
    if (words.total) {
      bar.value = words.done / words.total;
      left.textContent = words.done < words.total ? `${words.total - words.done} of ${words.total} passes left` : "";
    }
    if (words.partial) {
      element.dataset.partials = String(Number(element.dataset.partials ?? 0) + 1);
      view.show(pixels, photo.box, { values: new Float32Array(numbers), rows: words.rows, columns: words.columns, scale: words.scale }, null);
    }
  }

  async function saved() {
    const request = question();
    const photo = data.photos[store.get().photo];
    save.disabled = true;
    try {
      saveFile(`${photo.name.replace(/\.\w+$/, "")}-${request.method}.png`, await postForFile("api/explain/picture", request));
    } catch (error) {
      left.textContent = error instanceof Error ? error.message : String(error);
    }
    save.disabled = false;
  }

  tellParts();
  store.follow((/** @type {any} */ state, /** @type {any} */ before) => { if (state.photo !== before.photo) ask(); });
}

/** @param {[string, string][]} options @param {() => void} onChange @returns {HTMLSelectElement} */
function select(options, onChange) {
  return build("select", { class: "app-select", on: { change: onChange } }, options.map(([value, text]) => build("option", { value }, text)));
}

/** @template {HTMLElement} Input @param {string} name @param {Input} input @returns {{node: HTMLElement, input: Input}} */
function labelled(name, input) {
  const id = freshId("field");
  input.id = id;
  return { node: build("p", { class: "app-field" }, build("label", { for: id }, name), input), input };
}
