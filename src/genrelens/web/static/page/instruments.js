/**
 * Instruments of the sample. Each function plays one note into a Web Audio graph: `out` is the node to play into, `at`
 * the start and `seconds` the length, both in seconds; pitches are MIDI note numbers, loudnesses linear gains.
 */

const DISTORTION_CURVE = Float32Array.from({ length: 257 }, (_, index) => 0.35 * Math.tanh((index - 128) / 8));

/** @param {number} pitch */
const pitchToHz = (pitch) => 440 * 2 ** ((pitch - 69) / 12);

/**
 * Make white noise that is the same every time, so that the sample is reproducible.
 *
 * @param {BaseAudioContext} context
 * @param {number} seconds
 */
export function makeNoise(context, seconds) {
  const buffer = context.createBuffer(1, Math.ceil(seconds * context.sampleRate), context.sampleRate);
  const samples = buffer.getChannelData(0);
  let state = 1;
  for (let index = 0; index < samples.length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // linear congruential generator, Numerical Recipes
    samples[index] = state / 2 ** 31 - 1;
  }
  return buffer;
}

/**
 * Make a reverb from decaying noise.
 *
 * @param {BaseAudioContext} context
 * @param {number} seconds - length of the decay.
 */
export function makeReverb(context, seconds) {
  const impulse = makeNoise(context, seconds);
  const samples = impulse.getChannelData(0);
  for (let index = 0; index < samples.length; index++) samples[index] *= (1 - index / samples.length) ** 3;
  return new ConvolverNode(context, { buffer: impulse });
}

/**
 * Make the distortion of an overdriven guitar amplifier.
 *
 * @param {BaseAudioContext} context
 */
export function makeDistortion(context) {
  return new WaveShaperNode(context, { curve: DISTORTION_CURVE, oversample: "4x" });
}

/**
 * @param {AudioNode} out
 * @param {number} at
 */
export function playKick(out, at) {
  const tone = new OscillatorNode(out.context);
  tone.frequency.setValueAtTime(140, at);
  tone.frequency.exponentialRampToValueAtTime(45, at + 0.12);
  playSource(tone, out, at, [[0.9, 0.004], [0.0001, 0.32]]);
}

/**
 * @param {AudioNode} out
 * @param {number} at
 * @param {AudioBuffer} noise
 */
export function playSnare(out, at, noise) {
  playNoise(out, at, noise, { type: "bandpass", frequency: 1900, Q: 0.6 }, 0.55, 0.16);
  const body = new OscillatorNode(out.context, { type: "triangle", frequency: 190 });
  playSource(body, out, at, [[0.35, 0.002], [0.0001, 0.1]]);
}

/**
 * @param {AudioNode} out
 * @param {number} at
 * @param {AudioBuffer} noise
 * @param {number} loudness
 */
export function playHiHat(out, at, noise, loudness) {
  playNoise(out, at, noise, { type: "highpass", frequency: 7500 }, loudness, 0.05);
}

/**
 * @param {AudioNode} out
 * @param {number} at
 * @param {AudioBuffer} noise
 * @param {number} loudness
 * @param {number} seconds
 */
export function playCymbal(out, at, noise, loudness, seconds) {
  playNoise(out, at, noise, { type: "bandpass", frequency: 7000, Q: 1 }, loudness, seconds);
}

/**
 * Play a power chord, to be distorted.
 *
 * @param {AudioNode} out
 * @param {number} at
 * @param {number[]} pitches
 * @param {number} seconds
 */
export function playGuitar(out, at, pitches, seconds) {
  for (const pitch of pitches)
    for (const cents of [-6, 6]) {
      const string = new OscillatorNode(out.context, { type: "sawtooth", frequency: pitchToHz(pitch), detune: cents });
      playSource(string, out, at, [[0.5, 0.004], [0.3, seconds * 0.9], [0.0001, seconds]]);
    }
}

/**
 * @param {AudioNode} out
 * @param {number} at
 * @param {number} pitch
 * @param {number} seconds
 */
export function playBass(out, at, pitch, seconds) {
  const saw = new OscillatorNode(out.context, { type: "sawtooth", frequency: pitchToHz(pitch) });
  const filter = new BiquadFilterNode(out.context, { type: "lowpass", Q: 6 });
  filter.frequency.setValueAtTime(1400, at);
  filter.frequency.exponentialRampToValueAtTime(220, at + seconds);
  filter.connect(out);
  playSource(saw, filter, at, [[0.42, 0.006], [0.3, seconds * 0.8], [0.0001, seconds]]);
}

/**
 * Play a short chord on an electric piano, by frequency modulation.
 *
 * @param {AudioNode} out
 * @param {number} at
 * @param {number[]} pitches
 * @param {number} seconds
 */
export function playElectricPiano(out, at, pitches, seconds) {
  for (const pitch of pitches) {
    const carrier = new OscillatorNode(out.context, { frequency: pitchToHz(pitch) });
    const modulator = new OscillatorNode(out.context, { frequency: 2 * pitchToHz(pitch) });
    const depth = new GainNode(out.context, { gain: 0 });
    depth.gain.setValueAtTime(1.6 * pitchToHz(pitch), at);
    depth.gain.exponentialRampToValueAtTime(0.1 * pitchToHz(pitch), at + seconds);
    modulator.connect(depth).connect(carrier.frequency);
    modulator.start(at);
    modulator.stop(at + seconds);
    playSource(carrier, out, at, [[0.12, 0.005], [0.0001, seconds]]);
  }
}

/**
 * Play a string section of five slightly detuned players.
 *
 * @param {AudioNode} out
 * @param {number} at
 * @param {number} pitch
 * @param {number} seconds
 * @param {number} loudness
 */
export function playStrings(out, at, pitch, seconds, loudness) {
  const hertz = pitchToHz(pitch);
  const filter = new BiquadFilterNode(out.context, { type: "lowpass", frequency: Math.min(3200, 5 * hertz) });
  filter.connect(out);
  for (const cents of [-9, -4, 0, 5, 8]) {
    const player = new OscillatorNode(out.context, { type: "sawtooth", frequency: hertz, detune: cents });
    const vibrato = new OscillatorNode(out.context, { frequency: 4.8 + cents / 20 });
    const width = new GainNode(out.context, { gain: 7 });
    vibrato.connect(width).connect(player.detune);
    vibrato.start(at);
    vibrato.stop(at + seconds);
    playSource(player, filter, at, [[loudness / 5, seconds * 0.3], [loudness / 6, seconds * 0.75], [0.0001, seconds]]);
  }
}

/**
 * @param {AudioNode} out
 * @param {number} at
 * @param {AudioBuffer} noise
 * @param {BiquadFilterOptions} filterOptions
 * @param {number} loudness
 * @param {number} seconds
 */
function playNoise(out, at, noise, filterOptions, loudness, seconds) {
  const source = new AudioBufferSourceNode(out.context, { buffer: noise });
  const filter = new BiquadFilterNode(out.context, filterOptions);
  filter.connect(out);
  playSource(source, filter, at, [[loudness, 0.001], [0.0001, seconds]]);
}

/**
 * Play a source with an envelope.
 *
 * @param {AudioScheduledSourceNode} source
 * @param {AudioNode} out
 * @param {number} at
 * @param {[loudness: number, after: number][]} envelope - points, in seconds after the start.
 */
function playSource(source, out, at, envelope) {
  const gain = new GainNode(out.context, { gain: 0 });
  gain.gain.setValueAtTime(0.0001, at);
  for (const [loudness, after] of envelope) gain.gain.exponentialRampToValueAtTime(loudness, at + after);
  source.connect(gain).connect(out);
  source.start(at);
  source.stop(at + envelope[envelope.length - 1][1]);
}
