// @ts-check
/** The few controls that all views share: a row of choices, a slider, a switch, a caption, a read-out. */
import { build, freshId } from "./build.js";

/**
 * A row of choices of which one holds.
 * @param {{label: string, choices: {value: any, text: any, title?: string}[], value: any, onChange: (value: any) => void}} options
 */
export function chooser(options) {
  const name = freshId("choice");
  const inputs = options.choices.map((choice) => {
    const input = build("input", { type: "radio", name, class: "visually-hidden", checked: choice.value === options.value, on: { change: () => options.onChange(choice.value) } });
    return { value: choice.value, input, label: build("label", { class: "choice", title: choice.title }, input, build("span", {}, choice.text)) };
  });
  return {
    node: build("fieldset", { class: "chooser" }, build("legend", { class: "visually-hidden" }, options.label), inputs.map((entry) => entry.label)),
    /** @param {any} value */
    show(value) { for (const entry of inputs) entry.input.checked = entry.value === value; },
  };
}

/**
 * @param {{label: string, least: number, most: number, step: number, value: number, inWords: (value: number) => string, onInput: (value: number) => void}} options
 */
export function slider(options) {
  const id = freshId("slider");
  const output = build("output", { for: id, class: "slider-value" }, options.inWords(options.value));
  const input = build("input", { type: "range", id, min: options.least, max: options.most, step: options.step, value: options.value, "aria-valuetext": options.inWords(options.value) });
  /** @param {number} value */
  function tell(value) {
    output.textContent = options.inWords(value);
    input.setAttribute("aria-valuetext", options.inWords(value));
    input.style.setProperty("--filled", `${(100 * (value - options.least)) / (options.most - options.least)}%`);
  }
  input.addEventListener("input", () => { tell(Number(input.value)); options.onInput(Number(input.value)); });
  tell(options.value);
  return {
    node: build("div", { class: "slider" }, build("label", { for: id }, options.label), input, output),
    input,
    /** @param {number} value */
    show(value) { input.value = String(value); tell(value); },
  };
}

/** @param {{label: string, value: boolean, onChange: (value: boolean) => void}} options */
export function toggle(options) {
  const input = build("input", { type: "checkbox", role: "switch", checked: options.value, on: { change: () => options.onChange(input.checked) } });
  return {
    node: build("label", { class: "toggle" }, input, build("span", {}, options.label)),
    /** @param {boolean} value */
    show(value) { input.checked = value; },
  };
}

/** @param {string} text @param {() => void} onPress @param {Record<string, any>} [attributes] */
export function button(text, onPress, attributes = {}) {
  return build("button", { type: "button", class: "button", on: { click: onPress }, ...attributes }, text);
}

/** What is under the pointer, told to everybody. */
export function readout() {
  const node = build("p", { class: "readout", "aria-live": "polite" });
  return {
    node,
    /** @param {...any} parts */
    say(...parts) { node.replaceChildren(...parts.flat().map((part) => (typeof part === "object" ? part : document.createTextNode(String(part))))); },
  };
}

/**
 * The strip under a picture: method, unit, scale, caveat.
 * @param {[string, any][]} facts
 */
export function captionStrip(facts) {
  return build("dl", { class: "strip" }, facts.filter(([, value]) => value !== null && value !== "").map(([name, value]) => build("div", {}, build("dt", {}, name), build("dd", {}, typeof value === "string" ? value.replace(/`([^`]+)`/g, "\u201c$1\u201d") : value))));
}

/** @returns {boolean} whether the reader wants nothing to move by itself */
export function wantsStillness() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
