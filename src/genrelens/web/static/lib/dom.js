/** Helpers for creating and finding elements. */

/** @typedef {string|number|boolean|null|undefined|((event: any) => void)} AttributeValue */

/**
 * Create an element.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, AttributeValue>} attributes - functions such as `onclick` become event listeners; null,
 *   undefined and false are left out.
 * @param {...(Node|string|null|undefined)} children - null and undefined are left out.
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/**
 * Return the element of the page with an id.
 *
 * @template {HTMLElement} [Kind=HTMLElement]
 * @param {string} id
 * @param {new () => Kind} [kind] - expected class of the element.
 * @returns {Kind}
 * @throws {TypeError} the page has no such element.
 */
export function byId(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof (kind ?? HTMLElement))) throw new TypeError(`the page has no ${kind?.name ?? "element"} #${id}`);
  return /** @type {Kind} */ (element);
}

let lastId = 0;

/**
 * Return an id that no other element has.
 *
 * @param {string} prefix
 */
export const newId = (prefix) => `${prefix}-${++lastId}`;

/**
 * Announce a text to screen readers, after their current speech.
 *
 * @param {string} text
 */
export function announce(text) {
  byId("announcements").textContent = text;
}

/** Return whether the user prefers reduced motion. */
export const prefersReducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
