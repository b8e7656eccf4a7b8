/** Tens of thousands of points, written directly into pixels: filling them one by one takes ten times as long. */

import { parseColour } from "../lib/theme.js";

/** @typedef {import("./library_store.js").LibraryStore} LibraryStore */

const HIDDEN_ALPHA = 0.7;

export class PointLayer {
  /**
   * @param {LibraryStore} store
   * @param {number[]} alphas - opacity by quarter of confidence.
   * @param {string} hiddenColour - of points that the filter excludes.
   */
  constructor(store, alphas, hiddenColour) {
    const { x, y, genre, genres } = store.columns;
    this._x = Float32Array.from(x, (value) => value ?? NaN);
    this._y = Float32Array.from(y, (value) => value ?? NaN);
    const colours = genres.map((name) => alphas.map((alpha) => packColour(store.colourOf(name), alpha)));
    this._colours = Uint32Array.from(genre, (code, index) => colours[code][quarterOf(store.confidenceAt(index))]);
    this._hiddenColour = packColour(hiddenColour, HIDDEN_ALPHA);
  }

  /**
   * Replace the content of a canvas with the points.
   *
   * @param {CanvasRenderingContext2D} context
   * @param {Uint8Array} visible - 1 for each point that passes the filter, else 0.
   * @param {(x: number, y: number) => [number, number]} project - linear, from the map to the canvas in CSS pixels.
   * @param {number} size - of a point in CSS pixels.
   */
  paint(context, visible, project, size) {
    const { width, height } = context.canvas;
    const ratio = devicePixelRatio || 1;
    const image = context.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const side = Math.max(1, Math.round(size * ratio));
    const [left, top] = project(0, 0).map((length) => length * ratio - side / 2);
    const scale = (project(1, 0)[0] - project(0, 0)[0]) * ratio;
    for (const layer of [0, 1]) {
      for (let index = 0; index < visible.length; index++) {
        if (visible[index] !== layer) continue;
        const x = Math.round(left + this._x[index] * scale);
        const y = Math.round(top - this._y[index] * scale);
        if (!(x >= 0 && y >= 0 && x + side <= width && y + side <= height)) continue; // also if NaN
        const colour = layer ? this._colours[index] : this._hiddenColour;
        for (let row = y; row < y + side; row++) pixels.fill(colour, row * width + x, row * width + x + side);
      }
    }
    context.putImageData(image, 0, 0);
  }
}

/**
 * Return the quarter, 0 to 3, that a confidence falls into.
 *
 * @param {number} confidence
 */
export const quarterOf = (confidence) => Math.min(3, Math.floor(confidence * 4));

/**
 * Pack a colour into the four bytes of a pixel, in the little-endian order that all browsers use.
 *
 * @param {string} hex
 * @param {number} alpha
 */
function packColour(hex, alpha) {
  const [red, green, blue] = parseColour(hex);
  return ((Math.round(alpha * 255) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
