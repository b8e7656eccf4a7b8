"""What tells a recording by its sound, whatever its gain, equaliser, codec and start; and which of them share sound."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import uniform_filter1d

from genrelens.audio.decoder import load
from genrelens.features.frontend import FrontEnd, apply_floor, mel_decibels
from genrelens.train.data.log_mels import LogMelSpec, LogMel, is_array_row, load_array_row, array_front_end

Fingerprint = NDArray[np.float32]  # (bands, frames)

_FRONT_END = FrontEnd(hop=1920, center=False)  # that of the array of log-mels, so that one threshold holds
STEP = _FRONT_END.seconds_per_frame  # to about which finer levels are averaged
BANDS = 32
CONTEXT = 17  # frames, 1.5 s, whose mean is taken off: held notes and fixed filters say little
MIN_OVERLAP = 58  # frames, 5 s; less is alike by chance too often
_TILE = 64  # tracks that are compared with as many others at a time, in a memory that caches still help with
_TINY = 1e-3  # dB; a frame that varies less over the bands says nothing


@dataclass(frozen=True)
class Match:
    """Two fingerprints that share sound, by their places in a list.

    Attributes:
        first, second: the places; `first` is the lower.
        score: standard deviations that the likeness lies above what unrelated frames have by chance.
        similarity: the mean cosine between frames that coincide, 1 for the same.
        lag: frames into the first at which the second begins; below 0, the first begins within the second.
        overlap: frames that coincide.
    """

    first: int
    second: int
    score: float
    similarity: float
    lag: int
    overlap: int


def fingerprint(level: LogMel, seconds_per_frame: float) -> Fingerprint:
    """Reduce a log-mel to how the bands differ from their neighbours, and from themselves a moment before and after.

    The differences are those of Haitsma & Kalker (A Highly Robust Audio Fingerprinting System, ISMIR 2002). They
    are kept as numbers, as frames 87 ms apart share too little for bits. Gain falls out with the differences,
    a filter that stays with the mean over time.

    Args:
        level: decibels, shape (mel bands, frames); the bands a multiple of 32.
        seconds_per_frame: the time from one frame to the next.

    Returns:
        Shape (31, frames of about 87 ms); each frame has mean 0 and length 1, or is 0 where nothing sounds.
    """
    pooled = max(1, round(STEP / seconds_per_frame))
    frames = level.shape[1] // pooled
    cells = np.asarray(level[:, : frames * pooled], np.float32).reshape(BANDS, -1, frames, pooled).mean(axis=(1, 3))
    steps = np.diff(cells, axis=0)
    changes = steps - uniform_filter1d(steps, CONTEXT, axis=1, mode="nearest")
    changes -= changes.mean(axis=0)
    lengths = np.linalg.norm(changes, axis=0)
    return np.where(lengths > _TINY, changes / np.maximum(lengths, _TINY), 0).astype(np.float32)


def track_fingerprint(path: str, seconds: float) -> Fingerprint:
    """The fingerprint of a track.

    Args:
        path: a recording, or a row of an array.
        seconds: of a recording that are looked at, from its middle.

    Raises:
        GenrelensError: it cannot be read.
    """
    if is_array_row(path):
        front_end = array_front_end(path, _FRONT_END)
        return fingerprint(load_array_row(path, LogMelSpec(front_end=front_end)), front_end.seconds_per_frame)
    samples = load(path, _FRONT_END.rate)
    spare = max(0, len(samples) - round(seconds * _FRONT_END.rate)) // 2
    level = apply_floor(mel_decibels(samples[spare : len(samples) - spare], _FRONT_END), _FRONT_END.floor_db)
    return fingerprint(np.asarray(level), _FRONT_END.seconds_per_frame)


def count_tile_pairs(count: int) -> int:
    """How many times `find_matches` calls for progress with that many fingerprints."""
    rows = -(-count // _TILE)
    return rows * (rows + 1) // 2


def find_matches(
    prints: Sequence[Fingerprint], threshold: float, progress: Callable[[], None] = lambda: None
) -> Iterator[Match]:
    """Compare each fingerprint with every other one at every offset.

    The cosines of the frames that coincide are summed for all offsets at once, as a cross-correlation by Fourier
    transform. The work grows with the square of the tracks, the memory only with their number.

    Args:
        prints: of the tracks.
        threshold: the least score of a match.
        progress: called `count_tile_pairs` times.

    Yields:
        The best offset of each pair that reaches the threshold.
    """
    if not prints:
        return
    size = fft.next_fast_len(2 * max(one.shape[1] for one in prints), real=True)
    starts = range(0, len(prints), _TILE)
    for row, column in combinations_with_replacement(starts, 2):
        found = _compare(prints[row : row + _TILE], prints[column : column + _TILE], size, threshold)
        yield from (_moved(match, row, column) for match in found if row + match.first < column + match.second)
        progress()


def _compare(
    firsts: Sequence[Fingerprint], seconds: Sequence[Fingerprint], size: int, threshold: float
) -> Iterator[Match]:
    products = _spectra(firsts, size) @ _spectra(seconds, size).conj().swapaxes(1, 2)
    sums = fft.irfft(np.ascontiguousarray(np.moveaxis(products, 0, -1)), size)
    lags = np.arange(size)
    lags[lags > size // 2] -= size
    lengths = [np.array([one.shape[1] for one in side]) for side in (firsts, seconds)]
    overlaps = np.minimum(lengths[0][:, None, None], lengths[1][:, None] + lags) - np.maximum(0, lags)
    free = firsts[0].shape[0] - 1  # dimensions of a frame of mean 0: its cosines by chance have a variance of 1 / free
    scores = np.where(overlaps >= MIN_OVERLAP, sums * np.sqrt(free / np.maximum(overlaps, 1)), -np.inf)
    best = scores.argmax(axis=-1)
    for first, second in np.argwhere(np.take_along_axis(scores, best[..., None], -1)[..., 0] >= threshold):
        place = first, second, best[first, second]
        overlap = int(overlaps[place])
        yield Match(
            int(first), int(second), float(scores[place]), float(sums[place]) / overlap, int(lags[place[2]]), overlap
        )


def _spectra(prints: Sequence[Fingerprint], size: int) -> NDArray[np.complex64]:
    """Shape (frequencies, tracks, bands): a matrix for each frequency."""
    padded = np.zeros((len(prints), prints[0].shape[0], size), np.float32)
    for row, one in zip(padded, prints, strict=True):
        row[:, : one.shape[1]] = one
    return np.ascontiguousarray(np.moveaxis(fft.rfft(padded), -1, 0))


def _moved(match: Match, row: int, column: int) -> Match:
    return Match(row + match.first, column + match.second, match.score, match.similarity, match.lag, match.overlap)
