/** The map: a point for each track, which can be moved, zoomed and asked. */

import { paint } from "./canvas.js";
import { Specks } from "./specks.js";
import { onThemeChange } from "./theme.js";

const MARGIN = 24; // px around all points
const REACH = 14; // px from which a point is chosen
const MOST_ZOOM = 60;
const STEP = 1.5; // of a zoom by key, wheel or button
const FAINT = [0.4, 0.6, 0.8, 1]; // opacity of points by quarters of confidence
const REST = "#3a424d"; // of points that the filter leaves out
const MOST_ROUND = 2000; // tracks that are drawn as circles
const CELLS = 64; // along each axis, of the grid in which points are looked for
const STILL = 5; // px that a pointer may move and still choose

/** Tells its listeners of "choose", with a `detail` of the place of a track in the shelf, and "hover", of one or null. */
export class Atlas extends EventTarget {
  constructor(canvas, shelf) {
    super();
    this._canvas = canvas;
    this._shelf = shelf;
    this._shown = new Uint8Array(shelf.size).fill(1);
    this._chosen = null;
    this._zoom = 1;
    this._centre = { x: 0.5, y: 0.5 };
    this._pointers = new Map();
    this._grid = gridOf(shelf);
    this._specks = shelf.size > MOST_ROUND ? new Specks(shelf, FAINT, REST) : null;
    this._listen();
    new ResizeObserver(() => this.draw()).observe(canvas);
    onThemeChange(() => this.draw());
  }

  /** Show these places; others are faint. */
  show(places) {
    this._shown.fill(0);
    for (const place of places) this._shown[place] = 1;
    this.draw();
  }

  /** Mark a track, and have it in sight. */
  choose(place) {
    this._chosen = place;
    const { x, y } = this.at(place);
    if (this._shelf.x[place] !== null && (x < 0 || y < 0 || x > this._width || y > this._height)) {
      this._centre = { x: this._shelf.x[place], y: this._shelf.y[place] };
    }
    this.draw();
  }

  zoom(factor, x = this._width / 2, y = this._height / 2) {
    const before = this._under(x, y);
    this._zoom = Math.max(1, Math.min(MOST_ZOOM, this._zoom * factor));
    const after = this._under(x, y);
    this._centre.x += before.x - after.x;
    this._centre.y += before.y - after.y;
    this._moved();
  }

  /** See all of it. */
  reset() {
    this._zoom = 1;
    this._centre = { x: 0.5, y: 0.5 };
    this._moved();
  }

  /** Where a track is on the canvas, in CSS pixels. */
  at(place) {
    const [x, y] = this._view(this._shelf.x[place], this._shelf.y[place]);
    return { x, y };
  }

  /** Draw with the next frame of the screen, however often that is asked for. */
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

  /** From the map to the canvas. */
  _view(x, y) {
    const scale = this._scale;
    return [this._width / 2 + (x - this._centre.x) * scale, this._height / 2 - (y - this._centre.y) * scale];
  }

  /** From the canvas to the map. */
  _under(x, y) {
    const scale = this._scale;
    return { x: this._centre.x + (x - this._width / 2) / scale, y: this._centre.y - (y - this._height / 2) / scale };
  }

  _paint(context, box) {
    const size = Math.max(2, Math.min(8, 170 / Math.sqrt(this._shelf.size)) * Math.min(2, Math.sqrt(this._zoom)));
    if (this._specks) this._specks.paint(context, this._shown, (x, y) => this._view(x, y), size);
    else this._paintCircles(context, box, size);
    if (this._chosen !== null && this._shelf.x[this._chosen] !== null) ring(context, this.at(this._chosen), size);
  }

  _paintCircles(context, box, size) {
    for (const [style, places] of this._layers(box, size)) {
      context.fillStyle = style.colour;
      context.globalAlpha = style.alpha;
      for (const { x, y } of places) dot(context, x, y, size);
    }
    context.globalAlpha = 1;
  }

  /** Points in sight by how they look, those that are left out first: to change colours takes longer than to fill. */
  _layers(box, size) {
    const layers = new Map([["rest", [{ colour: REST, alpha: 0.7 }, []]]]);
    for (let place = 0; place < this._shelf.size; place++) {
      if (this._shelf.x[place] === null) continue;
      const spot = this.at(place);
      if (spot.x < -size || spot.y < -size || spot.x > box.width + size || spot.y > box.height + size) continue;
      const quarter = Math.min(3, Math.floor(this._shelf.confidence[place] * 4));
      const key = this._shown[place] ? this._shelf.genre[place] * 4 + quarter : "rest";
      if (!layers.has(key)) {
        layers.set(key, [{ colour: this._shelf.colourOf(this._shelf.genreOf(place)), alpha: FAINT[quarter] }, []]);
      }
      layers.get(key)[1].push(spot);
    }
    return layers.values();
  }

  /** The nearest track that is shown, within reach; or null. */
  _near(x, y) {
    let [nearest, least] = [null, REACH];
    const [from, to] = [this._under(x - REACH, y + REACH), this._under(x + REACH, y - REACH)];
    for (let column = cell(from.x); column <= cell(to.x); column++) {
      for (let row = cell(from.y); row <= cell(to.y); row++) {
        for (const place of this._grid[column * CELLS + row]) {
          const spot = this.at(place);
          const distance = Math.hypot(spot.x - x, spot.y - y);
          if (this._shown[place] && distance < least) [nearest, least] = [place, distance];
        }
      }
    }
    return nearest;
  }

  /** The track that is shown nearest to the middle; or null. */
  _middle() {
    let [nearest, least] = [null, Infinity];
    for (let place = 0; place < this._shelf.size; place++) {
      if (!this._shown[place] || this._shelf.x[place] === null) continue;
      const distance = Math.hypot(this._shelf.x[place] - this._centre.x, this._shelf.y[place] - this._centre.y);
      if (distance < least) [nearest, least] = [place, distance];
    }
    return nearest;
  }

  _moved() {
    this._canvas.classList.toggle("is-whole", this._zoom === 1); // when a finger scrolls the page instead
    for (const axis of ["x", "y"]) this._centre[axis] = Math.max(0, Math.min(1, this._centre[axis]));
    this._tell("hover", null);
    this.draw();
  }

  _pan(x, y) {
    this._centre.x -= x / this._scale;
    this._centre.y += y / this._scale;
    this._moved();
  }

  _listen() {
    const canvas = this._canvas;
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(STEP ** (-Math.sign(event.deltaY) * Math.min(1, Math.abs(event.deltaY) / 100)), event.offsetX, event.offsetY);
    }, { passive: false });
    canvas.classList.add("is-whole");
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      this._pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY, way: 0 });
    });
    canvas.addEventListener("pointermove", (event) => this._follow(event));
    canvas.addEventListener("pointerup", (event) => this._lift(event));
    canvas.addEventListener("pointercancel", (event) => this._pointers.delete(event.pointerId));
    canvas.addEventListener("pointerleave", () => this._tell("hover", null));
    canvas.addEventListener("keydown", (event) => this._press(event));
  }

  _follow(event) {
    const own = this._pointers.get(event.pointerId);
    if (!own) {
      this._tell("hover", this._near(event.offsetX, event.offsetY));
      return;
    }
    const [x, y] = [event.offsetX - own.x, event.offsetY - own.y];
    const other = [...this._pointers.values()].find((pointer) => pointer !== own);
    if (other) {
      const before = Math.hypot(own.x - other.x, own.y - other.y);
      const after = Math.hypot(event.offsetX - other.x, event.offsetY - other.y);
      if (before > 1) this.zoom(after / before, (event.offsetX + other.x) / 2, (event.offsetY + other.y) / 2);
    } else if (own.way + Math.hypot(x, y) > STILL) {
      this._pan(x, y);
    }
    own.way += Math.hypot(x, y);
    [own.x, own.y] = [event.offsetX, event.offsetY];
  }

  _lift(event) {
    const own = this._pointers.get(event.pointerId);
    this._pointers.delete(event.pointerId);
    const place = own && own.way <= STILL ? this._near(event.offsetX, event.offsetY) : null;
    if (place !== null) this._tell("choose", place);
  }

  _press(event) {
    const moves = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (moves[event.key]) this._pan(...moves[event.key]);
    else if (event.key === "+" || event.key === "=") this.zoom(STEP);
    else if (event.key === "-") this.zoom(1 / STEP);
    else if (event.key === "0") this.reset();
    else if (event.key !== "Enter") return;
    event.preventDefault();
    const place = this._middle();
    if (place !== null) this._tell(event.key === "Enter" ? "choose" : "hover", place);
  }

  _tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

const cell = (share) => Math.max(0, Math.min(CELLS - 1, Math.floor(share * CELLS)));

function gridOf(shelf) {
  const grid = Array.from({ length: CELLS * CELLS }, () => []);
  for (let place = 0; place < shelf.size; place++) {
    if (shelf.x[place] !== null) grid[cell(shelf.x[place]) * CELLS + cell(shelf.y[place])].push(place);
  }
  return grid;
}

function dot(context, x, y, size) {
  context.beginPath();
  context.arc(x, y, size / 2, 0, 2 * Math.PI);
  context.fill();
}

function ring(context, { x, y }, size) {
  context.lineWidth = 2;
  context.strokeStyle = "#ffffff";
  context.beginPath();
  context.arc(x, y, size / 2 + 5, 0, 2 * Math.PI);
  context.stroke();
}
