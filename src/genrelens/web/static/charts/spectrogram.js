/** Mel spectrogram of a track: bright where there is evidence for a genre, dark where there is evidence against it. */

import { parseColour } from "../lib/theme.js";
import { makeOffscreen } from "./canvas.js";

/**
 * @typedef {import("./attribution.js").Attribution} Attribution
 * @typedef {import("./canvas.js").Box} Box
 * @typedef {import("./canvas.js").Context} Context
 * @typedef {import("../lib/theme.js").Theme} Theme
 */

/**
 * @typedef {Object} Levels - decoded spectrogram.
 * @property {number[]} times - column edges in seconds.
 * @property {number[]} bands - row edges in Hz, ascending.
 * @property {Uint8Array} levels - shape (rows, columns), lowest band first.
 * @property {number} rows
 * @property {number} columns
 */

const TICKS = [100, 500, 2000, 8000]; // Hz
const MAX_SHADE = 0.62; // of the brightness that evidence against the genre removes

/**
 * Decode the levels of a spectrogram.
 *
 * @param {Spectrogram} spectrogram
 * @returns {Levels}
 */
export function decodeSpectrogram({ times, bands, levels }) {
  const bytes = Uint8Array.from(atob(levels), (letter) => letter.charCodeAt(0));
  return { times, bands, levels: bytes, rows: bands.length - 1, columns: times.length - 1 };
}

/**
 * Render a spectrogram, one pixel per level.
 *
 * @param {Levels} spectrogram
 * @param {Attribution|null|undefined} attribution - overlay, if any.
 * @param {string} colour - of evidence for the genre, "#rrggbb".
 * @returns {OffscreenCanvas}
 */
export function renderSpectrogram(spectrogram, attribution, colour) {
  const { rows, columns, levels, bands, times } = spectrogram;
  const { canvas, context } = makeOffscreen(columns, rows);
  const image = context.createImageData(columns, rows);
  const highlight = parseColour(colour);
  for (let row = 0; row < rows; row++) {
    const evidence = attribution?.rowAt((bands[row] + bands[row + 1]) / 2, times);
    for (let column = 0; column < columns; column++) {
      const pixel = 4 * ((rows - 1 - row) * columns + column);
      image.data.set(pixelColour(levels[row * columns + column] / 255, evidence?.[column] ?? 0, highlight), pixel);
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/**
 * Draw a rendered spectrogram with a frequency axis.
 *
 * @param {Context} context
 * @param {Box} box
 * @param {OffscreenCanvas} rendered - by `renderSpectrogram`.
 * @param {number[]} bands - row edges in Hz.
 * @param {Theme} theme
 */
export function drawSpectrogram(context, box, rendered, bands, theme) {
  context.imageSmoothingQuality = "high";
  context.drawImage(rendered, box.x, box.y, box.width, box.height);
  context.font = `11px ${theme.sans}`;
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillStyle = "#ffffff";
  context.strokeStyle = theme.panel;
  context.lineWidth = 3;
  context.lineJoin = "round";
  for (const frequency of TICKS) {
    const above = bands.findIndex((edge) => edge > frequency);
    if (above < 1) continue;
    const row = above - 1 + (frequency - bands[above - 1]) / (bands[above] - bands[above - 1]);
    const y = box.y + box.height * (1 - row / (bands.length - 1));
    if (y < box.y + 8 || y > box.y + box.height - 8) continue;
    const text = frequency < 1000 ? `${frequency} Hz` : `${frequency / 1000} kHz`;
    context.strokeText(text, box.x + 7, y);
    context.fillText(text, box.x + 7, y);
  }
}

/**
 * Return the colour of one level.
 *
 * @param {number} level - 0 to 1.
 * @param {number} evidence - -1 to 1.
 * @param {number[]} highlight - red, green and blue, 0 to 255.
 */
function pixelColour(level, evidence, highlight) {
  const grey = level ** 1.5;
  const plain = [14 + 178 * grey, 18 + 186 * grey, 27 + 197 * grey];
  if (evidence <= 0) return [...plain.map((value) => value * (1 + MAX_SHADE * evidence)), 255];
  const amount = evidence ** 0.8;
  return [
    ...plain.map((value, channel) => {
      const glow = highlight[channel] * (0.12 + 1.05 * level) + Math.max(0, level - 0.75) * 240;
      return value + amount * (glow - value);
    }),
    255,
  ];
}
