/** Sound from a microphone or from another tab, as blocks of samples. */

import { Problem } from "./problems.js";

const ALONE = "Browsers share sound only with pages from this computer or over https. Open this page at localhost, or over https.";
const TROUBLE = {
  microphone: {
    NotAllowedError: "The browser was not allowed to use the microphone. Allow it beside the address of this page, then start again.",
    NotFoundError: "There is no microphone. Plug one in, then start again.",
    NotReadableError: "The microphone cannot be used; perhaps another program has it. Close that, then start again.",
    lost: "The microphone has gone. Plug it in again, then start again.",
  },
  tab: {
    NotAllowedError: "Nothing was shared. Start again, and choose a tab to listen to.",
    NotFoundError: "There is nothing that could be shared.",
    NotReadableError: "The browser could not listen to that. Choose a tab, not a window.",
    lost: "The tab is no longer shared.",
    mute: "That was shared without its sound. Start again, choose a tab, and switch on “Also share tab audio”.",
  },
};
const PLAIN = { echoCancellation: false, noiseSuppression: false, autoGainControl: false }; // made for speech; they harm music

/** Whether this browser can listen to a source here at all. */
export const canListen = (source) =>
  Boolean(navigator.mediaDevices?.[source === "tab" ? "getDisplayMedia" : "getUserMedia"]);

export class Capture {
  /**
   * Ask the user for a source, and listen to it.
   *
   * @param {"microphone"|"tab"} source
   * @param {Object} hooks - `onblock(samples)`, and `onlost(problem)` if it ends by itself.
   * @throws {Problem} it cannot be had.
   */
  static async open(source, hooks) {
    if (!navigator.mediaDevices) throw new Problem(ALONE);
    const stream = await streamFrom(source);
    const capture = new Capture(stream, new AudioContext());
    await capture._listen(hooks, new Problem(TROUBLE[source].lost));
    return capture;
  }

  constructor(stream, context) {
    this._stream = stream;
    this._context = context;
  }

  /** In Hz. */
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

  async _listen({ onblock, onlost }, loss) {
    this._stream.getAudioTracks()[0].onended = () => onlost(loss);
    await this._context.audioWorklet.addModule(new URL("recorder.js", import.meta.url));
    const recorder = new AudioWorkletNode(this._context, "recorder", { numberOfOutputs: 0 });
    recorder.port.onmessage = ({ data }) => onblock(data);
    this._context.createMediaStreamSource(this._stream).connect(recorder);
    await this._context.resume();
  }
}

async function streamFrom(source) {
  const words = TROUBLE[source];
  let stream;
  try {
    stream = await (source === "tab"
      ? navigator.mediaDevices.getDisplayMedia({ video: true, audio: { ...PLAIN, suppressLocalAudioPlayback: false } })
      : navigator.mediaDevices.getUserMedia({ audio: PLAIN }));
  } catch (error) {
    throw new Problem(words[error.name] ?? `The browser could not listen: ${error.message}`);
  }
  for (const track of stream.getVideoTracks()) track.enabled = false; // browsers share no sound alone
  if (!stream.getAudioTracks().length) {
    for (const track of stream.getTracks()) track.stop();
    throw new Problem(words.mute);
  }
  return stream;
}
