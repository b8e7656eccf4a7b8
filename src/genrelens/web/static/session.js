/** One time of live listening: a source, a websocket, and what was heard so far. */

import { Capture } from "./capture.js";
import { askForKey, storedKey } from "./key.js";
import { Problem } from "./problems.js";
import { Socket } from "./socket.js";

const WANTS_KEY = "This server wants an API key. Start again and give one.";

const MOST_ANSWERS = 1200; // ten minutes; of more, every other one is forgotten, as often as it takes

/**
 * Tells its listeners of "change": `state` is "starting", "listening", "paused" or "ended" (with a `problem`, or without
 * if the user ended it); `answers` holds what the server told.
 */
export class Session extends EventTarget {
  constructor(source, model) {
    super();
    this.source = source;
    this.state = "starting";
    this.problem = null;
    this.answers = [];
    this._model = model;
    this._capture = null;
    this._socket = null;
  }

  async start() {
    try {
      const capture = await Capture.open(this.source, {
        onblock: (samples) => this.state === "listening" && this._socket?.send(samples),
        onlost: (problem) => this.end(problem),
      });
      if (this.state === "ended") {
        capture.close(); // it was ended while the browser asked
        return;
      }
      this._capture = capture;
      this._connect();
    } catch (problem) {
      this.end(problem instanceof Problem ? problem : new Problem(`The browser could not listen: ${problem.message}`));
    }
  }

  pause(isPaused) {
    this._socket.pause(isPaused);
    this._become(isPaused ? "paused" : "listening");
  }

  end(problem = null) {
    if (this.state === "ended") return;
    this._socket?.close();
    this._capture?.close();
    this.problem = problem;
    this._become("ended");
  }

  _connect() {
    const key = storedKey();
    this._socket = new Socket({ rate: this._capture.rate, model: this._model }, {
      onready: () => this._become("listening"),
      onanswer: (answer) => {
        this._keep(answer);
        this._become(this.state);
      },
      onend: (problem) => this._closed(problem, key),
    });
  }

  _keep(answer) {
    if (this.answers.length === MOST_ANSWERS) this.answers = this.answers.filter((_, place) => place % 2 === 0);
    this.answers.push(answer);
  }

  async _closed(problem, key) {
    if (problem.status !== 401) this.end(problem);
    else if (await askForKey(key)) this._connect();
    else this.end(new Problem(WANTS_KEY));
  }

  _become(state) {
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}
