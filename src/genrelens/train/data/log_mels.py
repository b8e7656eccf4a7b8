"""Levels of whole tracks, log-mels and features beside them: computed once and kept, or rows of an array."""

import contextlib
import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import platformdirs
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from genrelens import workers
from genrelens.audio.decoder import AudioReader
from genrelens.errors import CacheError, GenrelensError, ManifestError, RecipeError, display_name
from genrelens.features.frontend import FrontEnd
from genrelens.features.spectral import Feature, extract_features, spectrum_features
from genrelens.files import atomic_write
from genrelens.model.input_spec import AudioInput
from genrelens.train.data.manifest import GTZAN_SECONDS, LabelledTrack
from genrelens.train.recipes.recipe import PreprocessTable, WaveformTable

LogMel = NDArray[np.floating[Any]]  # (rows, frames): decibels of mel bands, and other features' rows under them

_ARRAY_RANGE_DB = 80.0  # what the bytes 0 to 255 of an array span, below the maximum of the track
_ROW = re.compile(r"\.npy#\d+$")
_CACHE_FORMAT = 2
_SLACK = 0.05  # by which the length of an array's rows may miss that of the tracks
_DAMAGED_CACHE = (OSError, ValueError, EOFError)


class LogMelSpec(BaseModel):
    """What is computed of a recording.

    Attributes:
        front_end: its normalisation and floor play no part yet.
        spectral: features that the log-mel does not hold.
        preprocess: what is done to the samples first.
        waveform: how a copy is varied.
        copy_number: 0 for the recording itself; others are varied copies of it.
        seed: of the draws for copies.
    """

    model_config = ConfigDict(frozen=True)

    front_end: FrontEnd
    spectral: tuple[Feature, ...] = ()
    preprocess: PreprocessTable = PreprocessTable()
    waveform: WaveformTable = WaveformTable()
    copy_number: int = 0
    seed: int = 0

    @classmethod
    def for_input(cls, sound: AudioInput, preprocess: PreprocessTable | None = None) -> Self:
        """What an input asks for."""
        return cls(
            front_end=sound.front_end,
            spectral=spectrum_features(sound.features),
            preprocess=preprocess or PreprocessTable(),
        )

    @property
    def key(self) -> str:
        """The name of the folder for what was computed so."""
        computed = self.model_dump_json(exclude={"front_end": {"normalisation", "floor_db"}})
        return hashlib.sha256(f"{_CACHE_FORMAT} {computed}".encode()).hexdigest()[:16]

    def level(self, samples: NDArray[np.float32], digest: str) -> LogMel:
        """The levels of a recording whose audio has that hash."""
        rate = self.front_end.rate
        if self.preprocess != PreprocessTable():
            from genrelens.train.data.preprocess import preprocess

            samples = preprocess(samples, rate, self.preprocess)
        if self.copy_number:
            from genrelens.train.augment.waveform import augment_waveform

            draw = np.random.default_rng([self.seed, self.copy_number, int(digest[:16], 16)])
            samples = augment_waveform(samples, rate, self.waveform, draw)
        return extract_features(samples, self.spectral, self.front_end)


@dataclass(frozen=True)
class LoadedInputs:
    """Levels of tracks by their path, what tells their recordings, and what could not be read."""

    inputs: dict[str, LogMel]
    content_hashes: dict[str, str]
    failures: dict[str, GenrelensError]


def default_cache_folder() -> Path:
    """Where log-mels are kept unless told otherwise."""
    return Path(platformdirs.user_cache_dir("genrelens")) / "mels"


def load_log_mels(
    items: Iterable[LabelledTrack],
    analysis: LogMelSpec,
    cache: Path,
    processes: int,
    progress: Callable[[], None] = lambda: None,
) -> LoadedInputs:
    """Load the levels of tracks, computing in worker processes what the cache does not hold.

    The cache is keyed by the encoded audio and the analysis: a file with other tags is the same, a changed
    file or front end is another. A file in it is whole or not there, also after a crash.

    Args:
        items: the tracks; a path "array.npy#17" is row 17 of an array (tracks, n_mels, frames) of bytes,
            0 to 255 for -80 to 0 dB below the maximum of the track.
        analysis: what to compute.
        cache: a folder.
        processes: to compute with.
        progress: called after each audio file.

    Raises:
        CacheError: the folder cannot be written to.
        RecipeError: the samples have too low a rate for what is to be done to them.
        ManifestError: an array lacks a row, or does not fit the analysis.
    """
    paths = list(dict.fromkeys(item.path for item in items))
    rows = [path for path in paths if is_array_row(path)]
    levels: dict[str, LogMel] = {path: load_array_row(path, analysis) for path in rows}
    recordings: dict[str, str] = {}
    failures: dict[str, GenrelensError] = {}
    audio = [path for path in paths if path not in levels]
    folder = cache / analysis.key
    keep = partial(cache_log_mel, analysis=analysis, folder=folder)
    _allow_open_files(len(audio))
    for path, outcome in workers.map_in_order(keep, audio, processes):
        if isinstance(outcome, CacheError | RecipeError):  # which would stop every track
            raise outcome
        if isinstance(outcome, GenrelensError):
            failures[path] = outcome
        else:
            recordings[path] = outcome
            levels[path] = np.load(folder / f"{outcome}.npy", mmap_mode="r")
        progress()
    return LoadedInputs(levels, recordings, failures)


def cache_log_mel(path: str, analysis: LogMelSpec, folder: Path) -> str:
    """See to it that the cache holds the levels of a file, and return the hash of its audio."""
    with AudioReader(path, analysis.front_end.rate) as track:
        digest = track.digest()
        target = folder / f"{digest}.npy"
        if _is_whole(target):
            return digest
        samples = track.samples()
    _save(target, analysis.level(samples, digest).astype(np.float16))
    return digest


def is_array_row(path: str) -> bool:
    """Whether a path means a row of an array."""
    return _ROW.search(path) is not None


def load_array_row(path: str, analysis: LogMelSpec) -> LogMel:
    """A row of an array, in decibels.

    Raises:
        ManifestError: the array cannot be read, lacks the row, or does not fit the analysis.
    """
    file, _, row = path.rpartition("#")
    array = _open_array(file)
    _check_array(file, array, analysis)
    if not int(row) < len(array):
        raise ManifestError(f"{display_name(file)} has {len(array)} rows, and row {row} is asked for")
    return np.asarray(array[int(row)] * np.float16(_ARRAY_RANGE_DB / 255) - np.float16(_ARRAY_RANGE_DB))


def array_front_end(path: str, front_end: FrontEnd) -> FrontEnd:
    """The front end with the hop that an array was made with, as the number of its frames tells.

    Raises:
        ManifestError: the array cannot be read.
    """
    frames = _open_array(path.rpartition("#")[0]).shape[-1]
    return front_end.model_copy(update={"hop": round(GTZAN_SECONDS * front_end.rate / frames)})


def _open_array(file: str) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(file, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise ManifestError(f"{display_name(file)} is not an array of log-mels that can be read ({error})") from error
    return array


def _check_array(file: str, array: NDArray[Any], analysis: LogMelSpec) -> None:
    front_end = analysis.front_end
    if analysis != LogMelSpec(front_end=front_end):
        wanted = ", ".join(analysis.spectral) or "what is done to samples"
        raise ManifestError(f"{display_name(file)} holds log-mels, and {wanted} needs recordings; give these, or leave it out")
    if array.ndim != 3 or array.dtype != np.uint8 or array.shape[1] != front_end.n_mels:
        raise ManifestError(
            f"{display_name(file)} is an array of {array.dtype} {array.shape}; the front end needs uint8 "
            f"(tracks, {front_end.n_mels}, frames)"
        )
    seconds = array.shape[2] * front_end.seconds_per_frame
    if abs(seconds / GTZAN_SECONDS - 1) > _SLACK:
        fitting = round(GTZAN_SECONDS * front_end.rate / array.shape[2], -1)
        raise ManifestError(
            f"{display_name(file)} has {array.shape[2]} frames a track, {seconds:.1f} s with the front end's hop of "
            f"{front_end.hop}, but the tracks last {GTZAN_SECONDS} s; say --set input.front_end.hop={fitting:.0f} or so"
        )


def _allow_open_files(count: int) -> None:
    """Ask for room for more open files: each mapped one stays open, and many systems allow 1024, or 256, unasked."""
    if sys.platform == "win32":  # which has no such limit
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return
    wanted = soft + count if hard == resource.RLIM_INFINITY else min(soft + count, hard)
    with contextlib.suppress(ValueError, OSError):  # more than the system gives: opening will tell
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _is_whole(file: Path) -> bool:
    try:
        np.load(file, mmap_mode="r")
    except _DAMAGED_CACHE:
        return False
    return True


def _save(target: Path, level: LogMel) -> None:
    try:
        with atomic_write(target) as file:
            np.save(file, level)
    except OSError as error:
        reason = error.strerror or os.strerror(error.errno or 0)
        raise CacheError(
            f"{display_name(target.parent)} cannot keep log-mels ({reason}); make room, or choose another with --cache"
        ) from error
