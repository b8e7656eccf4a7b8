/** A file and what is known of it: all that its drawings, its bars and its files for download are made from. */

import { evidenceOf } from "./evidence.js";
import { areaLabels, momentsOf, strongestAt } from "./moments.js";
import { Player } from "./player.js";
import { lit, unpacked } from "./spectrogram.js";
import { coloursOf } from "./theme.js";
import { peaksOf, peaksOfLevels } from "./waveform.js";
import { genreName, percent } from "./words.js";

export class Track {
  /**
   * @param {File} file
   * @param {Object} result - of the server.
   */
  constructor(file, result) {
    this.file = file;
    this.result = result;
    this.name = file.name;
    this.duration = result.duration;
    this.player = new Player(file, result.duration);
    this.labels = areaLabels(result.scores);
    this.colours = coloursOf(result.scores.map((score) => score.label));
    this.moments = momentsOf(result.segments);
    this.spectrogram = result.spectrogram ? unpacked(result.spectrogram) : null;
    this.evidence = evidenceOf(result.explanations ?? []);
    this.peaks = null;
    this.isDecoded = false; // whether the peaks are those of the samples
    this.isLit = true;
    this.choose(this._firstChoice());
  }

  /** Whether it was heard, and not looked at: some models judge pictures of spectrograms. */
  get isHeard() {
    return this.moments.length > 0;
  }

  /** Have another genre explained. */
  choose(label) {
    this.chosen = label;
    this._painted = null;
  }

  light(isLit) {
    this.isLit = isLit;
    this._painted = null;
  }

  get chosenColour() {
    return this.colours.get(this.chosen) ?? "#8a97ab";
  }

  /** The spectrogram, lit by the evidence for the chosen genre. */
  get painted() {
    this._painted ??= lit(this.spectrogram, this.isLit ? this.evidence.get(this.chosen) : null, this.chosenColour);
    return this._painted;
  }

  /** Find out the peaks, by decoding the file, or else from the spectrogram. */
  async findPeaks() {
    const peaks = await peaksOf(this.file, this.duration);
    this.isDecoded = peaks !== null;
    this.peaks = peaks ?? (this.spectrogram ? peaksOfLevels(this.spectrogram) : null);
  }

  /** What is heard at a time, in a few words. */
  readout(time) {
    const { label, score } = strongestAt(this.moments, this.labels, time);
    return `${genreName(label)} ${percent(score)}`;
  }

  _firstChoice() {
    const { genre, scores } = this.result;
    if (this.evidence.has(genre)) return genre;
    return scores.map((score) => score.label).find((label) => this.evidence.has(label)) ?? null;
  }
}
