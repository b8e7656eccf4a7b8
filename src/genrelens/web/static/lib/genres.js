/** Display names and colours of genres. */

export const UNKNOWN = "unknown";

const MUSIC_THRESHOLD = 0.5; // probability of music below which the server predicts "unknown"
const NEUTRAL = "#8a97ab"; // for labels without a colour

/** Names that capitalisation alone gets wrong, by lower-case label; `genrelens.prediction` has the same. */
const DISPLAY_NAMES = new Map([
  ["edm", "EDM"],
  ["hip hop", "Hip-hop"],
  ["hip-hop", "Hip-hop"],
  ["hiphop", "Hip-hop"],
  ["idm", "IDM"],
  ["r&b", "R&B"],
  ["rnb", "R&B"],
]);

/** Colours of common genres; `genrelens.library.similarity.map_picture` has the same. */
const GENRE_COLOURS = {
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
const SPARE_COLOURS = ["#3fb3bf", "#a5b557", "#b98ab8", "#b5795c", "#6a9a9a", "#8f86e0", "#cfa0a0", "#7fae8c", "#5f9fd8", "#d0b060"];

/**
 * Return the name of a genre as people write it: "hiphop" as "Hip-hop", "rock---metal" as "Rock / Metal".
 *
 * @param {string} label
 */
export const displayGenre = (label) =>
  label
    .split(/---|\//)
    .map((part) => DISPLAY_NAMES.get(part.toLowerCase()) ?? capitalise(part))
    .join(" / ");

/** @param {string} text */
const capitalise = (text) =>
  text
    .replaceAll("_", " ")
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join(" ");

/** @param {Classification} classification */
export const isUnknown = (classification) => classification.genre === UNKNOWN;

/**
 * Return whether a probability of music is too low; a model that does not estimate it treats all audio as music.
 *
 * @param {number|null|undefined} music
 */
export const isNotMusic = (music) => music !== null && music !== undefined && music < MUSIC_THRESHOLD;

/**
 * Return a colour for each label: the usual one of a common genre, else one that no other label has while they last.
 *
 * @param {Iterable<string>} labels
 * @returns {Map<string, string>} "#rrggbb" by label.
 */
export function genreColours(labels) {
  /** @type {Record<string, string>} */
  const known = GENRE_COLOURS;
  /** @type {Map<string, string>} */
  const colours = new Map();
  let spare = 0;
  for (const label of [...labels].sort()) {
    const leaf = label.split("---").at(-1) ?? "";
    const usual = known[leaf.toLowerCase().replaceAll(/[^a-z]/g, "")];
    const isFree = usual && ![...colours.values()].includes(usual);
    colours.set(label, isFree ? usual : SPARE_COLOURS[spare++ % SPARE_COLOURS.length]);
  }
  return colours;
}

/**
 * Return the colour of a label.
 *
 * @param {Map<string, string>} colours
 * @param {string|null} label
 */
export const colourOf = (colours, label) => (label === null ? NEUTRAL : (colours.get(label) ?? NEUTRAL));
