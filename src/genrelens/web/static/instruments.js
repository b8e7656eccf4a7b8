/** Instruments of the sample: each plays one note into a Web Audio graph. Times are in seconds, pitches as in MIDI. */

const OVERDRIVE = Float32Array.from({ length: 257 }, (_, place) => 0.35 * Math.tanh((place - 128) / 8));

const hertz = (pitch) => 440 * 2 ** ((pitch - 69) / 12);

/** Noise that is the same each time, so that the sample is too. */
export function noise(context, seconds) {
  const buffer = context.createBuffer(1, Math.ceil(seconds * context.sampleRate), context.sampleRate);
  const samples = buffer.getChannelData(0);
  let state = 1;
  for (let place = 0; place < samples.length; place++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // a linear congruence, Numerical Recipes
    samples[place] = state / 2 ** 31 - 1;
  }
  return buffer;
}

/** A room: what is sent into it rings for so long. */
export function room(context, seconds) {
  const echo = noise(context, seconds);
  const samples = echo.getChannelData(0);
  for (let place = 0; place < samples.length; place++) samples[place] *= (1 - place / samples.length) ** 3;
  return new ConvolverNode(context, { buffer: echo });
}

export function kick(out, at) {
  const tone = new OscillatorNode(out.context);
  tone.frequency.setValueAtTime(140, at);
  tone.frequency.exponentialRampToValueAtTime(45, at + 0.12);
  play(tone, out, at, [[0.9, 0.004], [0.0001, 0.32]]);
}

export function snare(out, at, hiss) {
  strike(out, at, hiss, { type: "bandpass", frequency: 1900, Q: 0.6 }, 0.55, 0.16);
  const body = new OscillatorNode(out.context, { type: "triangle", frequency: 190 });
  play(body, out, at, [[0.35, 0.002], [0.0001, 0.1]]);
}

export function hat(out, at, hiss, loudness) {
  strike(out, at, hiss, { type: "highpass", frequency: 7500 }, loudness, 0.05);
}

/** A cymbal that rings. */
export function cymbal(out, at, hiss, loudness, seconds) {
  strike(out, at, hiss, { type: "bandpass", frequency: 7000, Q: 1 }, loudness, seconds);
}

/** An amplifier that is driven far too hard. */
export function amplifier(context) {
  return new WaveShaperNode(context, { curve: OVERDRIVE, oversample: "4x" });
}

/** A power chord on a guitar; it wants an amplifier. */
export function guitar(out, at, pitches, seconds) {
  for (const pitch of pitches)
    for (const cents of [-6, 6]) {
      const string = new OscillatorNode(out.context, { type: "sawtooth", frequency: hertz(pitch), detune: cents });
      play(string, out, at, [[0.5, 0.004], [0.3, seconds * 0.9], [0.0001, seconds]]);
    }
}

export function bass(out, at, pitch, seconds) {
  const saw = new OscillatorNode(out.context, { type: "sawtooth", frequency: hertz(pitch) });
  const filter = new BiquadFilterNode(out.context, { type: "lowpass", Q: 6 });
  filter.frequency.setValueAtTime(1400, at);
  filter.frequency.exponentialRampToValueAtTime(220, at + seconds);
  filter.connect(out);
  play(saw, filter, at, [[0.42, 0.006], [0.3, seconds * 0.8], [0.0001, seconds]]);
}

/** A short chord on an electric piano: a sine that another one bends. */
export function keys(out, at, pitches, seconds) {
  for (const pitch of pitches) {
    const carrier = new OscillatorNode(out.context, { frequency: hertz(pitch) });
    const bender = new OscillatorNode(out.context, { frequency: 2 * hertz(pitch) });
    const depth = new GainNode(out.context, { gain: 0 });
    depth.gain.setValueAtTime(1.6 * hertz(pitch), at);
    depth.gain.exponentialRampToValueAtTime(0.1 * hertz(pitch), at + seconds);
    bender.connect(depth).connect(carrier.frequency);
    bender.start(at);
    bender.stop(at + seconds);
    play(carrier, out, at, [[0.12, 0.005], [0.0001, seconds]]);
  }
}

/** A section of strings: five players, each a little out of tune. */
export function strings(out, at, pitch, seconds, loudness) {
  const filter = new BiquadFilterNode(out.context, { type: "lowpass", frequency: Math.min(3200, 5 * hertz(pitch)) });
  filter.connect(out);
  for (const cents of [-9, -4, 0, 5, 8]) {
    const player = new OscillatorNode(out.context, { type: "sawtooth", frequency: hertz(pitch), detune: cents });
    const vibrato = new OscillatorNode(out.context, { frequency: 4.8 + cents / 20 });
    const width = new GainNode(out.context, { gain: 7 });
    vibrato.connect(width).connect(player.detune);
    vibrato.start(at);
    vibrato.stop(at + seconds);
    play(player, filter, at, [[loudness / 5, seconds * 0.3], [loudness / 6, seconds * 0.75], [0.0001, seconds]]);
  }
}

function strike(out, at, hiss, shape, loudness, seconds) {
  const source = new AudioBufferSourceNode(out.context, { buffer: hiss });
  const filter = new BiquadFilterNode(out.context, shape);
  filter.connect(out);
  play(source, filter, at, [[loudness, 0.001], [0.0001, seconds]]);
}

/** Sound a source, its loudness going through [loudness, seconds after the start]. */
function play(source, out, at, loudnesses) {
  const envelope = new GainNode(out.context, { gain: 0 });
  envelope.gain.setValueAtTime(0.0001, at);
  for (const [loudness, after] of loudnesses) envelope.gain.exponentialRampToValueAtTime(loudness, at + after);
  source.connect(envelope).connect(out);
  source.start(at);
  source.stop(at + loudnesses.at(-1)[1]);
}
