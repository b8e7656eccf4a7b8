/** Runs where sound is made: gathers what comes in, mixed to one channel, and hands it on in blocks. */

const BLOCK = 0.1; // s

class Recorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this._block = new Float32Array(Math.round(BLOCK * sampleRate));
    this._filled = 0;
  }

  process([channels]) {
    if (!channels.length) return true; // the source is silent or gone; the page is told by its track
    for (let place = 0; place < channels[0].length; place++) {
      let sum = 0;
      for (const channel of channels) sum += channel[place];
      this._block[this._filled++] = sum / channels.length;
      if (this._filled === this._block.length) this._handOn();
    }
    return true;
  }

  _handOn() {
    this.port.postMessage(this._block, [this._block.buffer]);
    this._block = new Float32Array(Math.round(BLOCK * sampleRate));
    this._filled = 0;
  }
}

registerProcessor("recorder", Recorder);
