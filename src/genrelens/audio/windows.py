"""Windows of a track: all of them, overlapping, or a few, evenly spaced and read by seeking."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from genrelens.errors import TooShortError, UndecodableAudioError

Samples = NDArray[np.float32]
WindowCount = int | Literal["all"]  # number of windows, evenly spaced over the track; or all, overlapping

MIN_SECONDS = 0.1  # s of audio below which there is too little to classify
SILENCE_PEAK = 10 ** (-90 / 20)  # peak below which a window is digital silence (about one step of 16 bits)

_MAX_SEEKS = 16  # windows up to which seeking and holding them is faster than reading the whole track
_TOLERANCE = 0.05  # s that may be missing at the end of a window, for durations rounded in a header


class SampleReader(Protocol):
    """A source of mono samples that can be read from any position.

    Attributes:
        name, rate: name of the source in messages, and sampling rate in Hz.
        duration: duration in seconds, if known.
        warnings: defects found so far.
    """

    name: str
    rate: int
    duration: float | None
    warnings: list[str]

    def blocks(self, start: float = 0.0) -> Iterator[Samples]:
        """Read from `start` seconds to the end."""
        ...


@dataclass(frozen=True)
class Window:
    """A window of a track: mono samples, shape (samples,), from `start` seconds after its beginning."""

    start: float
    samples: Samples


def iter_windows(reader: SampleReader, seconds: float, hop: float, windows: WindowCount) -> Iterator[Window]:
    """Yield the windows of a track.

    Args:
        reader: the track; gets a warning if it is shorter than one window.
        seconds: length of a window in seconds. A shorter track gives one window, repeated to fill it.
        hop: seconds from one window to the next, for "all"; the last window ends with the track.
        windows: "all", or a number of windows, each in the middle of an equal part of the track.

    Raises:
        UndecodableAudioError: no audio could be decoded.
        TooShortError: the track is shorter than `MIN_SECONDS`.
        ValueError: `windows` is less than 1.
    """
    if windows != "all" and windows < 1:
        raise ValueError(f"windows must be 'all' or at least 1, not {windows}")
    size = round(seconds * reader.rate)
    if windows == "all":
        cut = sliding_windows(reader.blocks(), size, max(1, round(hop * reader.rate)))
    else:
        cut = _spread_windows(reader, size, windows)
    total = 0
    for start, samples in cut:
        total += len(samples)
        if len(samples) < size - _TOLERANCE * reader.rate:
            length = len(samples) / reader.rate
            if length < MIN_SECONDS:
                raise TooShortError(
                    f"{reader.name} lasts {length:.2f} s; at least {MIN_SECONDS} s are needed to predict a genre"
                )
            reader.warnings.append(f"only {length:.1f} s of audio, repeated to fill a window of {seconds:.1f} s")
        yield Window(start / reader.rate, repeat_to_size(samples, size))
    if total == 0:
        raise UndecodableAudioError.empty(reader.name)


def sliding_windows(blocks: Iterable[Samples], size: int, hop: int) -> Iterator[tuple[int, Samples]]:
    """Cut a stream of blocks into (start, samples), `size` samples every `hop`, in bounded memory.

    All samples that a regular grid covers or leaves over at the end are in a window, and the last window ends with
    the stream. If samples are left over, another window is appended; but if it would be less than half a hop after
    the last regular one, and so nearly repeat it, that one is moved to the end instead, provided that no gap opens
    before it. A stream shorter than `size` gives a single shorter window; an empty stream gives none.
    """
    buffer: list[Samples] = []
    base = end = 0  # positions of the buffer in the stream
    start = 0  # of the next regular window
    last: tuple[int, Samples] | None = None  # regular window that may still be moved
    for block in blocks:
        buffer.append(block)
        end += len(block)
        if start + size > end:
            continue
        samples = np.concatenate(buffer)
        while start + size <= end:
            if last:
                yield last
            last = start, samples[start - base : start - base + size]
            start += hop
        base = max(base, min(start, end - size))  # the final window may reach back
        buffer = [samples[base - end :] if base < end else samples[:0]]
    if last is None:
        if end:
            yield 0, np.concatenate(buffer)
        return
    rest = end - last[0] - size
    is_moved = 0 < rest < hop / 2 and hop + rest <= size and last[0] > 0
    if not is_moved:
        yield last
    if rest:
        yield end - size, np.concatenate(buffer)[end - size - base :]


def windows_at(blocks: Iterable[Samples], starts: list[int], size: int) -> Iterator[tuple[int, Samples]]:
    """Cut the windows that begin at `starts` (ascending) from a stream, which is read no further than needed."""
    held = np.empty(0, np.float32)  # from position `base` to position `end` of the stream
    base = end = 0
    stream = iter(blocks)
    for start in starts:
        parts, base = [held[start - base :]], min(start, end)
        while end < start + size and (block := next(stream, None)) is not None:
            end += len(block)
            if end <= start:  # before the window
                base = end
            else:
                parts.append(block)
        held = np.concatenate(parts)
        if start < end:
            yield start, held[start - base : start - base + size]


def spread_starts(total: int, size: int, count: int) -> list[int]:
    """Return the distinct starts of `count` windows of `size`, each in the middle of an equal part of `total`."""
    last = max(0, total - size)
    centred = (round(total * (i + 0.5) / count - size / 2) for i in range(count))
    return sorted({min(max(0, start), last) for start in centred})


def repeat_to_size(samples: Samples, size: int) -> Samples:
    """Repeat `samples` to `size` samples: silence in the rest of a window would change its normalisation."""
    return samples if len(samples) == size else np.resize(samples, size)


def is_silent(samples: Samples) -> bool:
    """Return whether `samples` are digital silence (a peak below -90 dB of full scale)."""
    return bool(np.abs(samples).max(initial=0.0) < SILENCE_PEAK)


def _spread_windows(reader: SampleReader, size: int, count: int) -> Iterator[tuple[int, Samples]]:
    if reader.duration is not None and count <= _MAX_SEEKS:
        starts = spread_starts(round(reader.duration * reader.rate), size, count)
        windows = [(start, _read_window(reader, start, size)) for start in starts]
        if all(len(samples) >= size - _TOLERANCE * reader.rate for _, samples in windows):
            return iter(windows)
    # The container declares no duration, or a wrong one: measure it, then read the windows in one pass.
    total = sum(len(block) for block in reader.blocks())
    return windows_at(reader.blocks(), spread_starts(total, size, count), size)


def _read_window(reader: SampleReader, start: int, size: int) -> Samples:
    """Read up to `size` samples from sample `start`, by seeking."""
    blocks = reader.blocks(start / reader.rate)
    return next((samples for _, samples in windows_at(blocks, [0], size)), np.empty(0, np.float32))
