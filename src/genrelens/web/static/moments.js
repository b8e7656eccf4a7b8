/** What was heard from moment to moment, of a file or live. */

import { isNoMusic } from "./words.js";

/**
 * @typedef {Object} Moment - what was heard around a time.
 * @property {number} time - in seconds: the middle of a window.
 * @property {Map<string, number>} scores - of the labels that have areas.
 * @property {boolean} isMusic
 */

/** The labels that areas are for: of a tree, the first level, whose parts add up to the whole. */
export const areaLabels = (scores) => scores.map((score) => score.label).filter((label) => !label.includes("---"));

/** Segments of a result as moments. */
export const momentsOf = (segments) =>
  segments.map((segment) => ({
    time: (segment.start + segment.end) / 2,
    scores: new Map(segment.scores.map((score) => [score.label, score.score])),
    isMusic: !isNoMusic(segment.music),
  }));

/** What is heard at a time: the moments before and after it, mixed smoothly. Where there is but one, it counts for all. */
export function scoresAt(moments, time) {
  const after = moments.findIndex((moment) => moment.time > time);
  if (after === 0 || moments.length === 1) return moments[0].scores;
  if (after < 0) return moments.at(-1).scores;
  const [one, other] = [moments[after - 1], moments[after]];
  const share = (time - one.time) / (other.time - one.time);
  const smooth = share * share * (3 - 2 * share);
  return new Map([...one.scores].map(([label, score]) => [label, score + smooth * ((other.scores.get(label) ?? 0) - score)]));
}

/** The genre that is the most probable at a time, and how much so. */
export function strongestAt(moments, labels, time) {
  const scores = scoresAt(moments, time);
  return labels.map((label) => ({ label, score: scores.get(label) ?? 0 })).reduce((a, b) => (b.score > a.score ? b : a));
}

/** Stretches in which one genre stays the most probable: `{label, start, end}`. */
export function stretches(moments, labels, duration) {
  const found = [];
  moments.forEach((moment, place) => {
    const { label } = strongestAt([moment], labels, moment.time);
    const end = place + 1 < moments.length ? (moment.time + moments[place + 1].time) / 2 : duration;
    if (found.at(-1)?.label === label) found.at(-1).end = end;
    else found.push({ label, start: found.at(-1)?.end ?? 0, end });
  });
  return found;
}
