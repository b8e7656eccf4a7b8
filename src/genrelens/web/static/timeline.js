/** The genre timeline: how probable each genre is from window to window, as areas that lie on one another. */

/** @typedef {import("./moments.js").Moment} Moment */

import { scoresAt } from "./moments.js";
import { genreName } from "./words.js";

const MOST_AREAS = 10; // genres with an area of their own; the others share a grey one
const LINE = 18; // px that a name needs
const BETTER = 0.02; // more room by which another place for a name is better: it should rarely move while an area grows

/**
 * Draw the areas.
 *
 * @param {Object} timeline - a track, or what has these of it:
 * @param {Moment[]} timeline.moments
 * @param {string[]} timeline.labels - from the most to the least probable: the first lies at the bottom.
 * @param {number} timeline.duration - of the whole width, in seconds.
 * @param {Map<string, string>} timeline.colours
 * @param {string|null} timeline.chosen - a label whose area has an outline.
 * @param {number} timeline.until - when the areas end, in seconds.
 */
export function drawTimeline(context, box, timeline, theme) {
  const { moments, labels, duration, colours, chosen = null, until = duration } = timeline;
  const columns = Math.max(2, Math.ceil((box.width * until) / duration / 2));
  const own = labels.slice(0, MOST_AREAS);
  const times = Array.from({ length: columns + 1 }, (_, column) => (column * until) / columns);
  const heights = times.map((time) => stacked(scoresAt(moments, time), own, labels));
  const x = (column) => box.x + (times[column] / duration) * box.width;
  const y = (share) => box.y + box.height * (1 - share);
  const layers = own.length < labels.length ? [...own, null] : own;
  context.strokeStyle = theme.sheet;
  context.lineWidth = 0.75;
  layers.forEach((label, layer) => {
    const area = new Path2D();
    for (let column = 0; column <= columns; column++) area.lineTo(x(column), y(heights[column][layer]));
    for (let column = columns; column >= 0; column--) area.lineTo(x(column), y(heights[column][layer + 1]));
    area.closePath();
    context.fillStyle = label ? colours.get(label) : theme.line;
    context.fill(area);
    context.stroke(area);
  });
  if (chosen && own.includes(chosen)) outline(context, heights, own.indexOf(chosen), x, y, theme);
  nameAreas(context, own, heights, x, y, theme);
  veil(context, box, moments, duration, until, theme);
}

/** Edges of the areas at one time, from 0 to 1. Labels that are each for themselves may sum to more: they are scaled. */
function stacked(scores, own, labels) {
  const total = Math.max(1, labels.reduce((sum, label) => sum + (scores.get(label) ?? 0), 0));
  const edges = [0];
  for (const label of own) edges.push(edges.at(-1) + (scores.get(label) ?? 0) / total);
  if (own.length < labels.length) {
    const rest = labels.slice(own.length).reduce((sum, label) => sum + (scores.get(label) ?? 0), 0);
    edges.push(edges.at(-1) + rest / total);
  }
  return edges;
}

/** The edges of one area, over all of them. */
function outline(context, heights, layer, x, y, theme) {
  context.strokeStyle = theme.ink;
  context.lineWidth = 1.5;
  for (const edge of [layer, layer + 1]) {
    context.beginPath();
    heights.forEach((edges, column) => context.lineTo(x(column), y(edges[edge])));
    context.stroke();
  }
}

/** Write the name of each genre into its area, where there is the most room for it, if there is enough. */
function nameAreas(context, own, heights, x, y, theme) {
  context.font = `13px ${theme.sans}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillStyle = theme.panel;
  const step = x(1) - x(0);
  own.forEach((label, layer) => {
    const name = genreName(label);
    const span = Math.ceil((context.measureText(name).width + LINE) / step);
    const { first, bottom, top } = roomiest(heights, layer, span);
    if (y(bottom) - y(top) >= LINE) context.fillText(name, x(first) + (span * step) / 2, y((bottom + top) / 2));
  });
}

/** The columns, so many of them, between which an area leaves the most room: how high that begins, and ends. */
function roomiest(heights, layer, span) {
  let best = { first: 0, bottom: 0, top: 0 };
  for (let first = 0; first + span < heights.length; first++) {
    const edges = heights.slice(first, first + span + 1);
    const bottom = Math.max(...edges.map((edge) => edge[layer]));
    const top = Math.min(...edges.map((edge) => edge[layer + 1]));
    if (top - bottom > best.top - best.bottom + BETTER) best = { first, bottom, top };
  }
  return best;
}

/** Hatch what is no music: there, the areas mean little. */
function veil(context, box, moments, duration, until, theme) {
  for (const { start, end } of silences(moments, until)) {
    const [left, right] = [start, end].map((time) => box.x + (time / duration) * box.width);
    context.save();
    context.beginPath();
    context.rect(left, box.y, right - left, box.height);
    context.clip();
    context.globalAlpha = 0.72;
    context.fillStyle = theme.sheet;
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
    context.restore();
  }
}

/** Stretches that are no music, as far as they hang together. */
function silences(moments, until) {
  const found = [];
  moments.forEach((moment, place) => {
    if (moment.isMusic) return;
    const start = place ? (moments[place - 1].time + moment.time) / 2 : 0;
    const end = place + 1 < moments.length ? (moment.time + moments[place + 1].time) / 2 : until;
    if (found.at(-1)?.end === start) found.at(-1).end = end;
    else found.push({ start, end });
  });
  return found;
}
