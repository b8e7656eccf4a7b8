/** A piece to try the page with, played by the browser: the same five chords by strings, a dance band, guitars, strings. */

import { amplifier, bass, cymbal, guitar, hat, keys, kick, noise, room, snare, strings } from "./instruments.js";
import { wavOf } from "./wav.js";

const RATE = 32000; // Hz
const BEAT = 0.5; // s
const BAR = 4 * BEAT;
const CHORDS = [[45, 57, 60, 64], [41, 57, 60, 65], [48, 55, 60, 64], [43, 55, 59, 62], [45, 57, 60, 64]]; // bass first
const BANDS = [playStrings, playDance, playGuitars]; // each plays all chords, a bar for each
const ORDER = [0, 1, 2, 0];
const PART = CHORDS.length * BAR; // s
const ECHO = 2; // s in which the last notes die away

/** @returns {Promise<File>} */
export async function playSample() {
  const parts = await Promise.all(BANDS.map(playPart));
  const mixed = new Float32Array((ORDER.length * PART + ECHO) * RATE);
  ORDER.forEach((band, turn) => {
    const begin = turn * PART * RATE;
    parts[band].forEach((sample, place) => (mixed[begin + place] += sample));
  });
  return new File([wavOf(mixed, RATE)], "sample.wav", { type: "audio/wav" });
}

/** By itself, as each note costs time for as long as its context lasts. */
async function playPart(play) {
  const context = new OfflineAudioContext(1, (PART + ECHO) * RATE, RATE);
  const desk = makeDesk(context);
  CHORDS.forEach((chord, bar) => play(desk, bar * BAR, chord));
  return (await context.startRendering()).getChannelData(0);
}

/** Where all play into: `dry`, or `hall`, which rings, or `loud`, which distorts. Drums share `hiss`. */
function makeDesk(context) {
  const dry = new DynamicsCompressorNode(context, { threshold: -14, ratio: 5 });
  const hall = new GainNode(context, { gain: 1.4 });
  const wet = new GainNode(context, { gain: 0.5 });
  dry.connect(new GainNode(context, { gain: 0.6 })).connect(context.destination); // so that nothing clips
  hall.connect(dry);
  hall.connect(room(context, 2.2)).connect(wet).connect(dry);
  const loud = amplifier(context);
  loud.connect(new BiquadFilterNode(context, { type: "lowpass", frequency: 5000 })).connect(dry);
  return { dry, hall, loud, hiss: noise(context, 0.5) };
}

function playStrings({ hall }, at, [low, ...chord]) {
  strings(hall, at, low, BAR + 0.4, 0.4);
  for (const pitch of [...chord, chord[1] + 12]) strings(hall, at, pitch, BAR + 0.4, 0.28);
}

function playDance({ dry, hall, hiss }, at, [low, ...chord]) {
  const beat = (number) => at + number * BEAT;
  for (const number of [0, 1, 2, 3]) {
    kick(dry, beat(number));
    for (const quarter of [0, 0.25, 0.75]) hat(dry, beat(number + quarter), hiss, quarter ? 0.14 : 0.22);
    cymbal(dry, beat(number + 0.5), hiss, 0.6, 0.2);
    bass(dry, beat(number), low, 0.4 * BEAT);
    bass(dry, beat(number + 0.5), low + 12, 0.4 * BEAT);
  }
  for (const number of [1, 3]) snare(dry, beat(number), hiss);
  for (const number of [0.5, 2.5]) keys(dry, beat(number), chord, 0.25);
  for (const pitch of chord.slice(1)) strings(hall, at, pitch + 12, BAR, 0.3);
}

function playGuitars({ dry, loud, hiss }, at, [low]) {
  const beat = (number) => at + number * BEAT;
  for (let quarter = 0; quarter < 4; quarter += 0.25) kick(dry, beat(quarter));
  for (let half = 0; half < 4; half += 0.5) guitar(loud, beat(half), [low - 12, low - 5, low], 0.48 * BEAT);
  for (const number of [0, 1, 2, 3]) cymbal(dry, beat(number), hiss, 0.4, 0.4);
  for (const number of [1, 3]) snare(dry, beat(number), hiss);
}
