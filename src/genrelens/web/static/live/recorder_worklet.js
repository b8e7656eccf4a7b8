/** AudioWorklet processor that mixes its input to mono and posts it in blocks of samples. */

const BLOCK_SECONDS = 0.1;

class Recorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this._block = makeBlock();
    this._filled = 0;
  }

  /** @param {Float32Array[][]} inputs */
  process([channels]) {
    if (!channels.length) return true; // silent or disconnected; the page watches the media track for that
    for (let index = 0; index < channels[0].length; index++) {
      let sum = 0;
      for (const channel of channels) sum += channel[index];
      this._block[this._filled++] = sum / channels.length;
      if (this._filled === this._block.length) this._post();
    }
    return true;
  }

  _post() {
    this.port.postMessage(this._block, [this._block.buffer]);
    this._block = makeBlock();
    this._filled = 0;
  }
}

function makeBlock() {
  return new Float32Array(Math.round(BLOCK_SECONDS * sampleRate));
}

registerProcessor("recorder", Recorder);
