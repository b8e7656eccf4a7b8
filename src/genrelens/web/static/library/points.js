/** Points of the map, drawn as circles, or as pixels if there are too many. */

import { parseColour } from "../lib/theme.js";

/** @typedef {import("./library_store.js").LibraryStore} LibraryStore */

/** @typedef {(x: number, y: number) => [number, number]} Project - from the map to the canvas in CSS pixels; linear. */

/**
 * @typedef {Object} PointLayer
 * @property {(context: CanvasRenderingContext2D, visible: Uint8Array, project: Project, size: number) => void} paint -
 *   `visible` is 1 for each point that passes the filter, else 0; `size` is the diameter in CSS pixels.
 */

const MAX_CIRCLES = 2000; // tracks up to which points are drawn as circles
const ALPHAS = [0.4, 0.6, 0.8, 1]; // opacity of points by quarter of confidence
const HIDDEN_COLOUR = "#3a424d"; // of points that the filter excludes
const HIDDEN_ALPHA = 0.7;

/**
 * @param {LibraryStore} store
 * @returns {PointLayer}
 */
export const makePointLayer = (store) => (store.size > MAX_CIRCLES ? new PixelLayer(store) : new CircleLayer(store));

/** A few points, as circles. */
class CircleLayer {
  /** @param {LibraryStore} store */
  constructor(store) {
    this._store = store;
  }

  /** @type {PointLayer["paint"]} */
  paint(context, visible, project, size) {
    for (const { colour, alpha, positions } of this._groupByStyle(visible, project)) {
      context.fillStyle = colour;
      context.globalAlpha = alpha;
      for (const [x, y] of positions) {
        context.beginPath();
        context.arc(x, y, size / 2, 0, 2 * Math.PI);
        context.fill();
      }
    }
    context.globalAlpha = 1;
  }

  /**
   * Group the points by style, since changing colours takes longer than filling. Hidden points come first.
   *
   * @param {Uint8Array} visible
   * @param {Project} project
   */
  _groupByStyle(visible, project) {
    /** @type {Map<string, {colour: string, alpha: number, positions: [number, number][]}>} */
    const groups = new Map([["hidden", { colour: HIDDEN_COLOUR, alpha: HIDDEN_ALPHA, positions: [] }]]);
    for (let index = 0; index < this._store.size; index++) {
      const position = this._store.positionAt(index);
      if (!position) continue;
      const genre = this._store.genreAt(index);
      const quarter = quarterOf(this._store.confidenceAt(index));
      const key = visible[index] ? `${quarter} ${genre}` : "hidden";
      const group = groups.get(key) ?? { colour: this._store.colourOf(genre), alpha: ALPHAS[quarter], positions: [] };
      group.positions.push(project(position.x, position.y));
      groups.set(key, group);
    }
    return groups.values();
  }
}

/** Tens of thousands of points, written directly into pixels: filling circles takes ten times as long. */
class PixelLayer {
  /** @param {LibraryStore} store */
  constructor(store) {
    const { x, y, genre, genres } = store.columns;
    this._x = Float32Array.from(x, (value) => value ?? NaN);
    this._y = Float32Array.from(y, (value) => value ?? NaN);
    const colours = genres.map((name) => ALPHAS.map((alpha) => packColour(store.colourOf(name), alpha)));
    this._colours = Uint32Array.from(genre, (code, index) => colours[code][quarterOf(store.confidenceAt(index))]);
    this._hiddenColour = packColour(HIDDEN_COLOUR, HIDDEN_ALPHA);
  }

  /** @type {PointLayer["paint"]} */
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
const quarterOf = (confidence) => Math.min(3, Math.floor(confidence * 4));

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
