/** The axis that all drawings of a track share: time. */

import { clock } from "./words.js";

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600]; // s
const ROOM = 64; // px between two ticks, at least

/** Moments that are worth a tick, in seconds. */
function ticks(duration, width) {
  const most = Math.max(1, Math.floor(width / ROOM));
  const step = STEPS.find((seconds) => duration / seconds <= most) ?? STEPS.at(-1);
  return Array.from({ length: Math.floor(duration / step) + 1 }, (_, place) => place * step);
}

/** Draw ticks with their times below. */
export function drawAxis(context, box, duration, theme) {
  context.strokeStyle = theme.line;
  context.fillStyle = theme.muted;
  context.font = `12px ${theme.sans}`;
  context.textBaseline = "top";
  context.lineWidth = 1;
  for (const time of ticks(duration, box.width)) {
    const x = box.x + (time / duration) * box.width;
    const line = Math.min(Math.max(Math.round(x), box.x + 1), box.x + box.width - 1) - 0.5;
    context.beginPath();
    context.moveTo(line, box.y);
    context.lineTo(line, box.y + 5);
    context.stroke();
    const text = clock(time);
    const half = context.measureText(text).width / 2;
    context.textAlign = "left";
    context.fillText(text, Math.min(Math.max(x - half, box.x), box.x + box.width - 2 * half), box.y + 8);
  }
}
