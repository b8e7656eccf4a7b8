"""From a path, bytes or a file object to a stream of float32 mono samples at the model's rate.

Nothing is held but the block at hand: an hour of music needs no more memory than a minute.
"""

import contextlib
import hashlib
from collections.abc import Iterator
from functools import reduce
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
import soxr
from numpy.typing import NDArray

from genrelens.audio.containers import Source, open_container, open_source
from genrelens.errors import NoAudioStreamError, UndecodableAudioError, display_name

Samples = NDArray[np.float32]

_PREROLL = 0.1  # s decoded ahead of a seek: mp3, AAC and Opus need the frames before to sound right
_SHORTFALL = 1.0  # s between the declared and the decoded end that make a file suspect
_BARE = ("mp3", "aac")  # streams of frames; an mp3 with an encoder's header shows it by its start time
_BLOCK = 1 << 14  # samples gathered before they are resampled
_DAMAGED = "damaged: part of the audio could not be decoded and was left out"
_NOT_FINITE = "NaN, infinite or absurdly large samples were taken as silence"
_LARGEST = 1e6  # times full scale; float formats can hold anything

# How samples are stored, by FFmpeg's names: their type, zero, and full scale.
_STORED: dict[str, tuple[Any, int, float]] = {
    "u8": (np.uint8, 128, 2.0**7),
    "s16": (np.int16, 0, 2.0**15),
    "s32": (np.int32, 0, 2.0**31),
    "s64": (np.int64, 0, 2.0**63),
    "flt": (np.float32, 0, 1.0),
    "dbl": (np.float64, 0, 1.0),
}


class AudioReader:
    """An opened source of audio, read as float32 mono at `rate` Hz. Use it in a `with`.

    After reading, `warnings` tells in words what was wrong with the file but could be borne, and
    `duration` is the length in seconds: as declared by the container, or as decoded once all was read.

    Raises:
        AudioNotFoundError, AudioUnreadableError: the file cannot be opened.
        UndecodableAudioError: it is empty, or in no format that we know.
        NoAudioStreamError: it has no audio stream (a video's audio stream is used).
    """

    def __init__(self, source: Source, rate: int) -> None:
        self.name = display_name(source)
        self.rate = rate
        self.warnings: list[str] = []
        with contextlib.ExitStack() as stack:
            self._file = open_source(source, stack)
            self._moved = False
            self._open_container()
            self._closing = stack.pop_all()
        self.duration: float | None = self._declared()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()
        self._closing.close()

    def blocks(self, start: float = 0.0) -> Iterator[Samples]:
        """Decode from `start` seconds to the end: blocks of mono samples at `self.rate`."""
        resampler: soxr.ResampleStream | None = None
        resampled_from = 0
        total = 0.0
        for rate, block in self._gathered(start):
            if resampler is None or rate != resampled_from:
                if resampler is not None:  # chained streams may change their rate midway
                    yield resampler.resample_chunk(np.empty(0, np.float32), last=True)
                resampler, resampled_from = soxr.ResampleStream(rate, self.rate, 1, dtype="float32"), rate
            total += len(block) / rate
            yield resampler.resample_chunk(block)
        if resampler is not None:
            yield resampler.resample_chunk(np.empty(0, np.float32), last=True)
        if start == 0:
            self._ended_at(total)

    def samples(self) -> Samples:
        """All of it, shape (samples,).

        Raises:
            UndecodableAudioError: nothing could be decoded.
        """
        samples = np.concatenate([np.empty(0, np.float32), *self.blocks()])
        if len(samples) == 0:
            raise UndecodableAudioError.empty(self.name)
        return samples

    def digest(self) -> str:
        """SHA-256 (hex) of the encoded audio packets: the same for copies that differ in their tags alone."""
        stream = self._stream
        digest = hashlib.sha256(f"{stream.codec.name} {stream.rate} {stream.channels}".encode())
        for packet in self._packets(0.0):
            digest.update(memoryview(packet))
        return digest.hexdigest()

    def add_warning(self, sentence: str) -> None:
        """Keep a warning, once."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)

    def _gathered(self, start: float) -> Iterator[tuple[int, Samples]]:
        """Mono blocks at the rate they were stored with, from `start` seconds on."""
        parts: list[Samples] = []
        held = rate = 0
        skip: int | None = None
        for frame in self._frames(start):
            if frame.sample_rate != rate and parts:
                yield rate, self._finite(np.concatenate(parts))
                parts, held = [], 0
            rate = frame.sample_rate
            if skip is None:
                skip = max(0, round((start - self._time(frame)) * rate))
            samples = to_mono(frame)
            if skip:
                samples, skip = samples[skip:], max(0, skip - len(samples))
            parts.append(samples)
            held += len(samples)
            if held >= _BLOCK:
                yield rate, self._finite(np.concatenate(parts))
                parts, held = [], 0
        if held:
            yield rate, self._finite(np.concatenate(parts))

    def _frames(self, start: float) -> Iterator[av.AudioFrame]:
        """Decoded frames from `start` seconds (or a little before) on; damaged packets are left out."""
        for packet in self._packets(max(0.0, start - _PREROLL)):
            try:
                yield from packet.decode()
            except av.FFmpegError:
                self.add_warning(_DAMAGED)

    def _packets(self, start: float) -> "Iterator[av.Packet[av.AudioStream]]":
        """Encoded packets from `start` seconds (or a little before) on; none where the file cannot seek there."""
        if start > 0:
            try:
                self._container.seek(round(start * av.time_base))
            except (av.FFmpegError, OSError):
                return
        elif self._moved:  # not by seeking, which finds but the last part of a chained stream
            self._container.close()
            self._open_container()
        self._moved = True
        try:
            yield from self._container.demux(self._stream)
        except (av.FFmpegError, OSError):  # the container itself breaks off, or the disk does
            self.add_warning(_DAMAGED)

    def _open_container(self) -> None:
        self._container = open_container(self._file, self.name)
        stream = self._container.streams.best("audio")
        if not isinstance(stream, av.AudioStream):
            self._container.close()
            raise NoAudioStreamError(f"{self.name} has no audio stream; give a file with sound in it")
        self._stream = stream
        self._moved = False

    def _time(self, frame: av.AudioFrame) -> float:
        """Seconds from the beginning of the stream to that of `frame`."""
        if frame.pts is None or frame.time_base is None:
            return 0.0
        offset = (self._stream.start_time or 0) * (self._stream.time_base or 0)
        return float(frame.pts * frame.time_base - offset)

    def _finite(self, samples: Samples) -> Samples:
        usable = usable_mask(samples)
        if usable.all():
            return samples
        self.add_warning(_NOT_FINITE)
        return np.where(usable, samples, np.float32(0))

    def _declared(self) -> float | None:
        if self._container.format.name in _BARE and not self._stream.start_time:
            return self._counted()
        if self._stream.duration is not None and self._stream.time_base is not None:
            return float(self._stream.duration * self._stream.time_base)
        if self._container.duration is not None:
            return float(self._container.duration / av.time_base)
        return None

    def _counted(self) -> float:
        """The length that all packets add up to, without decoding them: bare mp3 and AAC declare but a guess."""
        ticks = sum(packet.duration or 0 for packet in self._packets(0.0))
        return float(ticks * (self._stream.time_base or 0))

    def _ended_at(self, seconds: float) -> None:
        declared = self.duration
        if declared is not None and declared - seconds > _SHORTFALL:
            self.add_warning(f"cut off or damaged: {declared:.1f} s are declared, but only {seconds:.1f} s could be decoded")
        self.duration = seconds


class ArrayReader:
    """Samples already in memory, read like a `AudioReader`.

    Args:
        samples: any real numbers, shape (samples,) or (samples, channels).
        rate: to read them at, in Hz.
        stored_rate: that they have, in Hz.
        name: to call them by.
    """

    def __init__(self, samples: NDArray[Any], rate: int, stored_rate: int, name: str = "<samples>") -> None:
        self.name, self.rate = name, rate
        self.warnings: list[str] = []
        flat = samples.mean(axis=1) if samples.ndim == 2 else samples
        usable = usable_mask(flat)
        if not usable.all():
            self.warnings.append(_NOT_FINITE)
        flat = np.where(usable, flat, 0).astype(np.float32)
        self._samples = flat if stored_rate == rate else soxr.resample(flat, stored_rate, rate)
        self.duration: float | None = len(self._samples) / rate

    def blocks(self, start: float = 0.0) -> Iterator[Samples]:
        """All samples from `start` seconds on, in one block."""
        yield self._samples[round(start * self.rate) :]


def load(source: Source, rate: int) -> Samples:
    """Decode all of `source` to float32 mono samples at `rate` Hz, shape (samples,).

    Raises:
        AudioError: see `AudioReader`; also when nothing could be decoded.
    """
    with AudioReader(source, rate) as track:
        return track.samples()


def usable_mask(samples: NDArray[Any]) -> NDArray[np.bool_]:
    """Which of these are numbers that sound can have."""
    return np.asarray(np.abs(samples) < _LARGEST)


def to_mono(frame: av.AudioFrame) -> Samples:
    """The mean of a frame's channels, scaled to -1..1, shape (samples,)."""
    stored, zero, full_scale = _STORED[frame.format.name.removesuffix("p")]
    count = frame.layout.nb_channels
    if frame.format.is_planar:
        channels = [np.frombuffer(memoryview(plane), stored, frame.samples) for plane in frame.planes]
    else:
        channels = list(np.frombuffer(memoryview(frame.planes[0]), stored, frame.samples * count).reshape(-1, count).T)
    if stored is not np.float32:
        channels = [channel.astype(np.float32) - np.float32(zero) for channel in channels]
    return np.asarray(reduce(np.add, channels) * np.float32(1 / (count * full_scale)))
