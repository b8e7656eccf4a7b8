/** Numbers and predictions as text. */

import { UNKNOWN, displayGenre, isNotMusic, isUnknown } from "./genres.js";

/** Confidence levels, each with its lower bound. @type {[number, string][]} */
const CONFIDENCE_LEVELS = [
  [0.9, "very high"],
  [0.7, "high"],
  [0.5, "moderate"],
  [0, "low"],
];

/**
 * Format a time: 65.2 as "1:05".
 *
 * @param {number} seconds
 */
export function formatTime(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = String(rest).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

/**
 * Format a time for screen readers: 65.2 as "1 minute 5 seconds".
 *
 * @param {number} seconds
 */
export function spokenTime(seconds) {
  const [minutes, rest] = [Math.floor(seconds / 60), Math.floor(seconds % 60)];
  return [minutes && count(minutes, "minute"), (rest || !minutes) && count(rest, "second")].filter(Boolean).join(" ");
}

/**
 * Format a duration: 10.02 as "10 s".
 *
 * @param {number} seconds
 */
export const formatSeconds = (seconds) => `${Number(seconds.toFixed(1))} s`;

/**
 * Format a share: 0.914 as "91 %". Only 0 and 1 become "0 %" and "100 %".
 *
 * @param {number} share
 */
export function percent(share) {
  if (share > 0 && share < 0.005) return "< 1 %";
  if (share < 1 && share >= 0.995) return "> 99 %";
  return `${Math.round(share * 100)} %`;
}

/**
 * Format a number of items: 3 and "file" as "3 files".
 *
 * @param {number} number
 * @param {string} noun
 */
export const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

/**
 * Join items: ["a", "b", "c"] as "a, b and c".
 *
 * @param {string[]} items
 */
export const joinList = (items) =>
  items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;

/**
 * Return the predicted genres, as shown in large letters.
 *
 * @param {Classification} classification
 */
export const headline = (classification) =>
  isUnknown(classification) ? displayGenre(UNKNOWN) : classification.genres.map(displayGenre).join(", ");

/**
 * Describe the confidence of the prediction for a track.
 *
 * @param {Classification} prediction
 */
export function describeConfidence(prediction) {
  const closest = displayGenre(prediction.scores[0].label);
  const { confidence, music } = prediction;
  if (isUnknown(prediction) && isNotMusic(music))
    return `Probably not music (music: ${percent(music ?? 0)}). Closest genre: ${closest}.`;
  if (isUnknown(prediction)) return `Confidence too low to name a genre. Closest: ${closest}, ${percent(confidence)}.`;
  const level = CONFIDENCE_LEVELS.find(([least]) => confidence >= least)?.[1];
  return `Confidence ${percent(confidence)} – ${level}`;
}
