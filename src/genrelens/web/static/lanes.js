/** The lanes of a track, from top to bottom: waveform, genres, spectrogram, evidence, time. */

import { drawAxis } from "./axis.js";
import { within } from "./canvas.js";
import { drawEvidence } from "./evidence.js";
import { stretches } from "./moments.js";
import { drawSpectrogram } from "./spectrogram.js";
import { drawTimeline } from "./timeline.js";
import { drawWaveform } from "./waveform.js";
import { clock, genreName, listed } from "./words.js";

const RADIUS = 3; // px
const MOST_STRETCHES = 12; // that are told; a table has them all

/**
 * @param {Track} track
 * @param {function(): number} heard - up to when the waveform is drawn as played, in seconds.
 * @returns {Lane[]} as `Score` takes them.
 */
export function lanesOf(track, heard = () => track.player.time) {
  if (!track.isHeard) return [];
  const lanes = [wave(track, heard), genres(track)];
  if (track.spectrogram) lanes.push(spectrogram(track));
  if (track.evidence.size) lanes.push(evidence(track));
  return [...lanes, axis(track)];
}

const wave = (track, heard) => ({
  name: "Waveform",
  kind: "wave",
  draw: (context, box, theme) =>
    track.peaks && drawWaveform(context, box, track.peaks, heard() / track.duration, theme),
  inWords: () => `Waveform of ${track.name}`,
});

const genres = (track) => ({
  name: "Genres",
  kind: "genres",
  draw: (context, box, theme) => within(context, box, RADIUS, () => drawTimeline(context, box, track, theme)),
  inWords: () => {
    const parts = stretches(track.moments, track.labels, track.duration);
    const told = parts
      .slice(0, MOST_STRETCHES)
      .map(({ label, start, end }) => `${genreName(label)} from ${clock(start)} to ${clock(end)}`);
    const more = parts.length > MOST_STRETCHES ? "; the table has the rest" : "";
    return `Most probable genres over time: ${told.join(", ")}${more}`;
  },
});

const spectrogram = (track) => ({
  name: "Spectrum",
  kind: "spectrum",
  draw: (context, box, theme) =>
    within(context, box, RADIUS, () => drawSpectrogram(context, box, track.painted, track.spectrogram.bands, theme)),
  inWords: () => `Mel spectrogram of ${track.name}${track.chosen ? `, lit where it speaks for ${genreName(track.chosen)}` : ""}`,
});

const evidence = (track) => ({
  name: "Evidence",
  kind: "evidence",
  draw: (context, box, theme) =>
    drawEvidence(context, box, track.evidence.get(track.chosen), track.duration, track.chosenColour, theme),
  inWords: () => {
    const moments = track.evidence.get(track.chosen).strongest(3).map(({ start, end }) => `${clock(start)} to ${clock(end)}`);
    const genre = genreName(track.chosen);
    return moments.length ? `What speaks most for ${genre}: ${listed(moments)}` : `Hardly anything speaks for ${genre}`;
  },
});

const axis = (track) => ({
  name: "",
  kind: "axis",
  draw: (context, box, theme) => drawAxis(context, box, track.duration, theme),
  inWords: () => `Time, from 0:00 to ${clock(track.duration)}`,
});
