"""Which stretches of a track a net hears: all, overlapping; or a few, spread evenly and sought out."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from genrelens.errors import TooShortError, UndecodableAudioError

Samples = NDArray[np.float32]
WindowCount = int | Literal["all"]  # how many windows, spread evenly over the track; or all of them

MIN_SECONDS = 0.1  # s of audio below which there is nothing to judge
SILENCE_PEAK = 10 ** (-90 / 20)  # peak below which a window is digital silence (about one step of 16 bits)

_SOUGHT = 16  # windows up to which seeking them, and holding them, is better than reading all of the track
_SLACK = 0.05  # s that a window at the very end may miss, for durations rounded in a header


class SampleReader(Protocol):
    """What windows are taken from: mono samples at `rate` Hz, from any second on."""

    name: str
    rate: int
    duration: float | None  # s, as far as it is known
    warnings: list[str]

    def blocks(self, start: float = 0.0) -> Iterator[Samples]:
        """Read from `start` seconds to the end."""
        ...


@dataclass(frozen=True)
class Window:
    """A stretch of a track: where it starts, in seconds, and its samples, float32 mono."""

    start: float
    samples: Samples


def iter_windows(track: SampleReader, seconds: float, hop: float, windows: WindowCount) -> Iterator[Window]:
    """Cut a track into windows of `seconds` seconds.

    Args:
        track: to read from; a warning is left with it if it is shorter than one window.
        seconds: of each window, in seconds. A shorter track gives one window, repeated to fill it.
        hop: seconds from one window to the next, for `take="all"`; the last one ends with the track.
        windows: "all", or a number of windows, each in the middle of an equal part of the track.

    Raises:
        UndecodableAudioError: no audio could be decoded.
        TooShortError: there are less than `MIN_SECONDS` seconds.
        ValueError: `windows` is less than 1.
    """
    if windows != "all" and windows < 1:
        raise ValueError(f"windows must be 'all' or at least 1, not {windows}")
    size = round(seconds * track.rate)
    windows = (
        sliding_windows(track.blocks(), size, max(1, round(hop * track.rate))) if windows == "all" else _spread(track, size, windows)
    )
    heard = 0
    for start, samples in windows:
        heard += len(samples)
        if len(samples) < size - _SLACK * track.rate:
            _check_length(track, len(samples))
            track.warnings.append(
                f"only {len(samples) / track.rate:.1f} s of audio, repeated to fill a window of {seconds:.1f} s"
            )
        yield Window(start / track.rate, repeat_to_size(samples, size))
    if heard == 0:
        _check_length(track, 0)


def sliding_windows(blocks: Iterable[Samples], size: int, hop: int) -> Iterator[tuple[int, Samples]]:
    """Cut a stream of blocks into (start, samples) of `size` samples every `hop`.

    A last window ends with the stream if the regular ones leave a rest, so that all is heard. A stream
    shorter than `size` gives the one window that there is, short; an empty stream gives none.
    """
    held: list[Samples] = []
    base = end = 0  # of `held`
    start = 0  # of the next window
    for block in blocks:
        held.append(block)
        end += len(block)
        if start + size > end:
            continue
        samples = np.concatenate(held)
        while start + size <= end:
            yield start, samples[start - base : start - base + size]
            start += hop
        base = max(base, min(start, end - size))  # the last window may reach back
        held = [samples[base - end :] if base < end else samples[:0]]
    covered = start - hop + size if start else 0
    if end > covered:
        last = max(0, end - size)
        yield last, np.concatenate(held)[last - base :]


def windows_at(blocks: Iterable[Samples], starts: list[int], size: int) -> Iterator[tuple[int, Samples]]:
    """Pick the windows that begin at `starts` (ascending) from a stream; the stream is read no further."""
    held: list[Samples] = []
    base = end = 0  # of `held`
    waiting = deque(starts)
    for block in blocks:
        held.append(block)
        end += len(block)
        if waiting and waiting[0] >= end:  # nothing of it is wanted
            held, base = [], end
            continue
        if waiting and waiting[0] + size > end:
            continue
        samples = np.concatenate(held)
        while waiting and waiting[0] + size <= end:
            start = waiting.popleft()
            yield start, samples[start - base : start - base + size]
        if not waiting:
            return
        keep = min(end, waiting[0])
        held, base = [samples[keep - base :]], keep
    for start in waiting:
        if start < end:
            yield start, np.concatenate(held)[start - base :]


def spread_starts(total: int, size: int, count: int) -> list[int]:
    """Where `count` windows of `size` begin, each in the middle of an equal part of `total`, without repeats."""
    room = max(0, total - size)
    centred = (round(total * (i + 0.5) / count - size / 2) for i in range(count))
    return sorted({min(max(0, start), room) for start in centred})


def repeat_to_size(samples: Samples, size: int) -> Samples:
    """Repeat `samples` until they fill `size`: silence in the rest of a window would change its normalisation."""
    return samples if len(samples) == size else np.resize(samples, size)


def is_silent(samples: Samples) -> bool:
    """Whether nothing at all can be heard in `samples` (a peak below -90 dB of full scale)."""
    return bool(np.abs(samples).max(initial=0.0) < SILENCE_PEAK)


def _spread(track: SampleReader, size: int, count: int) -> Iterator[tuple[int, Samples]]:
    if track.duration is not None and count <= _SOUGHT:
        starts = spread_starts(round(track.duration * track.rate), size, count)
        windows = [(start, _read(track, start, size)) for start in starts]
        if all(len(samples) >= size - _SLACK * track.rate for _, samples in windows):
            return iter(windows)
    # The container declares no length, or a wrong one: measure it, then pick the windows in one pass.
    total = sum(len(block) for block in track.blocks())
    return windows_at(track.blocks(), spread_starts(total, size, count), size)


def _read(track: SampleReader, start: int, size: int) -> Samples:
    """Up to `size` samples from sample `start` on, by seeking."""
    return next((samples for _, samples in windows_at(track.blocks(start / track.rate), [0], size)), np.empty(0, np.float32))


def _check_length(track: SampleReader, samples: int) -> None:
    if samples == 0:
        raise UndecodableAudioError.empty(track.name)
    if samples < MIN_SECONDS * track.rate:
        raise TooShortError(
            f"{track.name} lasts {samples / track.rate:.2f} s; at least {MIN_SECONDS} s are needed to hear a genre"
        )
