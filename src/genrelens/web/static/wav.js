/** Samples as a wav file. */

/**
 * @param {Float32Array} samples - one channel, -1 to 1.
 * @param {number} rate - in Hz.
 * @returns {Blob} 16-bit PCM.
 */
export function wavOf(samples, rate) {
  const bytes = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at, letters) => [...letters].forEach((letter, place) => bytes.setUint8(at + place, letter.charCodeAt(0)));
  text(0, "RIFF");
  bytes.setUint32(4, 36 + 2 * samples.length, true);
  text(8, "WAVEfmt ");
  bytes.setUint32(16, 16, true);
  bytes.setUint16(20, 1, true);
  bytes.setUint16(22, 1, true);
  bytes.setUint32(24, rate, true);
  bytes.setUint32(28, 2 * rate, true);
  bytes.setUint16(32, 2, true);
  bytes.setUint16(34, 16, true);
  text(36, "data");
  bytes.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, place) =>
    bytes.setInt16(44 + 2 * place, 32767 * Math.max(-1, Math.min(1, sample)), true),
  );
  return new Blob([bytes], { type: "audio/wav" });
}
