/** One live session: a source, a WebSocket, and the predictions so far. */

import { requestKey, storedKey } from "../lib/api_key.js";
import { Problem, messageOf } from "../lib/problems.js";
import { AudioCapture } from "./audio_capture.js";
import { LiveSocket } from "./live_socket.js";

/** @typedef {import("./audio_capture.js").Source} Source */

/** @typedef {"starting"|"listening"|"paused"|"ended"} State */

const KEY_REQUIRED = "This server requires an API key. Start again and enter one.";
const MAX_PREDICTIONS = 1200; // ten minutes; beyond that every other one is dropped, repeatedly

/** Dispatches "change" when its state changes and when a prediction arrives. */
export class LiveSession extends EventTarget {
  /**
   * @param {Source} source
   * @param {string|null} model - null for the server's default.
   */
  constructor(source, model) {
    super();
    this.source = source;
    /** @type {State} */
    this.state = "starting";
    /** @type {Problem|null} */
    this.problem = null; // why the session ended, unless the user ended it
    /** @type {LivePrediction[]} */
    this.predictions = [];
    this._model = model;
    /** @type {AudioCapture|null} */
    this._capture = null;
    /** @type {LiveSocket|null} */
    this._socket = null;
  }

  async start() {
    try {
      const capture = await AudioCapture.open(this.source, {
        onblock: (samples) => {
          if (this.state === "listening") this._socket?.send(samples);
        },
        onlost: (problem) => this.end(problem),
      });
      if (this.isEnded) {
        capture.close(); // ended during the permission prompt
        return;
      }
      this._capture = capture;
      this._connect(capture.rate);
    } catch (error) {
      const isProblem = error instanceof Problem;
      this.end(isProblem ? error : new Problem(`The browser could not capture audio: ${messageOf(error)}`));
    }
  }

  get isEnded() {
    return this.state === "ended";
  }

  /** @param {boolean} isPaused */
  pause(isPaused) {
    this._socket?.pause(isPaused);
    this._setState(isPaused ? "paused" : "listening");
  }

  /** @param {Problem|null} problem */
  end(problem = null) {
    if (this.isEnded) return;
    this._socket?.close();
    this._capture?.close();
    this.problem = problem;
    this._setState("ended");
  }

  /** @param {number} rate - in Hz. */
  _connect(rate) {
    const key = storedKey();
    this._socket = new LiveSocket({ rate, model: this._model }, {
      onready: () => this._setState("listening"),
      onprediction: (prediction) => {
        this._add(prediction);
        this._setState(this.state);
      },
      onend: async (problem) => {
        if (problem.status !== 401) this.end(problem);
        else if (await requestKey(key)) this._connect(rate);
        else this.end(new Problem(KEY_REQUIRED));
      },
    });
  }

  /** @param {LivePrediction} prediction */
  _add(prediction) {
    if (this.predictions.length === MAX_PREDICTIONS)
      this.predictions = this.predictions.filter((_, index) => index % 2 === 0);
    this.predictions.push(prediction);
  }

  /** @param {State} state */
  _setState(state) {
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}
