"""Synthetic music for benchmarks: chords, a beat and noise, as an mp3."""

from pathlib import Path

import av
import numpy as np

RATE = 44_100


def write_mp3(file: Path, seconds: int, seed: int = 0) -> Path:
    """Write a stereo mp3 at 192 kbit/s, ten seconds at a time."""
    rng = np.random.default_rng(seed)
    with av.open(str(file), "w") as output:
        stream = output.add_stream("libmp3lame", rate=RATE, layout="stereo")
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = 192_000
        fifo = av.AudioFifo()
        for _ in range(0, seconds, 10):
            frame = av.AudioFrame.from_ndarray(_phrase(rng), format="fltp", layout="stereo")
            frame.sample_rate = RATE
            fifo.write(frame)
            for piece in fifo.read_many(1152):
                output.mux(stream.encode(piece))
        output.mux(stream.encode(None))
    return file


def _phrase(rng: np.random.Generator) -> np.ndarray:
    """Synthesise ten seconds of a chord over a beat: float32, shape (2, samples)."""
    time = np.arange(10 * RATE, dtype=np.float32) / RATE
    chord = sum(np.sin(2 * np.pi * hz * time) for hz in 110 * 2 ** (rng.integers(0, 36, 4) / 12))
    beat = rng.standard_normal((2, len(time))) * np.exp(-8 * (time % 0.5))
    return np.asarray(0.1 * chord + 0.1 * beat, np.float32)
