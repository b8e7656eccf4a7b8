/** Elements, made in one line. */

/**
 * @param {string} tag
 * @param {Object} attributes - `onclick` and the like are listeners; what is null or false is left out.
 * @param {...(Node|string|null)} children
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** The element that the page itself has under an id. */
export const byId = (id) => document.getElementById(id);

let numbered = 0;

/** An id that no other element has. */
export const newId = (stem) => `${stem}-${++numbered}`;

/** Have a screen reader say it, when it has finished what it is saying. */
export function announce(text) {
  byId("announcements").textContent = text;
}

/** Whether moves on the screen should be few. */
export const wantsCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
