/** Lanes stacked on one time axis, with a movable cursor across all lanes. */

import { make, newId } from "../lib/dom.js";
import { formatTime, spokenTime } from "../lib/format.js";
import { currentTheme, onThemeChange } from "../lib/theme.js";
import { paint } from "./canvas.js";

/**
 * @typedef {import("./lanes.js").Lane} Lane
 * @typedef {import("./lanes.js").LaneKind} LaneKind
 */

/** @typedef {EventTarget & {duration: number, time: number, seek(time: number): void, toggle(): void}} TimeSource */

const STEP = 5; // s per arrow key
const PAGE_STEP = 0.1; // fraction of the track per Page Up or Page Down

export class LaneStack {
  /**
   * @param {Lane[]} lanes
   * @param {TimeSource} player - dispatches "time" whenever its position changes.
   * @param {string} name - of the track.
   * @param {(time: number) => string} readout - short description of a time in seconds.
   */
  constructor(lanes, player, name, readout) {
    this._lanes = lanes;
    this._player = player;
    this._readout = readout;
    this._canvases = lanes.map(() => make("canvas", { role: "img" }));
    this._cursor = make("div", { class: "lanes-cursor", "aria-hidden": "true" });
    this._tooltip = make("div", { class: "lanes-tooltip", "aria-hidden": "true", hidden: true });
    this._slider = this._makeSlider(name);
    const rows = lanes.flatMap((lane, index) => this._makeRow(lane, index));
    this.element = make("div", { class: "lanes" }, ...rows, this._slider);
    this._abortController = new AbortController();
    this._resizeObserver = new ResizeObserver(() => this.redraw());
    this._resizeObserver.observe(this.element);
    onThemeChange(() => !this._abortController.signal.aborted && this.redraw());
    player.addEventListener("time", () => this._showTime(), { signal: this._abortController.signal });
    this._showTime();
  }

  /**
   * Redraw all lanes, or only those of the given kinds.
   *
   * @param {...LaneKind} kinds
   */
  redraw(...kinds) {
    const theme = currentTheme();
    this._lanes.forEach((lane, index) => {
      if (kinds.length && !kinds.includes(lane.kind)) return;
      this._canvases[index].setAttribute("aria-label", lane.describe());
      paint(this._canvases[index], (context, box) => lane.draw(context, box, theme));
    });
  }

  close() {
    this._abortController.abort();
    this._resizeObserver.disconnect();
  }

  /**
   * @param {Lane} lane
   * @param {number} index
   */
  _makeRow(lane, index) {
    return [
      make("div", { class: `lane-name lane-name-${lane.kind}`, "aria-hidden": "true" }, lane.name),
      make("div", { class: `lane lane-${lane.kind}` }, this._canvases[index]),
    ];
  }

  /** @param {string} name */
  _makeSlider(name) {
    return make(
      "div",
      {
        class: "lanes-slider",
        id: newId("lanes"),
        role: "slider",
        tabindex: "0",
        "aria-label": `Position in ${name}`,
        "aria-valuemin": "0",
        "aria-valuemax": String(Math.round(this._player.duration)),
        onpointerdown: (/** @type {PointerEvent} */ event) => this._startDrag(event),
        onpointermove: (/** @type {PointerEvent} */ event) => this._hover(event),
        onpointerleave: () => (this._tooltip.hidden = true),
        onkeydown: (/** @type {KeyboardEvent} */ event) => this._handleKey(event),
      },
      this._cursor,
      this._tooltip,
    );
  }

  _showTime() {
    const { time, duration } = this._player;
    this._cursor.style.left = `${(100 * time) / duration}%`;
    this._slider.setAttribute("aria-valuenow", String(Math.round(time)));
    this._slider.setAttribute("aria-valuetext", `${spokenTime(time)}, ${this._readout(time)}`);
    this.redraw("waveform");
  }

  /** @param {PointerEvent} event */
  _timeAt(event) {
    const { left, width } = this._slider.getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - left) / width)) * this._player.duration;
  }

  /** @param {PointerEvent} event */
  _startDrag(event) {
    if (event.button !== 0) return;
    this._slider.setPointerCapture(event.pointerId);
    this._player.seek(this._timeAt(event));
  }

  /** @param {PointerEvent} event */
  _hover(event) {
    const time = this._timeAt(event);
    if (this._slider.hasPointerCapture(event.pointerId)) this._player.seek(time);
    const share = time / this._player.duration;
    this._tooltip.hidden = false;
    this._tooltip.textContent = `${formatTime(time)}  ${this._readout(time)}`;
    this._tooltip.style.left = `${100 * share}%`;
    this._tooltip.classList.toggle("is-left", share > 0.5);
  }

  /** @param {KeyboardEvent} event */
  _handleKey(event) {
    const { time, duration } = this._player;
    /** @type {Record<string, number>} */
    const targets = {
      ArrowRight: time + STEP,
      ArrowUp: time + STEP,
      ArrowLeft: time - STEP,
      ArrowDown: time - STEP,
      PageUp: time + PAGE_STEP * duration,
      PageDown: time - PAGE_STEP * duration,
      Home: 0,
      End: duration,
    };
    if (event.key === " ") this._player.toggle();
    else if (event.key in targets) this._player.seek(targets[event.key]);
    else return;
    event.preventDefault();
  }
}
