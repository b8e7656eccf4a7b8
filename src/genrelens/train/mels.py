"""Log-mels of whole tracks: computed once from audio and kept on disk, or rows of a ready array."""

import hashlib
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from genrelens import workers
from genrelens.audio import Track
from genrelens.errors import CacheError, GenrelensError, ManifestError, shown
from genrelens.files import replacing
from genrelens.frontend import FrontEnd, decibels
from genrelens.train.manifest import Item

Level = NDArray[np.floating[Any]]  # decibels, shape (n_mels, frames)

_ARRAY_RANGE_DB = 80.0  # what the bytes 0 to 255 of an array span, below the maximum of the track
_ROW = re.compile(r"\.npy#\d+$")
_CACHE_FORMAT = 1
_DAMAGED_CACHE = (OSError, ValueError, EOFError)


@dataclass(frozen=True)
class Mels:
    """Decibels of tracks by their path, what tells their recordings, and what could not be read."""

    levels: dict[str, Level]
    recordings: dict[str, str]
    failures: dict[str, GenrelensError]


def default_cache() -> Path:
    """Where log-mels are kept unless told otherwise."""
    return Path(platformdirs.user_cache_dir("genrelens")) / "mels"


def load_mels(
    items: Iterable[Item],
    front_end: FrontEnd,
    cache: Path,
    processes: int,
    progress: Callable[[], None] = lambda: None,
) -> Mels:
    """Load the log-mels of tracks, computing in worker processes what the cache does not hold.

    The cache is keyed by the encoded audio and the front end: a copy with other tags is the same, a changed
    file or front end is another. A file in it is whole or not there, also after a crash.

    Args:
        items: the tracks; a path "array.npy#17" is row 17 of an array (tracks, n_mels, frames) of bytes,
            0 to 255 for -80 to 0 dB below the maximum of the track.
        front_end: the parameters; its normalisation plays no part yet.
        cache: a folder.
        processes: to compute with.
        progress: called after each audio file.

    Raises:
        CacheError: the folder cannot be written to.
        ManifestError: an array lacks a row, or does not fit the front end.
    """
    paths = list(dict.fromkeys(item.path for item in items))
    rows = [path for path in paths if is_row(path)]
    levels: dict[str, Level] = {path: load_row(path, front_end) for path in rows}
    recordings: dict[str, str] = {}
    failures: dict[str, GenrelensError] = {}
    audio = [path for path in paths if path not in levels]
    folder = cache / _key(front_end)
    keep = partial(keep_mel, front_end=front_end, folder=folder)
    for path, outcome in workers.stream(keep, audio, processes):
        if isinstance(outcome, CacheError):
            raise outcome
        if isinstance(outcome, GenrelensError):
            failures[path] = outcome
        else:
            recordings[path] = outcome
            levels[path] = np.load(folder / f"{outcome}.npy", mmap_mode="r")
        progress()
    return Mels(levels, recordings, failures)


def keep_mel(path: str, front_end: FrontEnd, folder: Path) -> str:
    """See to it that the cache holds the log-mel of a file, and return the hash of its audio."""
    with Track(path, front_end.rate) as track:
        digest = track.digest()
        target = folder / f"{digest}.npy"
        if _is_whole(target):
            return digest
        samples = track.samples()
    _save(target, decibels(samples, front_end).astype(np.float16))
    return digest


def is_row(path: str) -> bool:
    """Whether a path means a row of an array."""
    return _ROW.search(path) is not None


def load_row(path: str, front_end: FrontEnd) -> Level:
    """A row of an array, in decibels.

    Raises:
        ManifestError: the array cannot be read, lacks the row, or does not fit the front end.
    """
    file, _, row = path.rpartition("#")
    try:
        array = np.load(file, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise ManifestError(f"{shown(file)} is not an array of log-mels that can be read ({error})") from error
    if array.ndim != 3 or array.dtype != np.uint8 or array.shape[1] != front_end.n_mels:
        raise ManifestError(
            f"{shown(file)} is an array of {array.dtype} {array.shape}; the front end needs uint8 "
            f"(tracks, {front_end.n_mels}, frames)"
        )
    if not int(row) < len(array):
        raise ManifestError(f"{shown(file)} has {len(array)} rows, and row {row} is asked for")
    return np.asarray(array[int(row)] * np.float16(_ARRAY_RANGE_DB / 255) - np.float16(_ARRAY_RANGE_DB))


def _key(front_end: FrontEnd) -> str:
    computed = front_end.model_dump_json(exclude={"normalisation", "floor_db"})
    return hashlib.sha256(f"{_CACHE_FORMAT} {computed}".encode()).hexdigest()[:16]


def _is_whole(file: Path) -> bool:
    try:
        np.load(file, mmap_mode="r")
    except _DAMAGED_CACHE:
        return False
    return True


def _save(target: Path, level: Level) -> None:
    try:
        with replacing(target) as file:
            np.save(file, level)
    except OSError as error:
        reason = error.strerror or os.strerror(error.errno or 0)
        raise CacheError(
            f"{shown(target.parent)} cannot keep log-mels ({reason}); make room, or choose another with --cache"
        ) from error
