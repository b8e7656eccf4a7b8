"""Decoder: a path, bytes or a file object as a stream of float32 mono samples at the rate of the model.

Only the current block is held in memory: an hour of music needs no more than a minute.
"""

import contextlib
import hashlib
from collections.abc import Iterator
from functools import reduce
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any, Self

import av
import numpy as np
import soxr
from numpy.typing import NDArray

from genrelens.audio.containers import Source, open_container, open_source
from genrelens.errors import NoAudioStreamError, UndecodableAudioError, display_name

Samples = NDArray[np.float32]

_PREROLL = 0.1  # s decoded before the target of a seek: mp3, AAC and Opus need the preceding frames
_SHORTFALL = 1.0  # s by which the decoded duration may fall short of the declared one without a warning
_BARE_FORMATS = ("mp3", "aac")  # frames without a container; an mp3 with an encoder header has a start time
_BLOCK = 1 << 14  # samples per resampled block
_DAMAGED = "damaged: part of the audio could not be decoded and was skipped"
_NOT_FINITE = "NaN, infinite or absurdly large samples were replaced by silence"
_MAX_AMPLITUDE = 1e6  # times full scale; float formats can store anything

# Sample formats by their FFmpeg names: dtype, zero level, and full scale.
_SAMPLE_FORMATS: dict[str, tuple[Any, int, float]] = {
    "u8": (np.uint8, 128, 2.0**7),
    "s16": (np.int16, 0, 2.0**15),
    "s32": (np.int32, 0, 2.0**31),
    "s64": (np.int64, 0, 2.0**63),
    "flt": (np.float32, 0, 1.0),
    "dbl": (np.float64, 0, 1.0),
}


class AudioReader:
    """An open path, bytes or file object, read as float32 mono samples at `rate` Hz; a context manager.

    Attributes:
        name, rate: name of the source in messages, and sampling rate in Hz.
        warnings: non-fatal problems with the file that did not prevent decoding, as far as it was read.
        duration: duration in seconds, if known: declared by the container, or decoded once everything was read.

    Raises:
        AudioNotFoundError: the file does not exist.
        AudioUnreadableError: the file cannot be opened.
        UndecodableAudioError: the file is empty or in an unsupported format.
        NoAudioStreamError: the file has no audio stream (the audio stream of a video is used).
    """

    def __init__(self, source: Source, rate: int) -> None:
        self.name = display_name(source)
        self.rate = rate
        self.warnings: list[str] = []
        self._at_start = True
        with contextlib.ExitStack() as stack:
            self._file = open_source(source, stack)
            self._open_container()
            self._exit_stack = stack.pop_all()
        self.duration: float | None = self._declared_duration()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()
        self._exit_stack.close()

    def blocks(self, start: float = 0.0) -> Iterator[Samples]:
        """Yield blocks of mono samples at `self.rate`, decoded from `start` seconds to the end."""
        total = 0.0
        for rate, blocks in groupby(self._stored_blocks(start), itemgetter(0)):  # chained streams may change their rate
            resampler = soxr.ResampleStream(rate, self.rate, 1, dtype="float32")
            for _, block in blocks:
                total += len(block) / rate
                yield resampler.resample_chunk(block)
            yield resampler.resample_chunk(np.empty(0, np.float32), last=True)
        if start == 0:
            if self.duration is not None and self.duration - total > _SHORTFALL:
                shortfall = f"{self.duration:.1f} s declared, but only {total:.1f} s could be decoded"
                self.add_warning(f"cut off or damaged: {shortfall}")
            self.duration = total

    def samples(self) -> Samples:
        """Decode everything, shape (samples,).

        Raises:
            UndecodableAudioError: nothing could be decoded.
        """
        samples = np.concatenate([np.empty(0, np.float32), *self.blocks()])
        if len(samples) == 0:
            raise UndecodableAudioError.empty(self.name)
        return samples

    def digest(self) -> str:
        """Return the SHA-256 (hex) of the encoded audio packets: the same for copies that differ only in their tags."""
        digest = hashlib.sha256(f"{self._stream.codec.name} {self._stream.rate} {self._stream.channels}".encode())
        for packet in self._packets(0.0):
            digest.update(memoryview(packet))
        return digest.hexdigest()

    def add_warning(self, sentence: str) -> None:
        """Add a warning, unless it was added before."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)

    def _stored_blocks(self, start: float) -> Iterator[tuple[int, Samples]]:
        """Yield the stored sampling rate and mono blocks at that rate, from `start` seconds on."""
        skip: int | None = None
        for rate, frames in groupby(self._frames(start), attrgetter("sample_rate")):
            parts: list[Samples] = []
            for frame in frames:
                if skip is None:
                    skip = max(0, round((start - self._time(frame)) * rate))
                samples = to_mono(frame)
                parts.append(samples[skip:])
                skip = max(0, skip - len(samples))
                if sum(map(len, parts)) >= _BLOCK:
                    yield rate, self._replace_unusable(np.concatenate(parts))
                    parts = []
            if parts:
                yield rate, self._replace_unusable(np.concatenate(parts))

    def _frames(self, start: float) -> Iterator[av.AudioFrame]:
        """Decode frames from `start` seconds (or slightly before) on; damaged packets are skipped."""
        for packet in self._packets(max(0.0, start - _PREROLL)):
            try:
                yield from packet.decode()
            except av.FFmpegError:
                self.add_warning(_DAMAGED)

    def _packets(self, start: float) -> "Iterator[av.Packet[av.AudioStream]]":
        """Read encoded packets from `start` seconds (or slightly before) on; none if the file cannot seek there."""
        if start > 0:
            try:
                self._container.seek(round(start * av.time_base))
            except (av.FFmpegError, OSError):
                return
        elif not self._at_start:  # reopen: seeking finds only the last part of a chained stream
            self._container.close()
            self._open_container()
        self._at_start = False
        try:
            yield from self._container.demux(self._stream)
        except (av.FFmpegError, OSError):  # the container is cut off, or the disk failed
            self.add_warning(_DAMAGED)

    def _open_container(self) -> None:
        self._container = open_container(self._file, self.name)
        stream = self._container.streams.best("audio")
        if not isinstance(stream, av.AudioStream):
            self._container.close()
            raise NoAudioStreamError(f"{self.name} has no audio stream; use a file with sound")
        self._stream = stream
        self._at_start = True

    def _time(self, frame: av.AudioFrame) -> float:
        """Return the start of a frame in seconds from the beginning of the stream."""
        if frame.pts is None or frame.time_base is None:
            return 0.0
        offset = (self._stream.start_time or 0) * (self._stream.time_base or 0)
        return float(frame.pts * frame.time_base - offset)

    def _replace_unusable(self, samples: Samples) -> Samples:
        usable = usable_mask(samples)
        if usable.all():
            return samples
        self.add_warning(_NOT_FINITE)
        return np.where(usable, samples, np.float32(0))

    def _declared_duration(self) -> float | None:
        if self._container.format.name in _BARE_FORMATS and not self._stream.start_time:
            ticks = sum(packet.duration or 0 for packet in self._packets(0.0))  # these files declare only an estimate
            return float(ticks * (self._stream.time_base or 0))
        if self._stream.duration is not None and self._stream.time_base is not None:
            return float(self._stream.duration * self._stream.time_base)
        if self._container.duration is not None:
            return float(self._container.duration / av.time_base)
        return None


class ArrayReader:
    """Samples in memory, called `name` in messages, with the interface of an `AudioReader`.

    The samples are real numbers of any dtype, shape (samples,) or (samples, channels), at `stored_rate` Hz.
    """

    def __init__(self, samples: NDArray[Any], rate: int, stored_rate: int, name: str = "<samples>") -> None:
        self.name, self.rate = name, rate
        self.warnings: list[str] = []
        mono = samples.mean(axis=1) if samples.ndim == 2 else samples
        usable = usable_mask(mono)
        if not usable.all():
            self.warnings.append(_NOT_FINITE)
        mono = np.where(usable, mono, 0).astype(np.float32)
        self._samples = mono if stored_rate == rate else soxr.resample(mono, stored_rate, rate)
        self.duration: float | None = len(self._samples) / rate

    def blocks(self, start: float = 0.0) -> Iterator[Samples]:
        """Yield all samples from `start` seconds on, in one block."""
        yield self._samples[round(start * self.rate) :]


def load(source: Source, rate: int) -> Samples:
    """Decode all of `source` to float32 mono samples at `rate` Hz, shape (samples,).

    Raises:
        AudioError: see `AudioReader`; or no audio could be decoded.
    """
    with AudioReader(source, rate) as reader:
        return reader.samples()


def usable_mask(samples: NDArray[Any]) -> NDArray[np.bool_]:
    """Return a mask of the samples that are finite and not absurdly large."""
    return np.asarray(np.abs(samples) < _MAX_AMPLITUDE)


def to_mono(frame: av.AudioFrame) -> Samples:
    """Return the mean over the channels of a frame, scaled to -1..1, shape (samples,)."""
    dtype, zero, full_scale = _SAMPLE_FORMATS[frame.format.name.removesuffix("p")]
    count = frame.layout.nb_channels
    if frame.format.is_planar:
        channels = [np.frombuffer(memoryview(plane), dtype, frame.samples) for plane in frame.planes]
    else:
        channels = list(np.frombuffer(memoryview(frame.planes[0]), dtype, frame.samples * count).reshape(-1, count).T)
    if dtype is not np.float32:
        channels = [channel.astype(np.float32) - np.float32(zero) for channel in channels]
    return np.asarray(reduce(np.add, channels) * np.float32(1 / (count * full_scale)))
