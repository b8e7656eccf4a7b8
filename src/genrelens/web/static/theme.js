/** The colours of drawings: those of the style sheet, and one for each genre. */

const KNOWN = {
  blues: "#4f86d6",
  classical: "#9a7fd1",
  country: "#c8975a",
  disco: "#cf5fb9",
  hiphop: "#f08c52",
  jazz: "#e6b93c",
  metal: "#7b8da3",
  pop: "#f6a5b2",
  reggae: "#58b173",
  rock: "#d4574e",
};
const SPARE = ["#3fb3bf", "#a5b557", "#b98ab8", "#b5795c", "#6a9a9a", "#8f86e0", "#cfa0a0", "#7fae8c", "#5f9fd8", "#d0b060"];

/** A colour for each label: the usual one of a known genre, else one that no other label has, if there are enough. */
export function coloursOf(labels) {
  const colours = new Map();
  let spare = 0;
  for (const label of [...labels].sort()) {
    const known = KNOWN[label.split("---").at(-1).toLowerCase().replaceAll(/[^a-z]/g, "")];
    const taken = known && [...colours.values()].includes(known);
    colours.set(label, known && !taken ? known : SPARE[spare++ % SPARE.length]);
  }
  return colours;
}

/** The colours of the style sheet as they are now, light or dark. */
export function currentTheme() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    sheet: colour("sheet"),
    ink: colour("ink"),
    muted: colour("muted"),
    line: colour("line"),
    faint: colour("faint"),
    tint: colour("tint"),
    panel: colour("panel"),
    serif: colour("serif"),
    sans: colour("sans"),
  };
}

/** Call back when the page turns light or dark. */
export function onThemeChange(callback) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", callback);
}

/** "#4f86d6" as [79, 134, 214]. */
export const rgbOf = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
