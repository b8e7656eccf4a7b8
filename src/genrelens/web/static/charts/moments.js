/** Genre probabilities over time, for tracks and for live audio. */

import { isNotMusic } from "../lib/genres.js";

/**
 * @typedef {Object} Moment - classification of one window.
 * @property {number} time - centre of the window in seconds.
 * @property {Map<string, number>} scores - probability by label.
 * @property {boolean} isMusic
 */

/**
 * Return the labels that the timeline stacks: in a hierarchy the top level, whose probabilities add up to 1.
 *
 * @param {Score[]} scores
 */
export const stackedLabels = (scores) => scores.map((score) => score.label).filter((label) => !label.includes("---"));

/**
 * Index scores by label.
 *
 * @param {Score[]} scores
 * @returns {Map<string, number>}
 */
export const scoreMap = (scores) => new Map(scores.map(({ label, score }) => [label, score]));

/**
 * @param {Segment[]} segments
 * @returns {Moment[]}
 */
export const segmentMoments = (segments) =>
  segments.map((segment) => ({
    time: (segment.start + segment.end) / 2,
    scores: scoreMap(segment.scores),
    isMusic: !isNotMusic(segment.music),
  }));

/**
 * Interpolate smoothly between the moments before and after a time.
 *
 * @param {Moment[]} moments - at least one.
 * @param {number} time - in seconds.
 * @returns {Map<string, number>} probability by label.
 */
export function scoresAt(moments, time) {
  const after = moments.findIndex((moment) => moment.time > time);
  if (after === 0 || moments.length === 1) return moments[0].scores;
  if (after < 0) return moments[moments.length - 1].scores;
  const [left, right] = [moments[after - 1], moments[after]];
  const share = (time - left.time) / (right.time - left.time);
  const smooth = share * share * (3 - 2 * share);
  return new Map(
    [...left.scores].map(([label, score]) => [label, score + smooth * ((right.scores.get(label) ?? 0) - score)]),
  );
}

/**
 * Return the most probable of the given labels at a time.
 *
 * @param {Moment[]} moments - at least one.
 * @param {string[]} labels
 * @param {number} time - in seconds.
 * @returns {Score}
 */
export function topScoreAt(moments, labels, time) {
  const scores = scoresAt(moments, time);
  return labels.map((label) => ({ label, score: scores.get(label) ?? 0 })).reduce((a, b) => (b.score > a.score ? b : a));
}

/**
 * Split a track where the most probable label changes.
 *
 * @param {Moment[]} moments
 * @param {string[]} labels
 * @param {number} duration - in seconds.
 */
export function topLabelSpans(moments, labels, duration) {
  /** @type {{label: string, start: number, end: number}[]} */
  const spans = [];
  moments.forEach((moment, index) => {
    const { label } = topScoreAt([moment], labels, moment.time);
    const end = index + 1 < moments.length ? (moment.time + moments[index + 1].time) / 2 : duration;
    const last = spans.at(-1);
    if (last?.label === label) last.end = end;
    else spans.push({ label, start: last?.end ?? 0, end });
  });
  return spans;
}
