/** WebSocket of the live classification: samples out, predictions in. */

import { storedKey } from "../lib/api_key.js";
import { Problem, toSentence } from "../lib/problems.js";

/**
 * @typedef {Object} SocketHooks
 * @property {(ready: LiveReady) => void} onready
 * @property {(prediction: LivePrediction) => void} onprediction
 * @property {(problem: Problem) => void} onend - the server closed the connection; status 401 means that it requires a
 *   key.
 */

const UNAUTHORISED = 4401; // close code
const DISCONNECTED = "The connection to the server was lost. Start again when the server is back.";
const MAX_BACKLOG = 4; // s of samples waiting to be sent; more are dropped, as the network is too slow

export class LiveSocket {
  /**
   * @param {{rate: number, model: string|null}} options - sampling rate in Hz; a model of null is the server's default.
   * @param {SocketHooks} hooks
   */
  constructor({ rate, model }, hooks) {
    this._hooks = hooks;
    /** @type {ProblemDetails|null} */
    this._problem = null;
    this._maxBytes = MAX_BACKLOG * rate * Float32Array.BYTES_PER_ELEMENT;
    this._socket = new WebSocket(liveUrl());
    this._socket.binaryType = "arraybuffer";
    const key = storedKey();
    this._socket.onopen = () => this._sendJson({ rate, channels: 1, ...(model && { model }), ...(key && { key }) });
    this._socket.onmessage = ({ data }) => this._receive(JSON.parse(data));
    this._socket.onclose = ({ code, reason }) => hooks.onend(this._closeProblem(code, reason));
  }

  /**
   * Send samples, or drop them if too many are waiting.
   *
   * @param {Float32Array<ArrayBuffer>} samples
   */
  send(samples) {
    const isOpen = this._socket.readyState === WebSocket.OPEN;
    if (isOpen && this._socket.bufferedAmount <= this._maxBytes) this._socket.send(samples);
  }

  /** @param {boolean} isPaused */
  pause(isPaused) {
    this._sendJson({ pause: isPaused });
  }

  close() {
    this._socket.onclose = null;
    this._socket.onmessage = null;
    this._sendJson({ stop: true });
    this._socket.close();
  }

  /** @param {Object} message */
  _sendJson(message) {
    if (this._socket.readyState === WebSocket.OPEN) this._socket.send(JSON.stringify(message));
  }

  /** @param {LiveMessage} message */
  _receive(message) {
    if ("ready" in message) this._hooks.onready(message.ready);
    else if ("problem" in message) this._problem = message.problem;
    else this._hooks.onprediction(message);
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  _closeProblem(code, reason) {
    const status = code === UNAUTHORISED ? 401 : this._problem?.status;
    const detail = this._problem?.detail || reason;
    return new Problem(detail ? toSentence(detail) : DISCONNECTED, { status });
  }
}

/** Return the URL of the WebSocket, relative to the page. */
function liveUrl() {
  const url = new URL("v1/live", document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url;
}
