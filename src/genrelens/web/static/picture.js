/** A result as one picture, for those who want to show it elsewhere. */

import { lanesOf } from "./lanes.js";
import { currentTheme } from "./theme.js";
import { genreName, headline, percent, sureness } from "./words.js";

const [WIDTH, MARGIN, SCALE] = [1200, 48, 2];
const SIDE = 272; // of the verdict
const LANES = MARGIN + SIDE + 40; // where the lanes begin
const [BAR, MOST_BARS] = [24, 10];
const HEIGHTS = { wave: 72, genres: 132, spectrum: 156, evidence: 52, axis: 28 };
const [HEAD, BETWEEN, FOOT] = [96, 14, 36];

/** @returns {OffscreenCanvas} in the colours that the page has now. */
export function paintSheet(track) {
  const lanes = lanesOf(track, () => track.duration);
  const tall = lanes.reduce((sum, lane) => sum + HEIGHTS[lane.kind] + BETWEEN, 0);
  const height = 2 * MARGIN + HEAD + Math.max(tall, 150 + BAR * MOST_BARS) + FOOT;
  const canvas = new OffscreenCanvas(WIDTH * SCALE, height * SCALE);
  const context = canvas.getContext("2d");
  const theme = currentTheme();
  context.scale(SCALE, SCALE);
  context.fillStyle = theme.sheet;
  context.fillRect(0, 0, WIDTH, height);
  paintHead(context, track, theme);
  paintBars(context, track, theme);
  paintLanes(context, lanes, theme);
  paintFoot(context, track, height - MARGIN, theme);
  return canvas;
}

function paintHead(context, track, theme) {
  write(context, track.name, MARGIN, MARGIN + 14, `16px ${theme.sans}`, theme.muted, WIDTH - 2 * MARGIN);
  write(context, headline(track.result), MARGIN, MARGIN + 66, `46px ${theme.serif}`, theme.ink, WIDTH - 2 * MARGIN);
}

function paintBars(context, track, theme) {
  const top = MARGIN + HEAD + 24;
  write(context, sureness(track.result), MARGIN, top - 22, `15px ${theme.sans}`, theme.muted, WIDTH - 2 * MARGIN);
  track.result.scores.slice(0, MOST_BARS).forEach(({ label, score }, place) => {
    const y = top + 20 + place * BAR;
    write(context, genreName(label), MARGIN, y + 5, `14px ${theme.sans}`, theme.ink, 92);
    context.fillStyle = track.colours.get(label);
    context.fillRect(MARGIN + 100, y - 5, Math.max(1, score * (SIDE - 150)), 10);
    write(context, percent(score), MARGIN + SIDE - 40, y + 5, `14px ${theme.sans}`, theme.muted);
  });
}

function paintLanes(context, lanes, theme) {
  let y = MARGIN + HEAD + 24;
  for (const lane of lanes) {
    lane.draw(context, { x: LANES, y, width: WIDTH - MARGIN - LANES, height: HEIGHTS[lane.kind] }, theme);
    y += HEIGHTS[lane.kind] + BETWEEN;
  }
}

function paintFoot(context, { result, chosen, isLit }, y, theme) {
  const font = `13px ${theme.sans}`;
  write(context, `GenreLens · ${result.model} ${result.version}`, MARGIN, y, font, theme.muted);
  if (chosen && isLit) write(context, `Light speaks for ${genreName(chosen)}, shade against it.`, LANES, y, font, theme.muted);
}

function write(context, text, x, y, font, colour, width) {
  context.font = font;
  context.fillStyle = colour;
  context.textAlign = "left";
  context.textBaseline = "alphabetic";
  context.fillText(text, x, y, width);
}
