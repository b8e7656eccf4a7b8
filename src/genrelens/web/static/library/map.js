/** Map of the library: a point for each track, with zoom, pan and selection. */

import { paint } from "../charts/canvas.js";
import { onThemeChange } from "../lib/theme.js";
import { PointLayer, quarterOf } from "./points.js";

/**
 * @typedef {import("../charts/canvas.js").Box} Box
 * @typedef {import("./library_store.js").LibraryStore} LibraryStore
 */

/** @typedef {{x: number, y: number}} Position */

const MARGIN = 24; // px around all points
const REACH = 14; // px from the pointer within which a point is found
const MAX_ZOOM = 60;
const ZOOM_STEP = 1.5; // per key, wheel notch or button
const PAN_STEP = 60; // px per arrow key
const ALPHAS = [0.4, 0.6, 0.8, 1]; // opacity of points by quarter of confidence
const HIDDEN_COLOUR = "#3a424d"; // of points that the filter excludes
const MAX_CIRCLES = 2000; // tracks up to which points are drawn as circles
const GRID_SIZE = 64; // cells along each axis of the search grid
const CLICK_TOLERANCE = 5; // px that the pointer may move in a click

/** Dispatches "select" with the index of a track as `detail`, and "hover" with an index or null. */
export class LibraryMap extends EventTarget {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {LibraryStore} store
   */
  constructor(canvas, store) {
    super();
    this._canvas = canvas;
    this._store = store;
    this._visible = new Uint8Array(store.size).fill(1);
    /** @type {number|null} */
    this._selected = null;
    this._zoom = 1;
    this._centre = { x: 0.5, y: 0.5 };
    /** @type {Map<number, {x: number, y: number, distance: number}>} */
    this._pointers = new Map();
    this._grid = makeGrid(store);
    this._points = store.size > MAX_CIRCLES ? new PointLayer(store, ALPHAS, HIDDEN_COLOUR) : null;
    /** @type {number|null} */
    this._frame = null;
    this._addListeners();
    new ResizeObserver(() => this.draw()).observe(canvas);
    onThemeChange(() => this.draw());
  }

  /**
   * Show some tracks in colour; the others become faint.
   *
   * @param {number[]} indices
   */
  show(indices) {
    this._visible.fill(0);
    for (const index of indices) this._visible[index] = 1;
    this.draw();
  }

  /**
   * Mark a track, and centre the map on it if it is out of sight.
   *
   * @param {number} index
   */
  select(index) {
    this._selected = index;
    const position = this._store.positionAt(index);
    if (position) {
      const [x, y] = this._project(position.x, position.y);
      if (x < 0 || y < 0 || x > this._width || y > this._height) this._centre = position;
    }
    this.draw();
  }

  /**
   * Zoom around a point of the canvas, by default its centre.
   *
   * @param {number} factor
   * @param {number} x - in CSS pixels.
   * @param {number} y - in CSS pixels.
   */
  zoom(factor, x = this._width / 2, y = this._height / 2) {
    const before = this._unproject(x, y);
    this._zoom = Math.max(1, Math.min(MAX_ZOOM, this._zoom * factor));
    const after = this._unproject(x, y);
    this._centre.x += before.x - after.x;
    this._centre.y += before.y - after.y;
    this._updateView();
  }

  /** Show the whole map. */
  reset() {
    this._zoom = 1;
    this._centre = { x: 0.5, y: 0.5 };
    this._updateView();
  }

  /**
   * Return where a track is on the canvas, in CSS pixels, or null if it is not on the map.
   *
   * @param {number} index
   * @returns {Position|null}
   */
  locate(index) {
    const position = this._store.positionAt(index);
    if (!position) return null;
    const [x, y] = this._project(position.x, position.y);
    return { x, y };
  }

  /** Draw with the next animation frame, once however often this is called. */
  draw() {
    this._frame ??= requestAnimationFrame(() => {
      this._frame = null;
      paint(this._canvas, (context, box) => this._paint(context, box));
    });
  }

  get _width() {
    return this._canvas.clientWidth;
  }

  get _height() {
    return this._canvas.clientHeight;
  }

  get _scale() {
    return (Math.min(this._width, this._height) - 2 * MARGIN) * this._zoom;
  }

  /**
   * Convert map coordinates to canvas coordinates.
   *
   * @param {number} x
   * @param {number} y
   * @returns {[number, number]}
   */
  _project(x, y) {
    const scale = this._scale;
    return [this._width / 2 + (x - this._centre.x) * scale, this._height / 2 - (y - this._centre.y) * scale];
  }

  /**
   * Convert canvas coordinates to map coordinates.
   *
   * @param {number} x
   * @param {number} y
   * @returns {Position}
   */
  _unproject(x, y) {
    const scale = this._scale;
    return { x: this._centre.x + (x - this._width / 2) / scale, y: this._centre.y - (y - this._height / 2) / scale };
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Box} box
   */
  _paint(context, box) {
    const size = Math.max(2, Math.min(8, 170 / Math.sqrt(this._store.size)) * Math.min(2, Math.sqrt(this._zoom)));
    if (this._points) this._points.paint(context, this._visible, (x, y) => this._project(x, y), size);
    else this._paintCircles(context, box, size);
    const selected = this._selected === null ? null : this.locate(this._selected);
    if (selected) drawRing(context, selected, size);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Box} box
   * @param {number} size
   */
  _paintCircles(context, box, size) {
    for (const { colour, alpha, positions } of this._groupPoints(box, size)) {
      context.fillStyle = colour;
      context.globalAlpha = alpha;
      for (const position of positions) fillCircle(context, position, size);
    }
    context.globalAlpha = 1;
  }

  /**
   * Group the points in sight by style, since changing colours takes longer than filling. Hidden points come first.
   *
   * @param {Box} box
   * @param {number} size
   */
  _groupPoints(box, size) {
    /** @type {Map<string, {colour: string, alpha: number, positions: Position[]}>} */
    const groups = new Map([["hidden", { colour: HIDDEN_COLOUR, alpha: 0.7, positions: [] }]]);
    for (let index = 0; index < this._store.size; index++) {
      const position = this.locate(index);
      if (!position) continue;
      const { x, y } = position;
      if (x < -size || y < -size || x > box.width + size || y > box.height + size) continue;
      const genre = this._store.genreAt(index);
      const quarter = quarterOf(this._store.confidenceAt(index));
      const key = this._visible[index] ? `${quarter} ${genre}` : "hidden";
      const group = groups.get(key) ?? { colour: this._store.colourOf(genre), alpha: ALPHAS[quarter], positions: [] };
      group.positions.push(position);
      groups.set(key, group);
    }
    return groups.values();
  }

  /**
   * Return the visible track nearest to a point of the canvas, within reach, or null.
   *
   * @param {number} x
   * @param {number} y
   */
  _trackNear(x, y) {
    /** @type {number|null} */
    let nearest = null;
    let least = REACH;
    const [from, to] = [this._unproject(x - REACH, y + REACH), this._unproject(x + REACH, y - REACH)];
    for (let column = cellOf(from.x); column <= cellOf(to.x); column++) {
      for (let row = cellOf(from.y); row <= cellOf(to.y); row++) {
        for (const index of this._grid[column * GRID_SIZE + row]) {
          const position = this.locate(index);
          const distance = position ? Math.hypot(position.x - x, position.y - y) : Infinity;
          if (this._visible[index] && distance < least) [nearest, least] = [index, distance];
        }
      }
    }
    return nearest;
  }

  /** Return the visible track nearest to the centre of the view, or null. */
  _trackAtCentre() {
    /** @type {number|null} */
    let nearest = null;
    let least = Infinity;
    for (let index = 0; index < this._store.size; index++) {
      const position = this._store.positionAt(index);
      if (!this._visible[index] || !position) continue;
      const distance = Math.hypot(position.x - this._centre.x, position.y - this._centre.y);
      if (distance < least) [nearest, least] = [index, distance];
    }
    return nearest;
  }

  _updateView() {
    this._canvas.classList.toggle("is-unzoomed", this._zoom === 1); // lets a finger scroll the page instead
    const { x, y } = this._centre;
    this._centre = { x: Math.max(0, Math.min(1, x)), y: Math.max(0, Math.min(1, y)) };
    this._dispatch("hover", null);
    this.draw();
  }

  /**
   * @param {number} x - in CSS pixels.
   * @param {number} y - in CSS pixels.
   */
  _pan(x, y) {
    this._centre.x -= x / this._scale;
    this._centre.y += y / this._scale;
    this._updateView();
  }

  _addListeners() {
    const canvas = this._canvas;
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const notches = -Math.sign(event.deltaY) * Math.min(1, Math.abs(event.deltaY) / 100);
      this.zoom(ZOOM_STEP ** notches, event.offsetX, event.offsetY);
    }, { passive: false });
    canvas.classList.add("is-unzoomed");
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      this._pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY, distance: 0 });
    });
    canvas.addEventListener("pointermove", (event) => this._handleMove(event));
    canvas.addEventListener("pointerup", (event) => this._handleUp(event));
    canvas.addEventListener("pointercancel", (event) => this._pointers.delete(event.pointerId));
    canvas.addEventListener("pointerleave", () => this._dispatch("hover", null));
    canvas.addEventListener("keydown", (event) => this._handleKey(event));
  }

  /** @param {PointerEvent} event */
  _handleMove(event) {
    const pointer = this._pointers.get(event.pointerId);
    if (!pointer) {
      this._dispatch("hover", this._trackNear(event.offsetX, event.offsetY));
      return;
    }
    const [x, y] = [event.offsetX - pointer.x, event.offsetY - pointer.y];
    const other = [...this._pointers.values()].find((candidate) => candidate !== pointer);
    if (other) {
      const before = Math.hypot(pointer.x - other.x, pointer.y - other.y);
      const after = Math.hypot(event.offsetX - other.x, event.offsetY - other.y);
      if (before > 1) this.zoom(after / before, (event.offsetX + other.x) / 2, (event.offsetY + other.y) / 2);
    } else if (pointer.distance + Math.hypot(x, y) > CLICK_TOLERANCE) {
      this._pan(x, y);
    }
    pointer.distance += Math.hypot(x, y);
    [pointer.x, pointer.y] = [event.offsetX, event.offsetY];
  }

  /** @param {PointerEvent} event */
  _handleUp(event) {
    const pointer = this._pointers.get(event.pointerId);
    this._pointers.delete(event.pointerId);
    const isClick = pointer && pointer.distance <= CLICK_TOLERANCE;
    const index = isClick ? this._trackNear(event.offsetX, event.offsetY) : null;
    if (index !== null) this._dispatch("select", index);
  }

  /** @param {KeyboardEvent} event */
  _handleKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    /** @type {Record<string, () => void>} */
    const actions = {
      ArrowLeft: () => this._pan(PAN_STEP, 0),
      ArrowRight: () => this._pan(-PAN_STEP, 0),
      ArrowUp: () => this._pan(0, PAN_STEP),
      ArrowDown: () => this._pan(0, -PAN_STEP),
      "+": () => this.zoom(ZOOM_STEP),
      "=": () => this.zoom(ZOOM_STEP),
      "-": () => this.zoom(1 / ZOOM_STEP),
      0: () => this.reset(),
      Enter: () => {},
    };
    const act = actions[event.key];
    if (!act) return;
    act();
    event.preventDefault();
    const index = this._trackAtCentre();
    if (index !== null) this._dispatch(event.key === "Enter" ? "select" : "hover", index);
  }

  /**
   * @param {"select"|"hover"} type
   * @param {number|null} detail
   */
  _dispatch(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/**
 * Return the grid column or row of a map coordinate.
 *
 * @param {number} share
 */
const cellOf = (share) => Math.max(0, Math.min(GRID_SIZE - 1, Math.floor(share * GRID_SIZE)));

/**
 * Sort the tracks into the cells of the search grid.
 *
 * @param {LibraryStore} store
 */
function makeGrid(store) {
  /** @type {number[][]} */
  const grid = Array.from({ length: GRID_SIZE * GRID_SIZE }, () => []);
  for (let index = 0; index < store.size; index++) {
    const position = store.positionAt(index);
    if (position) grid[cellOf(position.x) * GRID_SIZE + cellOf(position.y)].push(index);
  }
  return grid;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Position} centre
 * @param {number} size - diameter in CSS pixels.
 */
function fillCircle(context, { x, y }, size) {
  context.beginPath();
  context.arc(x, y, size / 2, 0, 2 * Math.PI);
  context.fill();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Position} centre
 * @param {number} size - diameter of the point inside, in CSS pixels.
 */
function drawRing(context, { x, y }, size) {
  context.lineWidth = 2;
  context.strokeStyle = "#ffffff";
  context.beginPath();
  context.arc(x, y, size / 2 + 5, 0, 2 * Math.PI);
  context.stroke();
}
