/** Attribution: how much each place of a track contributes for or against a genre. */

import { clipBox } from "./canvas.js";

/**
 * @typedef {import("./canvas.js").Box} Box
 * @typedef {import("./canvas.js").Context} Context
 * @typedef {import("../lib/theme.js").Theme} Theme
 */

const SCALE_QUANTILE = 0.98; // of all magnitudes; larger ones are clipped
const PASSAGE = 3; // s, length of a passage to play
const MIN_MEAN = 0.05; // below which a passage is hardly evidence for the genre

/** One explanation, scaled like the others of the same track so that genres can be compared. */
export class Attribution {
  /**
   * @param {Explanation} explanation
   * @param {number} scale - value in logits that is drawn at full strength.
   * @param {number[]} curve - mean over all bands, shape (columns,), -1 to 1.
   */
  constructor({ genre, method, times, bands, evidence }, scale, curve) {
    this.genre = genre;
    this.method = method;
    this.times = times;
    this.curve = curve;
    this._bands = bands;
    this._rows = evidence;
    this._scale = scale;
  }

  /**
   * Return the values at a frequency, resampled to other columns.
   *
   * @param {number} frequency - in Hz.
   * @param {number[]} times - column edges in seconds.
   * @returns {number[]} -1 to 1.
   */
  rowAt(frequency, times) {
    const above = this._bands.findIndex((edge) => edge > frequency);
    const row = this._rows[(above < 0 ? this._bands.length - 1 : Math.max(above, 1)) - 1];
    let source = 0;
    return times.slice(1).map((end, column) => {
      const middle = (times[column] + end) / 2;
      while (source < row.length - 1 && this.times[source + 1] <= middle) source += 1;
      return clip(row[source] / this._scale);
    });
  }

  /**
   * Return the passages of 3 s with the strongest evidence for the genre, in the order of the track.
   *
   * @param {number} limit - number of passages; fewer are returned if the evidence is weak elsewhere.
   */
  strongestPassages(limit) {
    const { curve, times } = this;
    const width = Math.max(1, Math.min(Math.round(PASSAGE / (times[1] - times[0])), curve.length));
    const means = curve.slice(0, curve.length - width + 1).map((_, first) => mean(curve.slice(first, first + width)));
    const passages = [];
    while (passages.length < limit) {
      const first = means.indexOf(Math.max(...means));
      if (!(means[first] > MIN_MEAN)) break;
      passages.push({ start: times[first], end: times[first + width] });
      means.fill(-Infinity, Math.max(0, first - width + 1), first + width);
    }
    return passages.sort((a, b) => a.start - b.start);
  }
}

/**
 * Scale the explanations of a track.
 *
 * @param {Explanation[]} explanations
 * @returns {Map<string, Attribution>} by genre.
 */
export function scaleAttributions(explanations) {
  const magnitudes = explanations.flatMap(({ evidence }) => evidence.flat().map(Math.abs)).sort((a, b) => a - b);
  const scale = magnitudes[Math.floor(SCALE_QUANTILE * (magnitudes.length - 1))] || 1;
  const curves = explanations.map(({ evidence }) =>
    evidence[0].map((_, column) => mean(evidence.map((row) => row[column]))),
  );
  const maximum = curves.flat().reduce((a, b) => Math.max(a, Math.abs(b)), 0) || 1;
  return new Map(
    explanations.map((explanation, index) => {
      const curve = curves[index].map((value) => value / maximum);
      return [explanation.genre, new Attribution(explanation, scale, curve)];
    }),
  );
}

/**
 * Draw the mean over all bands as a curve: above the line for the genre, in its colour; below it against.
 *
 * @param {Context} context
 * @param {Box} box
 * @param {Attribution} attribution
 * @param {number} duration - in seconds.
 * @param {string} colour
 * @param {Theme} theme
 */
export function drawAttribution(context, box, attribution, duration, colour, theme) {
  const middle = box.y + box.height / 2;
  /** @param {number} time */
  const x = (time) => box.x + (time / duration) * box.width;
  const { curve, times } = attribution;
  const outline = new Path2D();
  outline.moveTo(x(0), middle);
  curve.forEach((value, column) => {
    const y = middle - (value * box.height) / 2;
    outline.lineTo(x(times[column]), y);
    outline.lineTo(x(times[column + 1]), y);
  });
  outline.lineTo(x(times[times.length - 1]), middle);
  outline.closePath();
  const half = { ...box, height: box.height / 2 };
  for (const { y, fill } of [{ y: box.y, fill: colour }, { y: middle, fill: theme.faint }]) {
    clipBox(context, { ...half, y }, () => {
      context.fillStyle = fill;
      context.fill(outline);
    });
  }
  context.strokeStyle = theme.line;
  context.lineWidth = 1;
  context.strokeRect(box.x, Math.round(middle) - 0.5, box.width, 0);
}

/** @param {number} value */
const clip = (value) => Math.max(-1, Math.min(1, value));

/** @param {number[]} values */
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
