/** Lanes that lie on one time axis, as the staves of a score, with a cursor over all of them that can be moved. */

import { paint } from "./canvas.js";
import { make, newId } from "./dom.js";
import { currentTheme, onThemeChange } from "./theme.js";
import { clock, spokenTime } from "./words.js";

const STEP = 5; // s that an arrow key goes
const LEAP = 0.1; // of the track that Page Up and Page Down go

/**
 * @typedef {Object} Lane
 * @property {string} name - that stands at its side.
 * @property {string} kind - for the style sheet, which knows its height.
 * @property {function(CanvasRenderingContext2D, Box, Object)} draw - with the theme as the last argument.
 * @property {function(): string} inWords - what the drawing shows.
 */
export class Score {
  /**
   * @param {Lane[]} lanes
   * @param {Object} player - something with `duration`, `time`, `seek`, `toggle` and the events of a `Player`.
   * @param {string} name - of what is played.
   * @param {function(number): string} readout - what is heard at a time, in a few words.
   */
  constructor(lanes, player, name, readout) {
    this._lanes = lanes;
    this._player = player;
    this._readout = readout;
    this._canvases = lanes.map(() => make("canvas", { role: "img" }));
    this._cursor = make("div", { class: "score-cursor", "aria-hidden": "true" });
    this._tip = make("div", { class: "score-tip", "aria-hidden": "true", hidden: true });
    this._field = this._makeField(name);
    this.element = make("div", { class: "score" }, ...lanes.flatMap((lane, number) => this._row(lane, number)), this._field);
    this._stop = new AbortController();
    this._watch();
  }

  /** Draw all lanes again, or those of some kinds. */
  redraw(...kinds) {
    const theme = currentTheme();
    this._lanes.forEach((lane, number) => {
      if (kinds.length && !kinds.includes(lane.kind)) return;
      this._canvases[number].setAttribute("aria-label", lane.inWords());
      paint(this._canvases[number], (context, box) => lane.draw(context, box, theme));
    });
  }

  close() {
    this._stop.abort();
    this._resized.disconnect();
  }

  _row(lane, number) {
    return [
      make("div", { class: `lane-name lane-name-${lane.kind}`, "aria-hidden": "true" }, lane.name),
      make("div", { class: `lane lane-${lane.kind}` }, this._canvases[number]),
    ];
  }

  _makeField(name) {
    const field = make(
      "div",
      {
        class: "score-field",
        id: newId("score"),
        role: "slider",
        tabindex: "0",
        "aria-label": `Position in ${name}`,
        "aria-valuemin": "0",
        "aria-valuemax": String(Math.round(this._player.duration)),
        onpointerdown: (event) => this._grab(event),
        onpointermove: (event) => this._hover(event),
        onpointerleave: () => (this._tip.hidden = true),
        onkeydown: (event) => this._press(event),
      },
      this._cursor,
      this._tip,
    );
    return field;
  }

  _watch() {
    this._resized = new ResizeObserver(() => this.redraw());
    this._resized.observe(this.element);
    onThemeChange(() => !this._stop.signal.aborted && this.redraw());
    this._player.addEventListener("time", () => this._follow(), { signal: this._stop.signal });
    this._follow();
  }

  _follow() {
    const { time, duration } = this._player;
    this._cursor.style.left = `${(100 * time) / duration}%`;
    this._field.setAttribute("aria-valuenow", String(Math.round(time)));
    this._field.setAttribute("aria-valuetext", `${spokenTime(time)}, ${this._readout(time)}`);
    this.redraw("wave");
  }

  _timeAt(event) {
    const { left, width } = this._field.getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - left) / width)) * this._player.duration;
  }

  _grab(event) {
    if (event.button !== 0) return;
    this._field.setPointerCapture(event.pointerId);
    this._player.seek(this._timeAt(event));
  }

  _hover(event) {
    const time = this._timeAt(event);
    if (this._field.hasPointerCapture(event.pointerId)) this._player.seek(time);
    const share = time / this._player.duration;
    this._tip.hidden = false;
    this._tip.textContent = `${clock(time)}  ${this._readout(time)}`;
    this._tip.style.left = `${100 * share}%`;
    this._tip.classList.toggle("is-left", share > 0.5);
  }

  _press(event) {
    const { time, duration } = this._player;
    const to = {
      ArrowRight: time + STEP,
      ArrowUp: time + STEP,
      ArrowLeft: time - STEP,
      ArrowDown: time - STEP,
      PageUp: time + LEAP * duration,
      PageDown: time - LEAP * duration,
      Home: 0,
      End: duration,
    }[event.key];
    if (event.key === " ") this._player.toggle();
    else if (to !== undefined) this._player.seek(to);
    else return;
    event.preventDefault();
  }
}
