/** The mel spectrogram of a track, with light on what speaks for a genre and shade on what speaks against it. */

import { rgbOf } from "./theme.js";

const TICKS = [100, 500, 2000, 8000]; // Hz
const DEEPEST_SHADE = 0.62;

/** A spectrogram as the server sends it, with its levels as bytes: (rows, columns), the lowest band first. */
export function unpacked({ times, bands, levels }) {
  const bytes = Uint8Array.from(atob(levels), (letter) => letter.charCodeAt(0));
  return { times, bands, levels: bytes, rows: bands.length - 1, columns: times.length - 1 };
}

/**
 * Paint a spectrogram, a pixel for each level.
 *
 * @param {Object} spectrogram - unpacked.
 * @param {Evidence|null} evidence - to light it with.
 * @param {string} colour - of the light, as "#rrggbb".
 * @returns {OffscreenCanvas}
 */
export function lit(spectrogram, evidence, colour) {
  const { rows, columns, levels, bands } = spectrogram;
  const canvas = new OffscreenCanvas(columns, rows);
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  const light = rgbOf(colour);
  for (let row = 0; row < rows; row++) {
    const along = evidence?.along((bands[row] + bands[row + 1]) / 2, spectrogram.times);
    for (let column = 0; column < columns; column++) {
      const pixel = 4 * ((rows - 1 - row) * columns + column);
      image.data.set(shaded(levels[row * columns + column] / 255, along ? along[column] : 0, light), pixel);
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/** Draw what `lit` painted into a box, with some pitches at its side. */
export function drawSpectrogram(context, box, painted, bands, theme) {
  context.imageSmoothingQuality = "high";
  context.drawImage(painted, box.x, box.y, box.width, box.height);
  context.font = `11px ${theme.sans}`;
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillStyle = "#ffffff";
  context.strokeStyle = theme.panel;
  context.lineWidth = 3;
  context.lineJoin = "round";
  for (const pitch of TICKS) {
    const above = bands.findIndex((edge) => edge > pitch);
    if (above < 1) continue;
    const row = above - 1 + (pitch - bands[above - 1]) / (bands[above] - bands[above - 1]);
    const y = box.y + box.height * (1 - row / (bands.length - 1));
    if (y < box.y + 8 || y > box.y + box.height - 8) continue;
    const text = pitch < 1000 ? `${pitch} Hz` : `${pitch / 1000} kHz`;
    context.strokeText(text, box.x + 7, y);
    context.fillText(text, box.x + 7, y);
  }
}

/** The colour of a level, 0 to 1, where the evidence is -1 to 1. */
function shaded(level, evidence, light) {
  const grey = level ** 1.5;
  const plain = [14 + 178 * grey, 18 + 186 * grey, 27 + 197 * grey];
  if (evidence <= 0) return [...plain.map((part) => part * (1 + DEEPEST_SHADE * evidence)), 255];
  const amount = evidence ** 0.8;
  return [
    ...plain.map((part, number) => {
      const glow = light[number] * (0.12 + 1.05 * level) + Math.max(0, level - 0.75) * 240;
      return part + amount * (glow - part);
    }),
    255,
  ];
}
