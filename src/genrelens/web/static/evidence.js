/** The evidence for a genre: what in a track speaks for it, and what against it. */

const EXTREME = 0.98; // of all evidence counts as being within the scale
const MOMENT = 3; // s that a moment lasts

/** One explanation, with scales that all genres of the track share, so that they can be compared. */
export class Evidence {
  /**
   * @param {Object} explanation - as the server sends it.
   * @param {number} scale - of the parts, in logits.
   * @param {number[]} overTime - the mean over all pitches, -1 to 1.
   */
  constructor({ genre, method, times, bands, evidence }, scale, overTime) {
    this.genre = genre;
    this.method = method;
    this.times = times;
    this._bands = bands;
    this._rows = evidence;
    this._scale = scale;
    this.overTime = overTime;
  }

  /** At a pitch in Hz, for each of the columns that begin at `times`: -1 to 1. */
  along(pitch, times) {
    const above = this._bands.findIndex((edge) => edge > pitch);
    const row = this._rows[(above < 0 ? this._bands.length - 1 : Math.max(above, 1)) - 1];
    let own = 0;
    return times.slice(1).map((end, column) => {
      const middle = (times[column] + end) / 2;
      while (own < row.length - 1 && this.times[own + 1] <= middle) own += 1;
      return clipped(row[own] / this._scale);
    });
  }

  /** The stretches of 3 s that speak most for the genre, in their order: `{start, end}`; fewer if less speaks for it. */
  strongest(count) {
    const values = [...this.overTime];
    const width = Math.max(1, Math.min(Math.round(MOMENT / (this.times[1] - this.times[0])), values.length));
    const means = values.slice(0, values.length - width + 1).map((_, first) => mean(values.slice(first, first + width)));
    const found = [];
    while (found.length < count) {
      const first = means.indexOf(Math.max(...means));
      if (!(means[first] > 0.05)) break; // the rest hardly speaks for it
      found.push({ start: this.times[first], end: this.times[first + width] });
      means.fill(-Infinity, Math.max(0, first - width + 1), first + width);
    }
    return found.sort((one, other) => one.start - other.start);
  }
}

/** The evidence for each genre that was explained. */
export function evidenceOf(explanations) {
  const sizes = explanations.flatMap(({ evidence }) => evidence.flat().map(Math.abs)).sort((a, b) => a - b);
  const scale = sizes[Math.floor(EXTREME * (sizes.length - 1))] || 1;
  const curves = explanations.map(({ evidence }) => evidence[0].map((_, column) => mean(evidence.map((row) => row[column]))));
  const most = curves.flat().reduce((one, other) => Math.max(one, Math.abs(other)), 0) || 1;
  return new Map(
    explanations.map((one, place) => [one.genre, new Evidence(one, scale, curves[place].map((value) => value / most))]),
  );
}

/** Draw the mean over all pitches as a curve: above the line for the genre, in its colour; below it against. */
export function drawEvidence(context, box, evidence, duration, colour, theme) {
  const middle = box.y + box.height / 2;
  const curve = new Path2D();
  const x = (time) => box.x + (time / duration) * box.width;
  curve.moveTo(x(0), middle);
  evidence.overTime.forEach((value, column) => {
    const y = middle - (value * box.height) / 2;
    curve.lineTo(x(evidence.times[column]), y);
    curve.lineTo(x(evidence.times[column + 1]), y);
  });
  curve.lineTo(x(evidence.times.at(-1)), middle);
  curve.closePath();
  for (const [top, height, fill] of [[box.y, box.height / 2, colour], [middle, box.height / 2, theme.faint]]) {
    context.save();
    context.beginPath();
    context.rect(box.x, top, box.width, height);
    context.clip();
    context.fillStyle = fill;
    context.fill(curve);
    context.restore();
  }
  context.strokeStyle = theme.line;
  context.lineWidth = 1;
  context.strokeRect(box.x, Math.round(middle) - 0.5, box.width, 0);
}

const clipped = (value) => Math.max(-1, Math.min(1, value));
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
