/** Downloads of a result: its JSON, or an image of it. */

import { makeOffscreen } from "../charts/canvas.js";
import { makeLanes } from "../charts/lanes.js";
import { describeConfidence, headline, percent } from "../lib/format.js";
import { colourOf, displayGenre } from "../lib/genres.js";
import { currentTheme } from "../lib/theme.js";
import { overlayLegend } from "./explanation_panel.js";

/**
 * @typedef {import("../charts/canvas.js").Context} Context
 * @typedef {import("../charts/lanes.js").Lane} Lane
 * @typedef {import("../charts/lanes.js").LaneKind} LaneKind
 * @typedef {import("../lib/theme.js").Theme} Theme
 * @typedef {import("./track.js").Track} Track
 */

const URL_LIFETIME = 60_000; // ms

// The layout of the image, in CSS pixels.
const [WIDTH, MARGIN, SCALE] = [1200, 48, 2];
const SUMMARY_WIDTH = 272;
const LANES_LEFT = MARGIN + SUMMARY_WIDTH + 40;
const [BAR_STEP, MAX_BARS] = [24, 10];
/** @type {Record<LaneKind, number>} */
const LANE_HEIGHTS = { waveform: 72, genres: 132, spectrogram: 156, attribution: 52, axis: 28 };
const [HEADER, LANE_GAP, FOOTER] = [96, 14, 36];

/**
 * Save the prediction as the server sent it.
 *
 * @param {Track} track
 */
export function downloadJson(track) {
  const json = `${JSON.stringify(track.prediction, null, 1)}\n`;
  save(new Blob([json], { type: "application/json" }), track.name, "json");
}

/**
 * Save an image of the result.
 *
 * @param {Track} track
 */
export async function downloadImage(track) {
  save(await drawResult(track).convertToBlob({ type: "image/png" }), track.name, "png");
}

/**
 * @param {Blob} blob
 * @param {string} name - of the track.
 * @param {string} extension
 */
function save(blob, name, extension) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${name.replace(/\.[^.]*$/, "")}.genre.${extension}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), URL_LIFETIME);
}

/**
 * Draw the result in the current colours of the page.
 *
 * @param {Track} track
 * @returns {OffscreenCanvas}
 */
function drawResult(track) {
  const lanes = makeLanes(track, () => track.duration);
  const lanesHeight = lanes.reduce((sum, lane) => sum + LANE_HEIGHTS[lane.kind] + LANE_GAP, 0);
  const height = 2 * MARGIN + HEADER + Math.max(lanesHeight, 150 + BAR_STEP * MAX_BARS) + FOOTER;
  const { canvas, context } = makeOffscreen(WIDTH * SCALE, height * SCALE);
  const theme = currentTheme();
  context.scale(SCALE, SCALE);
  context.fillStyle = theme.surface;
  context.fillRect(0, 0, WIDTH, height);
  drawHeader(context, track, theme);
  drawBars(context, track, theme);
  drawLanes(context, lanes, theme);
  drawFooter(context, track, height - MARGIN, theme);
  return canvas;
}

/**
 * @param {Context} context
 * @param {Track} track
 * @param {Theme} theme
 */
function drawHeader(context, track, theme) {
  const width = WIDTH - 2 * MARGIN;
  drawText(context, track.name, MARGIN, MARGIN + 14, `16px ${theme.sans}`, theme.muted, width);
  drawText(context, headline(track.prediction), MARGIN, MARGIN + 66, `46px ${theme.serif}`, theme.ink, width);
}

/**
 * @param {Context} context
 * @param {Track} track
 * @param {Theme} theme
 */
function drawBars(context, { prediction, colours }, theme) {
  const top = MARGIN + HEADER + 24;
  const width = WIDTH - 2 * MARGIN;
  drawText(context, describeConfidence(prediction), MARGIN, top - 22, `15px ${theme.sans}`, theme.muted, width);
  prediction.scores.slice(0, MAX_BARS).forEach(({ label, score }, index) => {
    const y = top + 20 + index * BAR_STEP;
    drawText(context, displayGenre(label), MARGIN, y + 5, `14px ${theme.sans}`, theme.ink, 92);
    context.fillStyle = colourOf(colours, label);
    context.fillRect(MARGIN + 100, y - 5, Math.max(1, score * (SUMMARY_WIDTH - 150)), 10);
    drawText(context, percent(score), MARGIN + SUMMARY_WIDTH - 40, y + 5, `14px ${theme.sans}`, theme.muted);
  });
}

/**
 * @param {Context} context
 * @param {Lane[]} lanes
 * @param {Theme} theme
 */
function drawLanes(context, lanes, theme) {
  let y = MARGIN + HEADER + 24;
  for (const lane of lanes) {
    const height = LANE_HEIGHTS[lane.kind];
    lane.draw(context, { x: LANES_LEFT, y, width: WIDTH - MARGIN - LANES_LEFT, height }, theme);
    y += height + LANE_GAP;
  }
}

/**
 * @param {Context} context
 * @param {Track} track
 * @param {number} y
 * @param {Theme} theme
 */
function drawFooter(context, { prediction, selected, hasOverlay }, y, theme) {
  const font = `13px ${theme.sans}`;
  drawText(context, `GenreLens · ${prediction.model} ${prediction.version}`, MARGIN, y, font, theme.muted);
  if (selected && hasOverlay) drawText(context, overlayLegend(selected), LANES_LEFT, y, font, theme.muted);
}

/**
 * @param {Context} context
 * @param {string} text
 * @param {number} x
 * @param {number} y
 * @param {string} font
 * @param {string} colour
 * @param {number} [width] - to which the text is condensed.
 */
function drawText(context, text, x, y, font, colour, width) {
  context.font = font;
  context.fillStyle = colour;
  context.textAlign = "left";
  context.textBaseline = "alphabetic";
  context.fillText(text, x, y, width);
}
