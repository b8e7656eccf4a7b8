/** An analysed file: the data behind its charts, bars and downloads. */

import { scaleAttributions } from "../charts/attribution.js";
import { segmentMoments, stackedLabels, topScoreAt } from "../charts/moments.js";
import { decodeSpectrogram, renderSpectrogram } from "../charts/spectrogram.js";
import { decodePeaks, spectrogramPeaks } from "../charts/waveform.js";
import { percent } from "../lib/format.js";
import { colourOf, displayGenre, genreColours } from "../lib/genres.js";
import { Player } from "./player.js";

export class Track {
  /**
   * @param {File} file
   * @param {Prediction} prediction
   */
  constructor(file, prediction) {
    this.file = file;
    this.prediction = prediction;
    this.name = file.name;
    this.duration = prediction.duration;
    this.player = new Player(file, prediction.duration);
    this.labels = stackedLabels(prediction.scores);
    this.colours = genreColours(prediction.scores.map((score) => score.label));
    this.moments = segmentMoments(prediction.segments);
    this.spectrogram = prediction.spectrogram ? decodeSpectrogram(prediction.spectrogram) : null;
    this.attributions = scaleAttributions(prediction.explanations ?? []);
    /** @type {Float32Array|null} */
    this.peaks = null;
    this.isDecoded = false; // whether the peaks were computed from the decoded samples
    this.hasOverlay = true; // whether the spectrogram shows the attribution
    /** @type {OffscreenCanvas|null} */
    this._rendered = null;
    this.selected = this._defaultSelection();
  }

  /** Whether the file is audio; some models classify pictures of spectrograms. */
  get isAudio() {
    return this.moments.length > 0;
  }

  /**
   * Select the genre to explain.
   *
   * @param {string} label
   */
  select(label) {
    this.selected = label;
    this._rendered = null;
  }

  /** @param {boolean} isShown */
  showOverlay(isShown) {
    this.hasOverlay = isShown;
    this._rendered = null;
  }

  get selectedColour() {
    return colourOf(this.colours, this.selected);
  }

  get selectedAttribution() {
    return this.selected === null ? null : (this.attributions.get(this.selected) ?? null);
  }

  /** The spectrogram with the attribution of the selected genre, rendered when it is first needed. */
  get renderedSpectrogram() {
    if (!this.spectrogram) return null;
    const overlay = this.hasOverlay ? this.selectedAttribution : null;
    this._rendered ??= renderSpectrogram(this.spectrogram, overlay, this.selectedColour);
    return this._rendered;
  }

  /** Decode the peaks of the file, or estimate them from the spectrogram if the browser cannot decode it. */
  async loadPeaks() {
    const peaks = await decodePeaks(this.file, this.duration);
    this.isDecoded = peaks !== null;
    this.peaks = peaks ?? (this.spectrogram ? spectrogramPeaks(this.spectrogram) : null);
  }

  /**
   * Describe a time by its most probable genre.
   *
   * @param {number} time - in seconds.
   */
  describeTime(time) {
    const { label, score } = topScoreAt(this.moments, this.labels, time);
    return `${displayGenre(label)} ${percent(score)}`;
  }

  /** Return the predicted genre if it has an explanation, else the most probable one that has. */
  _defaultSelection() {
    const { genre, scores } = this.prediction;
    return [genre, ...scores.map((score) => score.label)].find((label) => this.attributions.has(label)) ?? null;
  }
}
