/** A piece to try the page with, played by the browser: half a minute, a groove first, then slow strings. */

import { bass, hat, keys, kick, noise, room, snare, strings } from "./instruments.js";
import { wavOf } from "./wav.js";

const RATE = 32000; // Hz
const BEAT = 60 / 116; // s
const BARS = 7; // of the groove
const GROOVE = BARS * 4 * BEAT; // s
const CHORD = 3.8; // s
const BASS_LINE = [[0, 33], [0.75, 33], [1.5, 45], [2, 33], [2.75, 36], [3.25, 40]]; // beats, pitches
const STABS = [[57, 60, 64, 67], [53, 57, 60, 64]];
const CHORDS = [[45, 57, 60, 64, 69], [41, 53, 57, 65, 72], [48, 55, 60, 64, 76], [43, 55, 59, 62, 74]];
const LENGTH = GROOVE + CHORDS.length * CHORD + 0.6; // s

/** @returns {Promise<File>} */
export async function playSample() {
  const context = new OfflineAudioContext(1, Math.ceil(LENGTH * RATE), RATE);
  const desk = new DynamicsCompressorNode(context, { threshold: -14, ratio: 5 });
  desk.connect(context.destination);
  playGroove(context, desk);
  playStrings(context, desk);
  const played = await context.startRendering();
  return new File([wavOf(played.getChannelData(0), RATE)], "sample.wav", { type: "audio/wav" });
}

function playGroove(context, desk) {
  const hiss = noise(context, 0.5);
  for (let bar = 0; bar < BARS; bar++) {
    const beat = (number) => (4 * bar + number) * BEAT;
    for (const number of [0, 1, 2, 3]) kick(desk, beat(number));
    for (const number of [1, 3]) snare(desk, beat(number), hiss);
    for (let eighth = 0; eighth < 8; eighth++) hat(desk, beat(eighth / 2), hiss, eighth % 2 ? 0.34 : 0.16);
    for (const [number, pitch] of BASS_LINE) bass(desk, beat(number), pitch, 0.55 * BEAT);
    for (const number of [0.5, 2.5]) keys(desk, beat(number), STABS[bar % 2], 0.5);
  }
}

function playStrings(context, desk) {
  const hall = room(context, 2.2);
  const wet = new GainNode(context, { gain: 0.5 });
  hall.connect(wet).connect(desk);
  const section = new GainNode(context, { gain: 1.5 });
  section.connect(desk);
  section.connect(hall);
  CHORDS.forEach((pitches, place) => {
    const at = GROOVE + place * CHORD;
    pitches.forEach((pitch, voice) => strings(section, at, pitch, CHORD + 0.5, voice ? 0.28 : 0.4));
  });
}
