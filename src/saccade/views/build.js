// @ts-check
/** Elements are built as a tree, so that text is always text and never markup. */

/**
 * One element.
 * @param {string} name
 * @param {Record<string, any>} [attributes] `on` holds listeners by event; true stands for an attribute without a value; null and
 *     false leave it out; `style` holds properties by name.
 * @param {...any} children elements, text, lists of these, or null for nothing
 * @returns {any}
 */
export function build(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  fill(node, attributes, children);
  return node;
}

/**
 * The same for drawings.
 * @param {string} name
 * @param {Record<string, any>} [attributes]
 * @param {...any} children
 * @returns {any}
 */
export function buildSvg(name, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  fill(node, attributes, children);
  return node;
}

/**
 * @param {Element} node
 * @param {Record<string, any>} attributes
 * @param {any[]} children
 */
function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "on") for (const [event, listener] of Object.entries(value)) node.addEventListener(event, /** @type {any} */ (listener));
    else if (key === "style") for (const [property, text] of Object.entries(value)) /** @type {any} */ (node).style.setProperty(property, String(text));
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) if (child !== null && child !== undefined && child !== false) node.append(child);
}

let builtIds = 0;

/** @param {string} stem @returns {string} an id that no other element has */
export function freshId(stem) {
  builtIds += 1;
  return `${stem}-${builtIds}`;
}
