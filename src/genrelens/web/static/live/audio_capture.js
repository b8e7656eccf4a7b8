/** Audio capture from the microphone or another tab, in blocks of samples. */

import { Problem, messageOf } from "../lib/problems.js";

/** @typedef {"microphone"|"tab"} Source */

/**
 * @typedef {Object} CaptureHooks
 * @property {(samples: Float32Array<ArrayBuffer>) => void} onblock
 * @property {(problem: Problem) => void} onlost - the source ended by itself.
 */

const INSECURE =
  "Browsers allow audio capture only on pages from this computer or over HTTPS. Open this page at localhost or over HTTPS.";
const NO_AUDIO =
  "The tab was shared without audio. Start again, choose a tab, and turn on “Also share tab audio”.";
const LOST = {
  microphone: "The microphone was disconnected. Connect it again, then start again.",
  tab: "The tab is no longer shared.",
};
/** Messages for exceptions of the browser, by name. @type {Record<Source, Record<string, string>>} */
const CAPTURE_ERRORS = {
  microphone: {
    NotAllowedError: "Microphone access was denied. Allow it in the browser's settings for this site, then start again.",
    NotFoundError: "No microphone was found. Connect one, then start again.",
    NotReadableError: "The microphone is unavailable; another program may be using it. Close that program, then start again.",
  },
  tab: {
    NotAllowedError: "Nothing was shared. Start again and choose a tab.",
    NotFoundError: "Nothing is available to share.",
    NotReadableError: "That source cannot be captured. Choose a tab, not a window.",
  },
};
const UNPROCESSED = { echoCancellation: false, noiseSuppression: false, autoGainControl: false }; // made for speech; they distort music

/**
 * Return whether this browser can capture a source on this page.
 *
 * @param {Source} source
 */
export const canCapture = (source) =>
  Boolean(navigator.mediaDevices?.[source === "tab" ? "getDisplayMedia" : "getUserMedia"]);

export class AudioCapture {
  /**
   * Request a source from the user and start capturing it.
   *
   * @param {Source} source
   * @param {CaptureHooks} hooks
   * @returns {Promise<AudioCapture>}
   * @throws {Problem} the source is unavailable.
   */
  static async open(source, hooks) {
    if (!navigator.mediaDevices) throw new Problem(INSECURE);
    const stream = await requestStream(source);
    const capture = new AudioCapture(stream, new AudioContext());
    await capture._start(hooks, new Problem(LOST[source]));
    return capture;
  }

  /**
   * @param {MediaStream} stream
   * @param {AudioContext} context
   */
  constructor(stream, context) {
    this._stream = stream;
    this._context = context;
  }

  /** Sampling rate in Hz. */
  get rate() {
    return this._context.sampleRate;
  }

  close() {
    for (const track of this._stream.getTracks()) {
      track.onended = null;
      track.stop();
    }
    this._context.close();
  }

  /**
   * @param {CaptureHooks} hooks
   * @param {Problem} loss - reported if the source ends.
   */
  async _start({ onblock, onlost }, loss) {
    this._stream.getAudioTracks()[0].onended = () => onlost(loss);
    await this._context.audioWorklet.addModule(new URL("recorder_worklet.js", import.meta.url));
    const recorder = new AudioWorkletNode(this._context, "recorder", { numberOfOutputs: 0 });
    recorder.port.onmessage = ({ data }) => onblock(data);
    this._context.createMediaStreamSource(this._stream).connect(recorder);
    await this._context.resume();
  }
}

/**
 * @param {Source} source
 * @returns {Promise<MediaStream>}
 */
async function requestStream(source) {
  let stream;
  try {
    stream = await (source === "tab" ? requestTab() : navigator.mediaDevices.getUserMedia({ audio: UNPROCESSED }));
  } catch (error) {
    const name = error instanceof Error || error instanceof DOMException ? error.name : "";
    throw new Problem(CAPTURE_ERRORS[source][name] ?? `The browser could not capture audio: ${messageOf(error)}`);
  }
  for (const track of stream.getVideoTracks()) track.enabled = false; // browsers do not share audio without video
  if (!stream.getAudioTracks().length) {
    for (const track of stream.getTracks()) track.stop();
    throw new Problem(NO_AUDIO);
  }
  return stream;
}

function requestTab() {
  const audio = { ...UNPROCESSED, suppressLocalAudioPlayback: false };
  return navigator.mediaDevices.getDisplayMedia({ video: true, audio });
}
