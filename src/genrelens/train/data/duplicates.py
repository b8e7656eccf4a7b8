"""Search for tracks of a dataset that share a recording, even if it is trimmed, filtered or re-encoded.

Every two tracks are compared at every offset by fingerprints that are robust to gain, equalisation and codec.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import fft
from scipy.ndimage import uniform_filter1d

from genrelens import workers
from genrelens.audio.decoder import load
from genrelens.errors import GenrelensError
from genrelens.features.frontend import FrontEnd, apply_floor, mel_decibels
from genrelens.prediction import PathText
from genrelens.progress import Progress, ProgressBars, no_progress
from genrelens.records import FrozenModel
from genrelens.train.data.log_mels import LogMel, LogMelSpec, array_front_end, is_array_row, load_array_row
from genrelens.train.data.manifest import LabelledTrack, Manifest, Split

Fingerprint = NDArray[np.float32]  # (bands, frames)

THRESHOLD = 14.0  # see docs/data.md: in GTZAN, different artists score up to 11.2, repetitions from 16.6
SECONDS = 30.0
_FRONT_END = FrontEnd(hop=1920, center=False)  # as the array of log-mels, so that one threshold suits both
STEP = _FRONT_END.seconds_per_frame  # s per frame of a fingerprint; shorter frames are averaged
BANDS = 32
CONTEXT = 17  # frames, 1.5 s; the mean over them is subtracted, which removes sustained notes and constant filters
MIN_OVERLAP = 58  # frames, 5 s; shorter overlaps are too often similar by chance
_TILE = 64  # tracks per side of a block of comparisons, which then fits in the CPU cache
_MIN_LENGTH = 1e-3  # dB; a frame with less variation over the bands is set to 0


class DuplicateTrack(FrozenModel, serialize_by_alias=True):
    """One of the two tracks of a pair; JSON and CSV call its split "side"."""

    name: str
    path: PathText
    label: str
    split: Split | None = Field(serialization_alias="side")

    def __str__(self) -> str:
        return f"{self.name} ({self.label}{f', {self.split}' if self.split else ''})"


class DuplicatePair(FrozenModel, serialize_by_alias=True):
    """Two tracks that share audio.

    Attributes:
        first, second: the tracks, in the order of the dataset.
        score, similarity: see `Match`.
        offset: position in the compared part of the first track at which the second track's part starts, in seconds;
            negative if the first starts within the second.
        overlap: length of the shared audio in seconds.
    """

    first: DuplicateTrack
    second: DuplicateTrack
    score: float
    similarity: float
    offset: float
    overlap: float

    @property
    def leaks(self) -> bool:
        """Whether the two tracks are in different splits."""
        return None not in (self.first.split, self.second.split) and self.first.split != self.second.split


class DuplicateReport(FrozenModel, serialize_by_alias=True):
    """Result of a duplicate search.

    Attributes:
        pairs: pairs of tracks that share audio, by descending score.
        tracks: number of tracks compared.
        failures: error messages of the tracks that could not be read.
    """

    pairs: tuple[DuplicatePair, ...]
    tracks: int
    failures: tuple[str, ...]

    def text(self) -> str:
        """Return the report as text: a summary, then a row per pair; leaks between splits are marked."""
        leaking = sum(pair.leaks for pair in self.pairs)
        lines = [f"{self.tracks} tracks, {len(self.pairs)} pairs that share audio, {leaking} in different splits"]
        if self.pairs:
            lines += ["", " score  alike  overlap   offset"]
        lines += [
            f"{pair.score:6.1f} {pair.similarity:6.2f} {pair.overlap:6.1f} s {pair.offset:+6.1f} s  "
            f"{pair.first}, {pair.second}{'  LEAK' if pair.leaks else ''}"
            for pair in self.pairs
        ]
        return "\n".join(lines)


def find_duplicates(
    manifest: Manifest,
    processes: int,
    progress_bars: ProgressBars,
    seconds: float = SECONDS,
    threshold: float = THRESHOLD,
) -> DuplicateReport:
    """Compare the audio of every two tracks of a dataset.

    Covers and live versions are different recordings and are not found; nor are excerpts of one recording that
    overlap by less than 5 s, and copies whose tempo or pitch differs by more than about 2 %. Of recordings, the
    middle `seconds` are compared, of an array complete rows. `threshold` is the minimum score of a pair.

    Raises:
        ManifestError: an array cannot be read.
    """
    fingerprints: dict[LabelledTrack, Fingerprint] = {}
    failures: list[str] = []
    by_path = {track.path: track for track in manifest.tracks}
    with progress_bars("Fingerprinting", len(by_path)) as progress:
        for path, result in workers.map_in_order(partial(_track_fingerprint, seconds=seconds), by_path, processes):
            if isinstance(result, GenrelensError):
                failures.append(str(result))
            else:
                fingerprints[by_path[path]] = result
            progress()
    with progress_bars("Comparing", count_tile_pairs(len(fingerprints))) as progress:
        matches = list(find_matches(list(fingerprints.values()), threshold, progress))
    tracks = [DuplicateTrack.model_validate(track, from_attributes=True) for track in fingerprints]
    pairs = [
        DuplicatePair(
            first=tracks[match.first],
            second=tracks[match.second],
            score=match.score,
            similarity=match.similarity,
            offset=match.lag * STEP,
            overlap=match.overlap * STEP,
        )
        for match in matches
    ]
    pairs.sort(key=lambda pair: -pair.score)
    return DuplicateReport(pairs=tuple(pairs), tracks=len(tracks), failures=tuple(failures))


@dataclass(frozen=True)
class Match:
    """Two fingerprints that share audio.

    Attributes:
        first, second: their indices; `first` is the lower.
        score: standard deviations by which the similarity exceeds the mean of unrelated frames.
        similarity: mean cosine similarity of the overlapping frames; 1 for identical ones.
        lag: frame of the first at which the second starts; negative if the first starts within the second.
        overlap: number of overlapping frames.
    """

    first: int
    second: int
    score: float
    similarity: float
    lag: int
    overlap: int


def fingerprint(log_mel: LogMel, seconds_per_frame: float) -> Fingerprint:
    """Reduce a log-mel to differences between neighbouring bands, relative to their mean over 1.5 s.

    The differences follow Haitsma & Kalker (A Highly Robust Audio Fingerprinting System, ISMIR 2002), kept as
    real numbers: frames of 87 ms differ too much for their bits to match. Differences cancel gain; subtracting the
    mean over time cancels constant filters.

    Args:
        log_mel: decibels, shape (mel bands, frames); the number of bands is a multiple of 32.
        seconds_per_frame: time between frames.

    Returns:
        Shape (31, frames of about 87 ms); each frame has mean 0 and length 1, or is 0 if it is silent.
    """
    pooled = max(1, round(STEP / seconds_per_frame))
    frames = log_mel.shape[1] // pooled
    cells = np.asarray(log_mel[:, : frames * pooled], np.float32).reshape(BANDS, -1, frames, pooled).mean(axis=(1, 3))
    steps = np.diff(cells, axis=0)
    changes = steps - uniform_filter1d(steps, CONTEXT, axis=1, mode="nearest")
    changes -= changes.mean(axis=0)
    lengths = np.linalg.norm(changes, axis=0)
    return np.where(lengths > _MIN_LENGTH, changes / np.maximum(lengths, _MIN_LENGTH), 0).astype(np.float32)


def _track_fingerprint(path: str, seconds: float) -> Fingerprint:
    if is_array_row(path):
        front_end = array_front_end(path, _FRONT_END)
        return fingerprint(load_array_row(path, LogMelSpec(front_end=front_end)), front_end.seconds_per_frame)
    samples = load(path, _FRONT_END.rate)
    margin = max(0, len(samples) - round(seconds * _FRONT_END.rate)) // 2
    excerpt = samples[margin : len(samples) - margin]
    log_mel = apply_floor(mel_decibels(excerpt, _FRONT_END), _FRONT_END.floor_db)
    return fingerprint(np.asarray(log_mel), _FRONT_END.seconds_per_frame)


def count_tile_pairs(count: int) -> int:
    """Return how many times `find_matches` calls `progress` for `count` fingerprints."""
    rows = -(-count // _TILE)
    return rows * (rows + 1) // 2


def find_matches(
    fingerprints: Sequence[Fingerprint], threshold: float, progress: Progress = no_progress
) -> Iterator[Match]:
    """Compare every two fingerprints at every offset.

    The cosine similarities of overlapping frames are summed for all offsets at once, as a cross-correlation by FFT.
    Time grows with the square of the number of tracks, memory only linearly.

    Yields:
        The best offset of each pair whose score reaches the threshold.
    """
    if not fingerprints:
        return
    size = fft.next_fast_len(2 * max(frames.shape[1] for frames in fingerprints), real=True)
    starts = range(0, len(fingerprints), _TILE)
    for row, column in combinations_with_replacement(starts, 2):
        for match in _compare(fingerprints[row:][:_TILE], fingerprints[column:][:_TILE], size, threshold):
            first, second = row + match.first, column + match.second
            if first < second:
                yield replace(match, first=first, second=second)
        progress()


def _compare(
    firsts: Sequence[Fingerprint], seconds: Sequence[Fingerprint], size: int, threshold: float
) -> Iterator[Match]:
    products = _spectra(firsts, size) @ _spectra(seconds, size).conj().swapaxes(1, 2)
    sums = fft.irfft(np.ascontiguousarray(np.moveaxis(products, 0, -1)), size)
    lags = np.arange(size)
    lags[lags > size // 2] -= size
    lengths = [np.array([frames.shape[1] for frames in prints]) for prints in (firsts, seconds)]
    overlaps = np.minimum(lengths[0][:, None, None], lengths[1][:, None] + lags) - np.maximum(0, lags)
    # A frame of mean 0 has this many degrees of freedom; the cosine of unrelated frames has variance 1 / freedom.
    freedom = firsts[0].shape[0] - 1
    scores = np.where(overlaps >= MIN_OVERLAP, sums * np.sqrt(freedom / np.maximum(overlaps, 1)), -np.inf)
    best = scores.argmax(axis=-1)
    for first, second in np.argwhere(np.take_along_axis(scores, best[..., None], -1)[..., 0] >= threshold):
        index = first, second, best[first, second]
        overlap = int(overlaps[index])
        similarity = float(sums[index]) / overlap
        yield Match(int(first), int(second), float(scores[index]), similarity, int(lags[index[2]]), overlap)


def _spectra(fingerprints: Sequence[Fingerprint], size: int) -> NDArray[np.complex64]:
    """Return Fourier transforms of shape (frequencies, tracks, bands), so that a frequency is one matrix."""
    padded = np.zeros((len(fingerprints), fingerprints[0].shape[0], size), np.float32)
    for row, frames in zip(padded, fingerprints, strict=True):
        row[:, : frames.shape[1]] = frames
    return np.ascontiguousarray(np.moveaxis(fft.rfft(padded), -1, 0))
