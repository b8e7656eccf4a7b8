/** Genre timeline: the probability of each genre over time as stacked areas. */

import { colourOf, displayGenre } from "../lib/genres.js";
import { clipBox } from "./canvas.js";
import { scoresAt } from "./moments.js";

/**
 * @typedef {import("./canvas.js").Box} Box
 * @typedef {import("./canvas.js").Context} Context
 * @typedef {import("./moments.js").Moment} Moment
 * @typedef {import("../lib/theme.js").Theme} Theme
 */

/**
 * @typedef {Object} Timeline
 * @property {Moment[]} moments
 * @property {string[]} labels - from the most to the least probable; the first is stacked at the bottom.
 * @property {number} duration - time span of the whole width, in seconds.
 * @property {Map<string, string>} colours
 * @property {string|null} [selected] - label whose area is outlined.
 * @property {number} [until] - right end of the areas in seconds; the duration by default.
 */

/**
 * @typedef {Object} Stack - edges of the areas, sampled over time.
 * @property {string[]} labels - labels with a separate area.
 * @property {number[][]} edges - shape (columns + 1, areas + 1), 0 to 1, from the bottom to the top.
 * @property {(column: number) => number} x - position of a column in CSS pixels.
 * @property {(share: number) => number} y - position of an edge in CSS pixels.
 */

const MAX_AREAS = 10; // genres with an area of their own; the others share a grey one
const LINE_HEIGHT = 18; // px that a name needs
const MIN_GAIN = 0.02; // extra room for which a name moves; it should rarely jump while a live area grows

/**
 * Draw the timeline.
 *
 * @param {Context} context
 * @param {Box} box
 * @param {Timeline} timeline
 * @param {Theme} theme
 */
export function drawTimeline(context, box, timeline, theme) {
  const { moments, labels, duration, colours, selected = null, until = duration } = timeline;
  const columns = Math.max(2, Math.ceil((box.width * until) / duration / 2));
  const times = Array.from({ length: columns + 1 }, (_, column) => (column * until) / columns);
  const shown = labels.slice(0, MAX_AREAS);
  /** @type {Stack} */
  const stack = {
    labels: shown,
    edges: times.map((time) => areaEdges(scoresAt(moments, time), shown, labels)),
    x: (column) => box.x + (times[column] / duration) * box.width,
    y: (share) => box.y + box.height * (1 - share),
  };
  drawAreas(context, stack, shown.length < labels.length, colours, theme);
  if (selected && shown.includes(selected)) drawOutline(context, stack, shown.indexOf(selected), theme);
  drawNames(context, stack, theme);
  hatchNonMusic(context, box, { moments, duration, until }, theme);
}

/**
 * Return the edges of the areas at one time. Independent labels may add up to more than 1: these are scaled down.
 *
 * @param {Map<string, number>} scores
 * @param {string[]} shown
 * @param {string[]} labels
 */
function areaEdges(scores, shown, labels) {
  /** @param {string[]} some */
  const sum = (some) => some.reduce((total, label) => total + (scores.get(label) ?? 0), 0);
  const total = Math.max(1, sum(labels));
  const edges = [0];
  for (const label of shown) edges.push(edges[edges.length - 1] + (scores.get(label) ?? 0) / total);
  if (shown.length < labels.length) edges.push(edges[edges.length - 1] + sum(labels.slice(shown.length)) / total);
  return edges;
}

/**
 * @param {Context} context
 * @param {Stack} stack
 * @param {boolean} hasOthers - whether the top area stands for all other genres.
 * @param {Map<string, string>} colours
 * @param {Theme} theme
 */
function drawAreas(context, { labels, edges, x, y }, hasOthers, colours, theme) {
  const last = edges.length - 1;
  context.strokeStyle = theme.surface;
  context.lineWidth = 0.75;
  (hasOthers ? [...labels, null] : labels).forEach((label, index) => {
    const area = new Path2D();
    for (let column = 0; column <= last; column++) area.lineTo(x(column), y(edges[column][index]));
    for (let column = last; column >= 0; column--) area.lineTo(x(column), y(edges[column][index + 1]));
    area.closePath();
    context.fillStyle = label === null ? theme.line : colourOf(colours, label);
    context.fill(area);
    context.stroke(area);
  });
}

/**
 * @param {Context} context
 * @param {Stack} stack
 * @param {number} index - of the area.
 * @param {Theme} theme
 */
function drawOutline(context, { edges, x, y }, index, theme) {
  context.strokeStyle = theme.ink;
  context.lineWidth = 1.5;
  for (const edge of [index, index + 1]) {
    context.beginPath();
    edges.forEach((column, number) => context.lineTo(x(number), y(column[edge])));
    context.stroke();
  }
}

/**
 * Write each genre's name where its area has the most room, if there is enough.
 *
 * @param {Context} context
 * @param {Stack} stack
 * @param {Theme} theme
 */
function drawNames(context, { labels, edges, x, y }, theme) {
  context.font = `13px ${theme.sans}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillStyle = theme.panel;
  const step = x(1) - x(0);
  labels.forEach((label, index) => {
    const name = displayGenre(label);
    const span = Math.ceil((context.measureText(name).width + LINE_HEIGHT) / step);
    const { first, bottom, top } = widestSpan(edges, index, span);
    if (y(bottom) - y(top) >= LINE_HEIGHT) context.fillText(name, x(first) + (span * step) / 2, y((bottom + top) / 2));
  });
}

/**
 * Find the `span` columns in which an area leaves the most height free.
 *
 * @param {number[][]} edges
 * @param {number} index - of the area.
 * @param {number} span - in columns.
 */
function widestSpan(edges, index, span) {
  let best = { first: 0, bottom: 0, top: 0 };
  for (let first = 0; first + span < edges.length; first++) {
    const columns = edges.slice(first, first + span + 1);
    const bottom = Math.max(...columns.map((column) => column[index]));
    const top = Math.min(...columns.map((column) => column[index + 1]));
    if (top - bottom > best.top - best.bottom + MIN_GAIN) best = { first, bottom, top };
  }
  return best;
}

/**
 * Fade and hatch passages that are not music, where genre probabilities mean little.
 *
 * @param {Context} context
 * @param {Box} box
 * @param {{moments: Moment[], duration: number, until: number}} timeline
 * @param {Theme} theme
 */
function hatchNonMusic(context, box, { moments, duration, until }, theme) {
  for (const { start, end } of nonMusicSpans(moments, until)) {
    const [left, right] = [start, end].map((time) => box.x + (time / duration) * box.width);
    clipBox(context, { ...box, x: left, width: right - left }, () => {
      context.globalAlpha = 0.72;
      context.fillStyle = theme.surface;
      context.fillRect(left, box.y, right - left, box.height);
      context.globalAlpha = 1;
      context.strokeStyle = theme.faint;
      context.lineWidth = 1;
      for (let line = left - box.height; line < right; line += 7) {
        context.beginPath();
        context.moveTo(line, box.y + box.height);
        context.lineTo(line + box.height, box.y);
        context.stroke();
      }
    });
  }
}

/**
 * @param {Moment[]} moments
 * @param {number} until - in seconds.
 */
function nonMusicSpans(moments, until) {
  /** @type {{start: number, end: number}[]} */
  const spans = [];
  moments.forEach((moment, index) => {
    if (moment.isMusic) return;
    const start = index ? (moments[index - 1].time + moment.time) / 2 : 0;
    const end = index + 1 < moments.length ? (moment.time + moments[index + 1].time) / 2 : until;
    const last = spans.at(-1);
    if (last?.end === start) last.end = end;
    else spans.push({ start, end });
  });
  return spans;
}
