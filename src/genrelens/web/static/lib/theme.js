/** Colours and fonts of the style sheet, for drawing on canvases. */

/**
 * @typedef {Object} Theme
 * @property {string} surface
 * @property {string} ink
 * @property {string} muted
 * @property {string} line
 * @property {string} faint
 * @property {string} tint
 * @property {string} panel
 * @property {string} serif
 * @property {string} sans
 */

/**
 * Return the current theme, light or dark.
 *
 * @returns {Theme}
 */
export function currentTheme() {
  const style = getComputedStyle(document.documentElement);
  /** @param {string} name */
  const read = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    surface: read("surface"),
    ink: read("ink"),
    muted: read("muted"),
    line: read("line"),
    faint: read("faint"),
    tint: read("tint"),
    panel: read("panel"),
    serif: read("serif"),
    sans: read("sans"),
  };
}

/**
 * Call back whenever the page switches between light and dark.
 *
 * @param {() => void} callback
 */
export function onThemeChange(callback) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", callback);
}

/**
 * Parse a colour: "#4f86d6" as [79, 134, 214].
 *
 * @param {string} hex
 */
export const parseColour = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
