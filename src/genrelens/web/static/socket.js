/** The websocket of live listening: samples go there, answers come back. */

import { storedKey } from "./key.js";
import { Problem, sentence } from "./problems.js";

const WANTS_KEY = 4401;
const GONE = "The server has gone. Start again when it is back.";
const BACKLOG = 4; // s of samples that may wait to be sent; with more, the network is too slow

export class Socket {
  /**
   * @param {Object} hello - `rate` in Hz and `model`, the default one if null.
   * @param {Object} hooks - `onready(ready)`, `onanswer(answer)`, and `onend(problem)` unless it is closed from here.
   *   The problem has status 401 where a key is wanted.
   */
  constructor({ rate, model }, hooks) {
    this._hooks = hooks;
    this._problem = null;
    this._most = BACKLOG * rate * Float32Array.BYTES_PER_ELEMENT;
    this._socket = new WebSocket(address());
    this._socket.binaryType = "arraybuffer";
    const key = storedKey();
    this._socket.onopen = () => this._tell({ rate, channels: 1, ...(model && { model }), ...(key && { key }) });
    this._socket.onmessage = ({ data }) => this._hear(JSON.parse(data));
    this._socket.onclose = ({ code, reason }) => hooks.onend(this._whyClosed(code, reason));
  }

  /**
   * @param {Float32Array} samples
   * @returns {boolean} whether they are on their way: they are dropped where too much waits.
   */
  send(samples) {
    const isOpen = this._socket.readyState === WebSocket.OPEN;
    if (!isOpen || this._socket.bufferedAmount > this._most) return false;
    this._socket.send(samples);
    return true;
  }

  pause(isPaused) {
    this._tell({ pause: isPaused });
  }

  close() {
    this._socket.onclose = null;
    this._socket.onmessage = null;
    this._tell({ stop: true });
    this._socket.close();
  }

  _tell(message) {
    if (this._socket.readyState === WebSocket.OPEN) this._socket.send(JSON.stringify(message));
  }

  _hear(message) {
    if (message.ready) this._hooks.onready(message.ready);
    else if (message.problem) this._problem = message.problem;
    else this._hooks.onanswer(message);
  }

  _whyClosed(code, reason) {
    const status = code === WANTS_KEY ? 401 : this._problem?.status;
    const words = this._problem?.detail || reason;
    return words ? new Problem(sentence(words), { status }) : new Problem(GONE, { status });
  }
}

/** Beside the page, wherever that lies. */
function address() {
  const url = new URL("v1/live", document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url;
}
