"""Synthesised audio files."""

from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

RATE = 44_100


def tone(hz: float = 440.0, seconds: float = 3.0, rate: int = RATE, channels: int = 2) -> NDArray[np.float32]:
    """Return a sine at half scale, shape (channels, samples)."""
    wave = 0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)
    return np.tile(wave.astype(np.float32), (channels, 1))


def encode(
    file: Path,
    samples: NDArray[np.floating[Any]],
    *,
    codec: str,
    rate: int = RATE,
    container: str | None = None,
    tags: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
    codec_options: dict[str, str] | None = None,
) -> Path:
    """Encode samples, shape (channels, samples), to a file."""
    layouts = {1: "mono", 2: "stereo", 6: "5.1"}
    with av.open(str(file), "w", format=container, container_options=options or {}) as output:
        output.metadata.update(tags or {})
        stream = output.add_stream(
            codec, rate=rate, layout=layouts[len(samples)], options={"strict": "experimental", **(codec_options or {})}
        )
        assert isinstance(stream, av.AudioStream)
        if codec == "wmav2":
            stream.bit_rate = 128_000
        _write(output, stream, samples, rate)
    return file


def _write(
    output: av.container.OutputContainer, stream: av.AudioStream, samples: NDArray[np.floating[Any]], rate: int
) -> None:
    frame = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(samples, np.float32), format="fltp", layout=stream.layout.name
    )
    frame.sample_rate = rate
    resampler = av.AudioResampler(stream.format, stream.layout, rate, stream.codec_context.frame_size or None)
    for piece in [*resampler.resample(frame), *resampler.resample(None)]:
        output.mux(stream.encode(piece))
    output.mux(stream.encode(None))


def encode_video(file: Path, samples: NDArray[np.float32] | None, frames: int = 50) -> Path:
    """Write a video of noise, with or without sound."""
    with av.open(str(file), "w") as output:
        video = output.add_stream("mpeg4", rate=25)
        video.width = video.height = 64
        sound = output.add_stream("aac", rate=RATE, layout="stereo") if samples is not None else None
        rng = np.random.default_rng(0)
        for _ in range(frames):
            picture = av.VideoFrame.from_ndarray(rng.integers(0, 255, (64, 64, 3), np.uint8), format="rgb24")
            output.mux(video.encode(picture))
        output.mux(video.encode(None))
        if sound is not None and samples is not None:
            _write(output, sound, samples, RATE)
    return file


def encode_with_event(file: Path, start: float, end: float, seconds: float, **encoding: Any) -> Path:
    """Write a faint low tone with a high one from `start` to `end` (s)."""
    samples: NDArray[np.float32] = 0.01 * tone(150, seconds)
    part = slice(round(start * RATE), round(end * RATE))
    samples[:, part] += tone(6_000, seconds)[:, part]
    return encode(file, samples, codec="pcm_s16le", **encoding)
