/** Plays one file; when it begins, the others pause. */

import { wantsCalm } from "./dom.js";

let playing = null;

/**
 * Tells its listeners of "time" (it moved), "state" (it plays, or no longer does) and "unplayable".
 */
export class Player extends EventTarget {
  /**
   * @param {File} file
   * @param {number} duration - in seconds, as the server measured it.
   */
  constructor(file, duration) {
    super();
    this.duration = duration;
    this.isPlayable = true;
    this._address = URL.createObjectURL(file);
    this._audio = new Audio(this._address);
    this._audio.preload = "metadata";
    this._time = 0;
    this._listen();
  }

  get time() {
    return this._time;
  }

  get isPlaying() {
    return playing === this && !this._audio.paused;
  }

  /** Go to a moment, in seconds. */
  seek(time) {
    this._time = Math.max(0, Math.min(time, this.duration));
    if (this.isPlayable) this._audio.currentTime = Math.min(this._time, this._audio.duration || this._time);
    this._tell("time");
  }

  toggle() {
    if (this.isPlaying) this.pause();
    else this.play();
  }

  play() {
    if (!this.isPlayable) return;
    playing?.pause();
    playing = this;
    if (this._time >= this.duration - 0.05) this.seek(0);
    this._audio.play().catch(() => this._tell("state")); // paused again before it began, or "error" tells why
  }

  pause() {
    this._audio.pause();
  }

  /** Stop, and let the file go. */
  close() {
    this.pause();
    this._audio.removeAttribute("src");
    URL.revokeObjectURL(this._address);
    if (playing === this) playing = null;
  }

  _listen() {
    const audio = this._audio;
    audio.addEventListener("play", () => {
      this._tell("state");
      this._follow();
    });
    for (const event of ["pause", "ended"]) audio.addEventListener(event, () => this._tell("state"));
    audio.addEventListener("timeupdate", () => !audio.seeking && this._moved());
    audio.addEventListener("error", () => {
      if (!audio.getAttribute("src")) return; // it was closed
      this.isPlayable = false;
      this._tell("unplayable");
    });
  }

  /** Move the cursor with each frame of the screen; where moves should be few, the four times a second of `timeupdate` do. */
  _follow() {
    if (!this.isPlaying || wantsCalm()) return;
    this._moved();
    requestAnimationFrame(() => this._follow());
  }

  _moved() {
    this._time = Math.min(this._audio.currentTime, this.duration);
    this._tell("time");
  }

  _tell(event) {
    this.dispatchEvent(new Event(event));
  }
}
