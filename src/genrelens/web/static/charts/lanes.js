/** Lanes of a track, from top to bottom: waveform, genres, spectrogram, evidence, time axis. */

import { displayGenre } from "../lib/genres.js";
import { formatTime, joinList } from "../lib/format.js";
import { drawAttribution } from "./attribution.js";
import { clipRounded } from "./canvas.js";
import { topLabelSpans } from "./moments.js";
import { drawSpectrogram } from "./spectrogram.js";
import { drawTimeAxis } from "./time_axis.js";
import { drawTimeline } from "./timeline.js";
import { drawWaveform } from "./waveform.js";

/**
 * @typedef {import("./canvas.js").Box} Box
 * @typedef {import("./canvas.js").Context} Context
 * @typedef {import("../lib/theme.js").Theme} Theme
 * @typedef {import("../page/track.js").Track} Track
 */

/** @typedef {"waveform"|"genres"|"spectrogram"|"attribution"|"axis"} LaneKind */

/**
 * @typedef {Object} Lane
 * @property {string} name - shown at the side.
 * @property {LaneKind} kind - determines the height in the style sheet.
 * @property {(context: Context, box: Box, theme: Theme) => void} draw
 * @property {() => string} describe - text alternative of the drawing.
 */

const RADIUS = 3; // px
const MAX_SPANS = 12; // in a text alternative; the table lists all of them
const MAX_PASSAGES = 3;

/**
 * @param {Track} track
 * @param {() => number} playedUntil - in seconds.
 * @returns {Lane[]}
 */
export function makeLanes(track, playedUntil = () => track.player.time) {
  if (!track.isAudio) return [];
  const lanes = [waveformLane(track, playedUntil), genreLane(track)];
  if (track.spectrogram) lanes.push(spectrogramLane(track, track.spectrogram.bands));
  if (track.attributions.size) lanes.push(attributionLane(track));
  return [...lanes, axisLane(track)];
}

/**
 * @param {Track} track
 * @param {() => number} playedUntil
 * @returns {Lane}
 */
const waveformLane = (track, playedUntil) => ({
  name: "Waveform",
  kind: "waveform",
  draw: (context, box, theme) => {
    if (track.peaks) drawWaveform(context, box, track.peaks, playedUntil() / track.duration, theme);
  },
  describe: () => `Waveform of ${track.name}`,
});

/**
 * @param {Track} track
 * @returns {Lane}
 */
const genreLane = (track) => ({
  name: "Genres",
  kind: "genres",
  draw: (context, box, theme) => clipRounded(context, box, RADIUS, () => drawTimeline(context, box, track, theme)),
  describe: () => {
    const spans = topLabelSpans(track.moments, track.labels, track.duration);
    const texts = spans
      .slice(0, MAX_SPANS)
      .map(({ label, start, end }) => `${displayGenre(label)} from ${formatTime(start)} to ${formatTime(end)}`);
    const rest = spans.length > MAX_SPANS ? "; the table below lists the rest" : "";
    return `Most probable genres over time: ${texts.join(", ")}${rest}`;
  },
});

/**
 * @param {Track} track
 * @param {number[]} bands
 * @returns {Lane}
 */
const spectrogramLane = (track, bands) => ({
  name: "Spectrum",
  kind: "spectrogram",
  draw: (context, box, theme) =>
    clipRounded(context, box, RADIUS, () => {
      const rendered = track.renderedSpectrogram;
      if (rendered) drawSpectrogram(context, box, rendered, bands, theme);
    }),
  describe: () => {
    const overlay = track.selected ? `, bright where there is evidence for ${displayGenre(track.selected)}` : "";
    return `Mel spectrogram of ${track.name}${overlay}`;
  },
});

/**
 * @param {Track} track
 * @returns {Lane}
 */
const attributionLane = (track) => ({
  name: "Evidence",
  kind: "attribution",
  draw: (context, box, theme) => {
    const attribution = track.selectedAttribution;
    if (attribution) drawAttribution(context, box, attribution, track.duration, track.selectedColour, theme);
  },
  describe: () => {
    const passages = track.selectedAttribution?.strongestPassages(MAX_PASSAGES) ?? [];
    const genre = displayGenre(track.selected ?? "");
    if (!passages.length) return `Hardly any evidence for ${genre}`;
    const times = passages.map(({ start, end }) => `${formatTime(start)} to ${formatTime(end)}`);
    return `Strongest evidence for ${genre}: ${joinList(times)}`;
  },
});

/**
 * @param {Track} track
 * @returns {Lane}
 */
const axisLane = (track) => ({
  name: "",
  kind: "axis",
  draw: (context, box, theme) => drawTimeAxis(context, box, track.duration, theme),
  describe: () => `Time axis from 0:00 to ${formatTime(track.duration)}`,
});
