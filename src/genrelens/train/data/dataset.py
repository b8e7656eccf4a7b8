"""The dataset of a recipe: its tracks are read, split, checked for leaks and loaded as network inputs and targets."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrelens.errors import GenrelensError, ManifestError, SplitError, display_name
from genrelens.features.pictures import picture_to_model_input, read_picture
from genrelens.model.input_spec import AudioInput, PictureInput, file_finder
from genrelens.progress import Notify, Progress, ProgressBars, no_progress_bars
from genrelens.train.data.log_mels import LoadedInputs, LogMel, LogMelSpec, is_array_row, load_log_mels, track_windows
from genrelens.train.data.manifest import LabelledTrack, Manifest, Split, read_manifest, require_labelling
from genrelens.train.data.splits import assign_splits, describe_leaks, find_leaks, refuse_leaks, require_splits
from genrelens.train.recipes.recipe import ProbeRecipe, Recipe

_MIN_TRACKS = 2  # per genre: one to train on, one to validate on


@dataclass(frozen=True)
class LoadingOptions:
    """Options of loading a dataset.

    Attributes:
        data: the dataset, in the form that `read_manifest` accepts.
        cache: folder of the cached log-mels.
        processes: number of processes that decode audio.
        allow_leak: whether leaks between splits are reported instead of refused.
        progress_bars: creates the progress bars.
    """

    data: str
    cache: Path
    processes: int
    allow_leak: bool = False
    progress_bars: ProgressBars = no_progress_bars


@dataclass(frozen=True)
class Examples:
    """Inputs and targets.

    Attributes:
        inputs: log-mels of shape (rows, frames), or pictures of shape (channels, height, width).
        targets: float32, shape (examples, labels); 1 for each label of an example, else 0.
    """

    inputs: Sequence[LogMel]
    targets: NDArray[np.float32]


@dataclass(frozen=True)
class Dataset:
    """Tracks with their splits and inputs.

    Attributes:
        manifest: tracks with their splits.
        inputs: log-mel or picture of each track, by path.
        copies: log-mels of the augmented copies of the tracks of *train*, by path.
    """

    manifest: Manifest
    inputs: Mapping[str, LogMel]
    copies: Mapping[str, Sequence[LogMel]] = field(default_factory=dict)

    def examples(self, split: Split) -> Examples:
        """Return the tracks of a split, without augmented copies."""
        return self._examples([(track, self.inputs[track.path]) for track in self.manifest.in_split(split)])

    def training_examples(self, recipe: Recipe) -> Examples:
        """Return the tracks of *train* and their copies; with `crops = "all"`, each window is an example."""
        pairs = [
            (track, log_mel)
            for track in self.manifest.in_split("train")
            for log_mel in (self.inputs[track.path], *self.copies.get(track.path, ()))
        ]
        if recipe.train.crops == "all" and isinstance(recipe.input, AudioInput):
            pairs = [(track, window) for track, log_mel in pairs for window in track_windows(log_mel, recipe.input)]
        return self._examples(pairs)

    def _examples(self, pairs: Sequence[tuple[LabelledTrack, LogMel]]) -> Examples:
        tracks = [track for track, _ in pairs]
        return Examples([log_mel for _, log_mel in pairs], target_matrix(tracks, self.manifest.labels))


def target_matrix(tracks: Sequence[LabelledTrack], labels: tuple[str, ...]) -> NDArray[np.float32]:
    """Return multi-hot targets of shape (tracks, labels): 1 for each label of a track, else 0."""
    return np.array([[label in track.labels for label in labels] for track in tracks], np.float32)


def load_dataset(recipe: Recipe, loading: LoadingOptions, notify: Notify) -> Dataset:
    """Load the tracks of a recipe, and augmented copies of the tracks of *train*.

    Raises:
        DataError: the data is unusable, or leaks.
    """
    dataset = load_splits(recipe, loading, notify)
    return replace(dataset, copies=load_augmented_copies(dataset.manifest.in_split("train"), recipe, loading, notify))


def load_splits(recipe: Recipe | ProbeRecipe, loading: LoadingOptions, notify: Notify) -> Dataset:
    """Read the manifest, assign splits, load the inputs, and refuse leaks.

    Raises:
        DataError: the data is unusable, or leaks.
    """
    manifest = assign_splits(read_recipe_manifest(recipe, loading.data), recipe.data.split, recipe.seed)
    manifest = manifest.exclude(recipe.data.exclude)
    manifest = replace(manifest, tracks=tuple(track for track in manifest.tracks if track.split))
    require_splits(manifest, "train", "valid")
    notify(f"Reading {len(manifest.tracks)} tracks of {manifest.name}, split {recipe.data.split} ...")
    loaded = load_inputs(manifest.tracks, recipe, loading)
    for error in loaded.failures.values():
        notify(f"Skipped: {error}")
    manifest = replace(manifest, tracks=tuple(track for track in manifest.tracks if track.path in loaded.inputs))
    require_splits(manifest, "train", "valid")
    require_trainable_labels(manifest)
    leaks = find_leaks(manifest.tracks, loaded.content_hashes)
    if leaks and loading.allow_leak:
        notify(f"Warning: {describe_leaks(len(leaks))}, so figures will be overestimates: {leaks[0]} ...")
    else:
        refuse_leaks(leaks)
    return Dataset(manifest, loaded.inputs)


def read_recipe_manifest(recipe: Recipe | ProbeRecipe, data: str) -> Manifest:
    """Read the manifest of a dataset of audio or pictures, whichever the recipe's network takes.

    Raises:
        ManifestError: the manifest cannot be read, or its labels do not have the form that the recipe needs.
    """
    manifest = read_manifest(data, file_finder(recipe.input))
    require_labelling(manifest.tracks, recipe.data.labels)
    return manifest


def load_inputs(tracks: Sequence[LabelledTrack], recipe: Recipe | ProbeRecipe, loading: LoadingOptions) -> LoadedInputs:
    """Load the log-mels of tracks, or the channels of pictures."""
    with loading.progress_bars("Reading", len(tracks)) as progress:
        if isinstance(recipe.input, PictureInput):
            return _load_pictures(tracks, recipe.input, progress)
        spec = LogMelSpec.for_input(recipe.input, recipe.preprocess)
        return load_log_mels(tracks, spec, loading.cache, loading.processes, progress)


def load_augmented_copies(
    tracks: Sequence[LabelledTrack], recipe: Recipe, loading: LoadingOptions, notify: Notify
) -> dict[str, list[LogMel]]:
    """Load the log-mels of augmented copies of recordings, `augment.expand` - 1 of each, by path.

    Raises:
        ManifestError: the tracks are not recordings.
        RecipeError: the sampling rate is too low for the equaliser.
    """
    count = recipe.augment.expand - 1
    if not count:
        return {}
    if not isinstance(recipe.input, AudioInput) or any(is_array_row(track.path) for track in tracks):
        raise ManifestError(
            "augment.expand needs recordings, and the data has none; give recordings, or leave augment.expand out"
        )
    spec = LogMelSpec.for_input(recipe.input, recipe.preprocess)
    copies: dict[str, list[LogMel]] = {track.path: [] for track in tracks}
    for number in range(1, count + 1):
        changes = {"waveform": recipe.augment.waveform, "copy_number": number, "seed": recipe.seed}
        with loading.progress_bars(f"Copies, {number} of {count}", len(tracks)) as progress:
            loaded = load_log_mels(tracks, spec.model_copy(update=changes), loading.cache, loading.processes, progress)
        for error in loaded.failures.values():
            notify(f"Skipped in copy {number}: {error}")
        for path, log_mel in loaded.inputs.items():
            copies[path].append(log_mel)
    return copies


def require_trainable_labels(manifest: Manifest) -> None:
    """Check that each genre has enough tracks to train and to validate on.

    Raises:
        SplitError: a genre has too few tracks, or none in *train*.
    """
    counts = Counter(label for track in manifest.tracks for label in track.labels)
    trained = {label for track in manifest.in_split("train") for label in track.labels}
    for label in manifest.labels:
        if counts[label] < _MIN_TRACKS:
            raise SplitError(
                f"{label} has {counts[label]} track; a genre needs at least {_MIN_TRACKS}; add some, or leave it out"
            )
        if label not in trained:
            raise SplitError(f"{label} has no tracks in train; move some there, or leave the genre out")


def _load_pictures(tracks: Sequence[LabelledTrack], spec: PictureInput, progress: Progress) -> LoadedInputs:
    inputs: dict[str, LogMel] = {}
    content_hashes: dict[str, str] = {}
    failures: dict[str, GenrelensError] = {}
    for path in (track.path for track in tracks):
        try:
            pixels = read_picture(path)
            channels = picture_to_model_input(pixels, spec.width, spec.height, spec.border, display_name(path))
        except GenrelensError as error:
            failures[path] = error
        else:
            inputs[path] = channels.astype(np.float16)
            content_hashes[path] = hashlib.sha256(pixels.tobytes()).hexdigest()
        progress()
    return LoadedInputs(inputs, content_hashes, failures)
