/** Playback of a file, and its play button. Only one file plays at a time. */

import { make, prefersReducedMotion } from "../lib/dom.js";
import { formatTime } from "../lib/format.js";

/** @type {Player|null} */
let active = null;

/** Dispatches "time" (the position changed), "state" (playback started or stopped) and "unplayable". */
export class Player extends EventTarget {
  /**
   * @param {File} file
   * @param {number} duration - in seconds, as measured by the server.
   */
  constructor(file, duration) {
    super();
    this.duration = duration;
    this.isPlayable = true;
    this._url = URL.createObjectURL(file);
    this._audio = new Audio(this._url);
    this._audio.preload = "metadata";
    this._time = 0;
    this._addListeners();
  }

  get time() {
    return this._time;
  }

  get isPlaying() {
    return active === this && !this._audio.paused;
  }

  /** @param {number} time - in seconds. */
  seek(time) {
    this._time = Math.max(0, Math.min(time, this.duration));
    if (this.isPlayable) this._audio.currentTime = Math.min(this._time, this._audio.duration || this._time);
    this._dispatch("time");
  }

  toggle() {
    if (this.isPlaying) this.pause();
    else this.play();
  }

  play() {
    if (!this.isPlayable) return;
    active?.pause();
    active = this;
    if (this._time >= this.duration - 0.05) this.seek(0);
    this._audio.play().catch(() => this._dispatch("state")); // paused before it started; "error" covers the rest
  }

  pause() {
    this._audio.pause();
  }

  /** Stop playback and release the file. */
  close() {
    this.pause();
    this._audio.removeAttribute("src");
    URL.revokeObjectURL(this._url);
    if (active === this) active = null;
  }

  _addListeners() {
    const audio = this._audio;
    audio.addEventListener("play", () => {
      this._dispatch("state");
      this._animate();
    });
    for (const event of ["pause", "ended"]) audio.addEventListener(event, () => this._dispatch("state"));
    audio.addEventListener("timeupdate", () => !audio.seeking && this._updateTime());
    audio.addEventListener("error", () => {
      if (!audio.getAttribute("src")) return; // closed
      this.isPlayable = false;
      this._dispatch("unplayable");
    });
  }

  /** Move the cursor every frame; with reduced motion, only with `timeupdate`, four times a second. */
  _animate() {
    if (!this.isPlaying || prefersReducedMotion()) return;
    this._updateTime();
    requestAnimationFrame(() => this._animate());
  }

  _updateTime() {
    this._time = Math.min(this._audio.currentTime, this.duration);
    this._dispatch("time");
  }

  /** @param {string} type */
  _dispatch(type) {
    this.dispatchEvent(new Event(type));
  }
}

/**
 * Make a play button with the current position.
 *
 * @param {Player} player
 * @param {string} name - of the track.
 */
export function makeTransport(player, name) {
  const button = make("button", { type: "button", class: "play", onclick: () => player.toggle() });
  const position = make("span", {}, formatTime(player.time));
  const update = () => {
    button.classList.toggle("is-playing", player.isPlaying);
    button.setAttribute("aria-label", `${player.isPlaying ? "Pause" : "Play"} ${name}`);
    button.disabled = !player.isPlayable;
  };
  player.addEventListener("state", update);
  player.addEventListener("unplayable", update);
  player.addEventListener("time", () => (position.textContent = formatTime(player.time)));
  update();
  const clock = make("span", { class: "clock" }, position, ` / ${formatTime(player.duration)}`);
  return make("div", { class: "transport" }, button, clock);
}
