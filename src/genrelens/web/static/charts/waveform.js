/** Waveform of a track. */

/**
 * @typedef {import("./canvas.js").Box} Box
 * @typedef {import("./canvas.js").Context} Context
 * @typedef {import("./spectrogram.js").Levels} Levels
 * @typedef {import("../lib/theme.js").Theme} Theme
 */

const COLUMNS = 1200;
const RATE = 16000; // Hz; the decoded audio is only drawn, so a low rate saves memory
const MAX_SECONDS = 20 * 60;
const MAX_BYTES = 80e6;
const BAR_STEP = 3; // px from one bar to the next
const BAR_WIDTH = 2; // px

/**
 * Decode a file in the browser and return its peaks.
 *
 * @param {File} file
 * @param {number} duration - in seconds.
 * @returns {Promise<Float32Array|null>} 0 to 1; null if the browser cannot decode the file or it is too long.
 */
export async function decodePeaks(file, duration) {
  if (duration > MAX_SECONDS || file.size > MAX_BYTES) return null;
  try {
    const context = new OfflineAudioContext(1, 1, RATE);
    return audioPeaks(await context.decodeAudioData(await file.arrayBuffer()));
  } catch {
    return null;
  }
}

/** @param {AudioBuffer} audio */
function audioPeaks(audio) {
  const channels = Array.from({ length: audio.numberOfChannels }, (_, number) => audio.getChannelData(number));
  const peaks = new Float32Array(Math.min(COLUMNS, audio.length));
  for (let column = 0; column < peaks.length; column++) {
    const end = Math.floor(((column + 1) * audio.length) / peaks.length);
    for (let index = Math.floor((column * audio.length) / peaks.length); index < end; index++)
      for (const samples of channels) peaks[column] = Math.max(peaks[column], Math.abs(samples[index]));
  }
  return normalise(peaks);
}

/**
 * Approximate peaks by the loudest band of each spectrogram column, over a range of 40 dB.
 *
 * @param {Levels} spectrogram
 */
export function spectrogramPeaks({ rows, columns, levels }) {
  const peaks = new Float32Array(columns);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      peaks[column] = Math.max(peaks[column], levels[row * columns + column]);
  return normalise(peaks.map((level) => 10 ** ((level / 255 - 1) * 2)));
}

/** @param {Float32Array} peaks */
function normalise(peaks) {
  const maximum = peaks.reduce((a, b) => Math.max(a, b), 0);
  return maximum > 0 ? peaks.map((peak) => peak / maximum) : peaks;
}

/**
 * Draw peaks as bars around the middle, with the played part in full ink.
 *
 * @param {Context} context
 * @param {Box} box
 * @param {Float32Array} peaks - 0 to 1.
 * @param {number} played - fraction of the track, 0 to 1.
 * @param {Theme} theme
 */
export function drawWaveform(context, box, peaks, played, theme) {
  const bars = Math.max(1, Math.floor(box.width / BAR_STEP));
  const middle = box.y + box.height / 2;
  for (let bar = 0; bar < bars; bar++) {
    const [from, to] = [bar, bar + 1].map((edge) => Math.floor((edge * peaks.length) / bars));
    let peak = peaks[Math.min(from, peaks.length - 1)] ?? 0;
    for (let index = from; index < to; index++) peak = Math.max(peak, peaks[index]);
    const half = Math.max(0.75, (peak * box.height) / 2);
    context.fillStyle = bar / bars < played ? theme.ink : theme.faint;
    context.fillRect(box.x + (bar * box.width) / bars, middle - half, BAR_WIDTH, 2 * half);
  }
}
