/** Numbers and answers in words. */

const SURE = [
  [0.9, "very sure"],
  [0.7, "quite sure"],
  [0.5, "more likely than not"],
  [0, "only a guess"],
];
const MUSIC = 0.5; // below which the server counts sound as none
const UNKNOWN = "unknown";

/** 65.2 as "1:05". */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = `${String(rest).padStart(2, "0")}`;
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

/** 65.2 as "1 minute 5 seconds". */
export function spokenTime(seconds) {
  const [minutes, rest] = [Math.floor(seconds / 60), Math.floor(seconds % 60)];
  return [minutes && count(minutes, "minute"), (rest || !minutes) && count(rest, "second")].filter(Boolean).join(" ");
}

/** 0.914 as "91 %"; nothing is rounded to none or all. */
export function percent(share) {
  if (share > 0 && share < 0.005) return "< 1 %";
  if (share < 1 && share >= 0.995) return "> 99 %";
  return `${Math.round(share * 100)} %`;
}

/** 3, "file" as "3 files". */
export const count = (number, thing) => `${number} ${thing}${number === 1 ? "" : "s"}`;

/** ["a", "b", "c"] as "a, b and c". */
export const listed = (things) =>
  things.length < 2 ? things.join("") : `${things.slice(0, -1).join(", ")} and ${things.at(-1)}`;

/** A label as people write it: "Rock---Metal" as "Rock › Metal". */
export const genreName = (label) => label.replaceAll("---", " › ");

export const isUnknown = (result) => result.genre === UNKNOWN;

/** Whether a probability of music counts as none; where a model cannot tell, all is music. */
export const isNoMusic = (music) => music !== null && music !== undefined && music < MUSIC;

/** What is told in large letters. */
export const headline = (result) =>
  isUnknown(result) ? "Unknown" : result.genres.map(genreName).join(", ");

/** How sure that is, in a sentence. */
export function sureness(result) {
  const closest = genreName(result.scores[0].label);
  if (isUnknown(result) && isNoMusic(result.music))
    return `This hardly sounds like music (${percent(result.music)}). Were it music, ${closest} would be closest.`;
  if (isUnknown(result))
    return `Not sure enough to name a genre: ${closest} is closest, with ${percent(result.confidence)}.`;
  const [, word] = SURE.find(([least]) => result.confidence >= least);
  return `${percent(result.confidence)} – ${word}`;
}
