"""Log-mels and spectral features of tracks, from a cache on disk or the rows of an array, and their windows."""

import contextlib
import hashlib
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import platformdirs
from numpy.typing import NDArray

from genrelens import workers
from genrelens.audio.decoder import AudioReader
from genrelens.errors import CacheError, GenrelensError, ManifestError, RecipeError, display_name
from genrelens.features.frontend import FrontEnd
from genrelens.features.spectral import Feature, extract_features, spectrum_features, to_model_input
from genrelens.files import atomic_write
from genrelens.model.input_spec import AudioInput, InputSpec, PictureInput
from genrelens.model.session import ModelInput
from genrelens.progress import Progress, no_progress
from genrelens.records import FrozenModel
from genrelens.train.data.manifest import GTZAN_SECONDS, LabelledTrack
from genrelens.train.recipes.recipe import PreprocessTable, WaveformTable

LogMel = NDArray[np.floating[Any]]  # (rows, frames): mel bands in decibels, followed by the rows of other features

_ARRAY_RANGE_DB = 80.0  # range of the bytes 0 to 255 of an array, below the maximum of the track
_ARRAY_ROW = re.compile(r"\.npy#\d+$")
_CACHE_FORMAT = 2
_LENGTH_TOLERANCE = 0.05  # maximum relative difference between the length of an array's rows and of the tracks


class LogMelSpec(FrozenModel):
    """Settings that determine the log-mel and features of a recording.

    Attributes:
        front_end: front end; its normalisation and floor are applied later.
        spectral: features that cannot be computed from the log-mel.
        preprocess: processing of the samples before the front end.
        waveform: augmentation of the samples of copies.
        copy_number: 0 for the original recording, 1 and more for its augmented copies.
        seed: seed of the augmentation of copies.
    """

    front_end: FrontEnd
    spectral: tuple[Feature, ...] = ()
    preprocess: PreprocessTable = PreprocessTable()
    waveform: WaveformTable = WaveformTable()
    copy_number: int = 0
    seed: int = 0

    @classmethod
    def for_input(cls, spec: AudioInput, preprocess: PreprocessTable | None = None) -> Self:
        """Return the settings for an input specification, without augmentation."""
        spectral = spectrum_features(spec.features)
        return cls(front_end=spec.front_end, spectral=spectral, preprocess=preprocess or PreprocessTable())

    @property
    def cache_key(self) -> str:
        """Name of the cache folder: a hash of all settings that affect the stored values."""
        settings = self.model_dump_json(exclude={"front_end": {"normalisation", "floor_db"}})
        return hashlib.sha256(f"{_CACHE_FORMAT} {settings}".encode()).hexdigest()[:16]

    def compute(self, samples: NDArray[np.float32], digest: str) -> LogMel:
        """Return the log-mel and features of mono audio, shape (samples,).

        The augmentation of a copy depends on the seed and on `digest`, the hash of the encoded audio, alone.
        """
        rate = self.front_end.rate
        if self.preprocess != PreprocessTable():
            from genrelens.train.data.preprocess import preprocess

            samples = preprocess(samples, rate, self.preprocess)
        if self.copy_number:
            from genrelens.train.augment.waveform import augment_waveform

            rng = np.random.default_rng([self.seed, self.copy_number, int(digest[:16], 16)])
            samples = augment_waveform(samples, rate, self.waveform, rng)
        return extract_features(samples, self.spectral, self.front_end)


@dataclass(frozen=True)
class LoadedInputs:
    """Inputs of tracks, each by path.

    Attributes:
        inputs: log-mels, or the channels of pictures.
        content_hashes: hash of the audio or of the pixels; equal hashes are the same recording.
        failures: errors of the files that could not be read.
    """

    inputs: dict[str, LogMel]
    content_hashes: dict[str, str]
    failures: dict[str, GenrelensError]


def default_cache_folder() -> Path:
    """Return the folder where log-mels are cached by default."""
    return Path(platformdirs.user_cache_dir("genrelens")) / "mels"


def load_log_mels(
    tracks: Iterable[LabelledTrack], spec: LogMelSpec, cache: Path, processes: int, progress: Progress = no_progress
) -> LoadedInputs:
    """Load the log-mels of tracks; those that are not in the cache are computed in worker processes.

    Entries are keyed by the encoded audio and the settings: editing tags keeps an entry valid, changing the audio or
    the front end makes a new one. Writes are atomic, so a crash leaves no partial file. A path "array.npy#17" is row
    17 of an array (tracks, n_mels, frames) of bytes, where 0 to 255 are -80 to 0 dB below the maximum of the track.

    Raises:
        CacheError: the cache cannot be written.
        RecipeError: the sampling rate is too low for the preprocessing or augmentation.
        ManifestError: an array lacks a row, or does not match the settings.
    """
    paths = list(dict.fromkeys(track.path for track in tracks))
    inputs: dict[str, LogMel] = {path: load_array_row(path, spec) for path in paths if is_array_row(path)}
    content_hashes: dict[str, str] = {}
    failures: dict[str, GenrelensError] = {}
    audio = [path for path in paths if path not in inputs]
    folder = cache / spec.cache_key
    _raise_open_file_limit(len(audio))
    for path, result in workers.map_in_order(partial(cache_log_mel, spec=spec, folder=folder), audio, processes):
        if isinstance(result, CacheError | RecipeError):  # it would fail all other tracks, too
            raise result
        if isinstance(result, GenrelensError):
            failures[path] = result
        else:
            content_hashes[path] = result
            inputs[path] = np.load(folder / f"{result}.npy", mmap_mode="r")
        progress()
    return LoadedInputs(inputs, content_hashes, failures)


def cache_log_mel(path: str, spec: LogMelSpec, folder: Path) -> str:
    """Write the log-mel of a file to the cache unless it is there, and return the hash of the encoded audio."""
    with AudioReader(path, spec.front_end.rate) as reader:
        digest = reader.digest()
        target = folder / f"{digest}.npy"
        if _is_readable(target):
            return digest
        samples = reader.samples()
    log_mel = spec.compute(samples, digest).astype(np.float16)
    try:
        with atomic_write(target) as file:
            np.save(file, log_mel)
    except OSError as error:
        reason = error.strerror or os.strerror(error.errno or 0)
        raise CacheError(
            f"log-mels cannot be written to {display_name(folder)} ({reason}); free some space, or choose another "
            "folder with --cache"
        ) from error
    return digest


def network_inputs(track_input: LogMel, spec: InputSpec) -> ModelInput:
    """Return all windows of a track as network input, shape (windows, channels, rows, frames).

    Args:
        track_input: log-mel and other features of a track, shape (rows, frames), or the channels of a picture.
        spec: input specification; audio has a window every `hop` seconds, a picture is one window.
    """
    if isinstance(spec, PictureInput):
        return np.asarray(track_input, np.float32)[None]
    windows = np.stack(track_windows(track_input, spec)).astype(np.float32)
    return to_model_input(windows, spec.features, spec.layout, spec.front_end)


def track_windows(log_mel: LogMel, spec: AudioInput) -> list[LogMel]:
    """Cut features of shape (rows, frames) into windows, one every `hop` seconds; the last ends at the last frame.

    As in `audio.windows.sliding_windows`, the last regular window moves to the end if it would otherwise nearly
    coincide with another one. Windows are views, unless the track is shorter than one; it is then repeated to fill it.
    """
    frames, hop = spec.frames, max(1, round(spec.hop / spec.front_end.seconds_per_frame))
    if log_mel.shape[1] < frames:
        log_mel = log_mel[:, np.arange(frames) % log_mel.shape[1]]
    last = log_mel.shape[1] - frames
    starts = list(range(0, last, hop))
    if len(starts) > 1 and 2 * (last - starts[-1]) < hop and last - starts[-2] <= frames:
        starts.pop()
    starts.append(last)
    return [log_mel[:, start : start + frames] for start in starts]


def is_array_row(path: str) -> bool:
    """Return whether a path denotes a row of an array."""
    return _ARRAY_ROW.search(path) is not None


def load_array_row(path: str, spec: LogMelSpec) -> LogMel:
    """Return a row of an array, in decibels.

    Raises:
        ManifestError: the array cannot be read, lacks the row, or does not match the settings.
    """
    file, _, row = path.rpartition("#")
    array = _open_array(file)
    _check_array(array, file, spec)
    if not int(row) < len(array):
        raise ManifestError(f"{display_name(file)} has {len(array)} rows; row {row} does not exist")
    return np.asarray(array[int(row)] * np.float16(_ARRAY_RANGE_DB / 255) - np.float16(_ARRAY_RANGE_DB))


def array_front_end(path: str, front_end: FrontEnd) -> FrontEnd:
    """Return the front end with the hop of the array that a path denotes, computed from its number of frames.

    Raises:
        ManifestError: the array cannot be read.
    """
    frames = _open_array(path.rpartition("#")[0]).shape[-1]
    return front_end.model_copy(update={"hop": round(GTZAN_SECONDS * front_end.rate / frames)})


def _open_array(file: str) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(file, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise ManifestError(f"{display_name(file)} is not a readable array of log-mels ({error})") from error
    return array


def _check_array(array: NDArray[Any], file: str, spec: LogMelSpec) -> None:
    front_end, frames = spec.front_end, array.shape[-1]
    if spec != LogMelSpec(front_end=front_end):
        unsupported = ", ".join(spec.spectral) or "preprocessing or augmentation of samples"
        raise ManifestError(
            f"{display_name(file)} contains log-mels, but {unsupported} needs recordings; give recordings, or leave it "
            "out of the recipe"
        )
    if array.ndim != 3 or array.dtype != np.uint8 or array.shape[1] != front_end.n_mels:
        raise ManifestError(
            f"{display_name(file)} is an array of {array.dtype} {array.shape}; the front end needs uint8 "
            f"(tracks, {front_end.n_mels}, frames)"
        )
    seconds = frames * front_end.seconds_per_frame
    if abs(seconds / GTZAN_SECONDS - 1) > _LENGTH_TOLERANCE:
        matching_hop = round(GTZAN_SECONDS * front_end.rate / frames, -1)
        raise ManifestError(
            f"{display_name(file)} has {frames} frames per track, {seconds:.1f} s at the front end's hop of "
            f"{front_end.hop}, but the tracks last {GTZAN_SECONDS} s; use --set input.front_end.hop={matching_hop:.0f} "
            "or similar"
        )


def _raise_open_file_limit(count: int) -> None:
    """Raise the limit of open files by `count`.

    Each memory-mapped file stays open, and many systems allow only 1024 or 256 by default.
    """
    if sys.platform == "win32":  # it has no such limit
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return
    wanted = soft + count if hard == resource.RLIM_INFINITY else min(soft + count, hard)
    with contextlib.suppress(ValueError, OSError):  # above what the system allows; opening a file will then fail
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _is_readable(file: Path) -> bool:
    try:
        np.load(file, mmap_mode="r")
    except (OSError, ValueError, EOFError):  # missing or damaged
        return False
    return True
