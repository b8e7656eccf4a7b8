/** Tens of thousands of points, written into the pixels themselves: fills, one by one, would take ten times as long. */

import { rgbOf } from "./theme.js";

export class Specks {
  /**
   * @param {Shelf} shelf
   * @param {Array<number>} alphas - opacity by quarters of confidence.
   * @param {string} rest - the colour of points that are left out.
   */
  constructor(shelf, alphas, rest) {
    this._x = Float32Array.from(shelf.x, (x) => x ?? NaN);
    this._y = Float32Array.from(shelf.y, (y) => y ?? NaN);
    const colours = shelf.genres.map((genre) => alphas.map((alpha) => packed(shelf.colourOf(genre), alpha)));
    this._colours = Uint32Array.from(shelf.genre, (code, place) => colours[code][Math.min(3, Math.floor(shelf.confidence[place] * 4))]);
    this._rest = packed(rest, 0.7);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Uint8Array} shown - 1 for each point that is not left out.
   * @param {function(number, number): Array<number>} view - from the map to the canvas, in CSS pixels; it is linear.
   * @param {number} size - of a point, in CSS pixels.
   */
  paint(context, shown, view, size) {
    const { width, height } = context.canvas;
    const ratio = devicePixelRatio || 1;
    const image = context.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const side = Math.max(1, Math.round(size * ratio));
    const [left, top] = view(0, 0).map((length) => length * ratio - side / 2);
    const scale = (view(1, 0)[0] - view(0, 0)[0]) * ratio;
    for (const layer of [0, 1]) {
      for (let place = 0; place < shown.length; place++) {
        if (shown[place] !== layer) continue;
        const x = Math.round(left + this._x[place] * scale);
        const y = Math.round(top - this._y[place] * scale);
        if (!(x >= 0 && y >= 0 && x + side <= width && y + side <= height)) continue; // nor is NaN
        const colour = layer ? this._colours[place] : this._rest;
        for (let row = y; row < y + side; row++) pixels.fill(colour, row * width + x, row * width + x + side);
      }
    }
    context.putImageData(image, 0, 0);
  }
}

/** A colour as the four bytes of a pixel, in the order of the machine, which is that of all browsers. */
function packed(hex, alpha) {
  const [red, green, blue] = rgbOf(hex);
  return ((Math.round(alpha * 255) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
