/** The waveform of a track: how loud it is from moment to moment. */

const COLUMNS = 1200;
const RATE = 16000; // Hz, to which the browser decodes: enough to see, and little to hold
const MOST_SECONDS = 20 * 60;
const MOST_BYTES = 80e6;

/**
 * The peaks of a file, as the browser decodes it.
 *
 * @returns {Promise<Float32Array|null>} 0 to 1; null where it cannot, or where that would take too much memory.
 */
export async function peaksOf(file, duration) {
  if (duration > MOST_SECONDS || file.size > MOST_BYTES) return null;
  try {
    const context = new OfflineAudioContext(1, 1, RATE);
    return columnPeaks(await context.decodeAudioData(await file.arrayBuffer()));
  } catch {
    return null;
  }
}

function columnPeaks(audio) {
  const channels = Array.from({ length: audio.numberOfChannels }, (_, number) => audio.getChannelData(number));
  const peaks = new Float32Array(Math.min(COLUMNS, audio.length));
  for (let column = 0; column < peaks.length; column++) {
    const end = Math.floor(((column + 1) * audio.length) / peaks.length);
    for (let place = Math.floor((column * audio.length) / peaks.length); place < end; place++)
      for (const samples of channels) peaks[column] = Math.max(peaks[column], Math.abs(samples[place]));
  }
  return scaled(peaks);
}

/** Something like peaks, of the levels of a spectrogram: the loudest band of each column, 40 dB deep. */
export function peaksOfLevels({ rows, columns, levels }) {
  const peaks = new Float32Array(columns);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      peaks[column] = Math.max(peaks[column], levels[row * columns + column]);
  return scaled(peaks.map((level) => 10 ** ((level / 255 - 1) * 2)));
}

function scaled(peaks) {
  const most = peaks.reduce((one, other) => Math.max(one, other), 0);
  return most > 0 ? peaks.map((peak) => peak / most) : peaks;
}

/** Draw peaks as bars around the middle; what has been played, in full ink. */
export function drawWaveform(context, box, peaks, share, theme) {
  const step = 3; // px from one bar to the next
  const bars = Math.max(1, Math.floor(box.width / step));
  const middle = box.y + box.height / 2;
  for (let bar = 0; bar < bars; bar++) {
    const [from, to] = [bar, bar + 1].map((edge) => Math.floor((edge * peaks.length) / bars));
    let peak = peaks[Math.min(from, peaks.length - 1)] ?? 0;
    for (let place = from; place < to; place++) peak = Math.max(peak, peaks[place]);
    const half = Math.max(0.75, (peak * box.height) / 2);
    context.fillStyle = bar / bars < share ? theme.ink : theme.faint;
    context.fillRect(box.x + (bar * box.width) / bars, middle - half, 2, 2 * half);
  }
}
