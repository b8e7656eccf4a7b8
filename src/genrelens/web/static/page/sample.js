/** A piece to try the page with, synthesised by the browser: five chords played by strings, a dance band and guitars. */

import {
  makeDistortion,
  makeNoise,
  makeReverb,
  playBass,
  playCymbal,
  playElectricPiano,
  playGuitar,
  playHiHat,
  playKick,
  playSnare,
  playStrings,
} from "./instruments.js";

const RATE = 32000; // Hz
const BEAT = 0.5; // s
const BAR = 4 * BEAT;
const CHORDS = [[45, 57, 60, 64], [41, 57, 60, 65], [48, 55, 60, 64], [43, 55, 59, 62], [45, 57, 60, 64]]; // MIDI, bass first
const ARRANGEMENTS = [arrangeStrings, arrangeDance, arrangeGuitars]; // each plays all chords, one bar per chord
const ORDER = [0, 1, 2, 0];
const SECTION = CHORDS.length * BAR; // s
const TAIL = 2; // s for the last notes to fade

/**
 * @typedef {Object} Mixer - inputs for the instruments.
 * @property {AudioNode} dry
 * @property {AudioNode} hall - with reverb.
 * @property {AudioNode} loud - distorted.
 * @property {AudioBuffer} noise - for the drums.
 */

/**
 * Render the sample.
 *
 * @returns {Promise<File>} WAV file.
 */
export async function renderSample() {
  const sections = await Promise.all(ARRANGEMENTS.map(renderSection));
  const mix = new Float32Array((ORDER.length * SECTION + TAIL) * RATE);
  ORDER.forEach((arrangement, position) => {
    const start = position * SECTION * RATE;
    sections[arrangement].forEach((sample, index) => (mix[start + index] += sample));
  });
  return new File([encodeWav(mix, RATE)], "sample.wav", { type: "audio/wav" });
}

/**
 * Encode samples as a WAV file.
 *
 * @param {Float32Array} samples - one channel, -1 to 1.
 * @param {number} rate - in Hz.
 * @returns {Blob} 16-bit PCM.
 */
export function encodeWav(samples, rate) {
  const bytes = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  /** @type {(at: number, text: string) => void} */
  const writeText = (at, text) => [...text].forEach((letter, index) => bytes.setUint8(at + index, letter.charCodeAt(0)));
  writeText(0, "RIFF");
  bytes.setUint32(4, 36 + 2 * samples.length, true);
  writeText(8, "WAVEfmt ");
  bytes.setUint32(16, 16, true);
  bytes.setUint16(20, 1, true);
  bytes.setUint16(22, 1, true);
  bytes.setUint32(24, rate, true);
  bytes.setUint32(28, 2 * rate, true);
  bytes.setUint16(32, 2, true);
  bytes.setUint16(34, 16, true);
  writeText(36, "data");
  bytes.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, index) =>
    bytes.setInt16(44 + 2 * index, 32767 * Math.max(-1, Math.min(1, sample)), true),
  );
  return new Blob([bytes], { type: "audio/wav" });
}

/**
 * Render one arrangement in a context of its own: a note takes rendering time until its context ends.
 *
 * @param {(mixer: Mixer, at: number, chord: number[]) => void} arrange
 */
async function renderSection(arrange) {
  const context = new OfflineAudioContext(1, (SECTION + TAIL) * RATE, RATE);
  const mixer = makeMixer(context);
  CHORDS.forEach((chord, bar) => arrange(mixer, bar * BAR, chord));
  return (await context.startRendering()).getChannelData(0);
}

/**
 * @param {BaseAudioContext} context
 * @returns {Mixer}
 */
function makeMixer(context) {
  const dry = new DynamicsCompressorNode(context, { threshold: -14, ratio: 5 });
  const hall = new GainNode(context, { gain: 1.4 });
  const wet = new GainNode(context, { gain: 0.5 });
  dry.connect(new GainNode(context, { gain: 0.6 })).connect(context.destination); // headroom against clipping
  hall.connect(dry);
  hall.connect(makeReverb(context, 2.2)).connect(wet).connect(dry);
  const loud = makeDistortion(context);
  loud.connect(new BiquadFilterNode(context, { type: "lowpass", frequency: 5000 })).connect(dry);
  return { dry, hall, loud, noise: makeNoise(context, 0.5) };
}

/**
 * @param {Mixer} mixer
 * @param {number} at
 * @param {number[]} chord
 */
function arrangeStrings({ hall }, at, [low, ...chord]) {
  playStrings(hall, at, low, BAR + 0.4, 0.4);
  for (const pitch of [...chord, chord[1] + 12]) playStrings(hall, at, pitch, BAR + 0.4, 0.28);
}

/**
 * @param {Mixer} mixer
 * @param {number} at
 * @param {number[]} chord
 */
function arrangeDance({ dry, hall, noise }, at, [low, ...chord]) {
  const beat = (/** @type {number} */ number) => at + number * BEAT;
  for (const number of [0, 1, 2, 3]) {
    playKick(dry, beat(number));
    for (const quarter of [0, 0.25, 0.75]) playHiHat(dry, beat(number + quarter), noise, quarter ? 0.14 : 0.22);
    playCymbal(dry, beat(number + 0.5), noise, 0.6, 0.2);
    playBass(dry, beat(number), low, 0.4 * BEAT);
    playBass(dry, beat(number + 0.5), low + 12, 0.4 * BEAT);
  }
  for (const number of [1, 3]) playSnare(dry, beat(number), noise);
  for (const number of [0.5, 2.5]) playElectricPiano(dry, beat(number), chord, 0.25);
  for (const pitch of chord.slice(1)) playStrings(hall, at, pitch + 12, BAR, 0.3);
}

/**
 * @param {Mixer} mixer
 * @param {number} at
 * @param {number[]} chord
 */
function arrangeGuitars({ dry, loud, noise }, at, [low]) {
  const beat = (/** @type {number} */ number) => at + number * BEAT;
  for (let quarter = 0; quarter < 4; quarter += 0.25) playKick(dry, beat(quarter));
  for (let half = 0; half < 4; half += 0.5) playGuitar(loud, beat(half), [low - 12, low - 5, low], 0.48 * BEAT);
  for (const number of [0, 1, 2, 3]) playCymbal(dry, beat(number), noise, 0.4, 0.4);
  for (const number of [1, 3]) playSnare(dry, beat(number), noise);
}
