/** Time axis below the charts. */

import { formatTime } from "../lib/format.js";

/**
 * @typedef {import("./canvas.js").Box} Box
 * @typedef {import("./canvas.js").Context} Context
 * @typedef {import("../lib/theme.js").Theme} Theme
 */

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600]; // s between ticks
const MIN_SPACING = 64; // px between ticks

/**
 * @param {number} duration - in seconds.
 * @param {number} width - in CSS pixels.
 * @returns {number[]} tick positions in seconds.
 */
function tickTimes(duration, width) {
  const limit = Math.max(1, Math.floor(width / MIN_SPACING));
  const step = STEPS.find((seconds) => duration / seconds <= limit) ?? STEPS[STEPS.length - 1];
  return Array.from({ length: Math.floor(duration / step) + 1 }, (_, index) => index * step);
}

/**
 * Draw ticks with their times below.
 *
 * @param {Context} context
 * @param {Box} box
 * @param {number} duration - in seconds.
 * @param {Theme} theme
 */
export function drawTimeAxis(context, box, duration, theme) {
  context.strokeStyle = theme.line;
  context.fillStyle = theme.muted;
  context.font = `12px ${theme.sans}`;
  context.textBaseline = "top";
  context.lineWidth = 1;
  for (const time of tickTimes(duration, box.width)) {
    const x = box.x + (time / duration) * box.width;
    const line = Math.min(Math.max(Math.round(x), box.x + 1), box.x + box.width - 1) - 0.5;
    context.beginPath();
    context.moveTo(line, box.y);
    context.lineTo(line, box.y + 5);
    context.stroke();
    const text = formatTime(time);
    const half = context.measureText(text).width / 2;
    context.textAlign = "left";
    context.fillText(text, Math.min(Math.max(x - half, box.x), box.x + box.width - 2 * half), box.y + 8);
  }
}
