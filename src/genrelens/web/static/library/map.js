/** Map of the library: a point for each track, with zoom, pan and selection. */

import { paint } from "../charts/canvas.js";
import { onThemeChange } from "../lib/theme.js";
import { PointIndex } from "./point_index.js";
import { makePointLayer } from "./points.js";

/** @typedef {import("./library_store.js").LibraryStore} LibraryStore */

/** @typedef {{x: number, y: number}} Position */

const MARGIN = 24; // px around all points
const REACH = 14; // px from the pointer within which a point is found
const MAX_ZOOM = 60;
const ZOOM_STEP = 1.5; // per key, wheel notch or button
const PAN_STEP = 60; // px per arrow key
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
    this._index = new PointIndex(store);
    this._points = makePointLayer(store);
    /** @type {number|null} */
    this._frame = null;
    this._addListeners();
    new ResizeObserver(() => this.draw()).observe(canvas);
    onThemeChange(() => this.draw());
  }

  /**
   * Show the given tracks in colour; the others become faint.
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
      paint(this._canvas, (context) => this._paint(context));
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

  /** @param {CanvasRenderingContext2D} context */
  _paint(context) {
    const size = Math.max(2, Math.min(8, 170 / Math.sqrt(this._store.size)) * Math.min(2, Math.sqrt(this._zoom)));
    this._points.paint(context, this._visible, (x, y) => this._project(x, y), size);
    const selected = this._selected === null ? null : this.locate(this._selected);
    if (selected) drawRing(context, selected, size);
  }

  /**
   * Return the visible track nearest to a point of the canvas, within reach, or null.
   *
   * @param {number} x - in CSS pixels.
   * @param {number} y - in CSS pixels.
   */
  _trackNear(x, y) {
    return this._index.nearest(this._unproject(x, y), REACH / this._scale, this._visible);
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
    const index = this._index.nearest(this._centre, Infinity, this._visible); // nearest to the centre
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
