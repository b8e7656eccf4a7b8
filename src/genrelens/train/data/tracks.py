"""The tracks of a recipe: read, put on their sides, checked for leaks, and turned into what a net learns from."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from genrelens.errors import GenrelensError, ManifestError, SplitError, shown
from genrelens.features.pictures import picture_planes, read_picture
from genrelens.model.input_spec import Input, Picture, Sound, finder
from genrelens.train.data.log_mels import Analysis, Level, Mels, is_row, load_mels
from genrelens.train.data.manifest import Item, Manifest, Side, read_manifest, require_labelling
from genrelens.train.data.splits import leaks, refuse_leaks, require, split
from genrelens.train.evaluation.evaluate import grid
from genrelens.train.recipes.recipe import DataTable, PreprocessTable, Recipe

Bar = Callable[[str, int], AbstractContextManager[Callable[[], None]]]  # what, how many -> after each
Say = Callable[[str], None]

_FEWEST = 2  # tracks of a genre: one to learn from, one to choose by


class Reading(Protocol):
    """What a recipe of any kind says of how its tracks are read."""

    @property
    def data(self) -> DataTable: ...  # noqa: D102
    @property
    def input(self) -> Input: ...  # noqa: D102
    @property
    def preprocess(self) -> PreprocessTable: ...  # noqa: D102
    @property
    def seed(self) -> int: ...  # noqa: D102


@dataclass(frozen=True)
class Tracks:
    """Levels, or planes of pictures, and what each is called: 1 for the labels that it has.

    `targets` is float32 (tracks, labels).
    """

    levels: Sequence[Level]
    targets: NDArray[np.float32]


@dataclass(frozen=True)
class DataSet:
    """Tracks on their sides, the levels of each by its path, and of varied copies of those that are learnt from."""

    manifest: Manifest
    levels: Mapping[str, Level]
    copies: Mapping[str, Sequence[Level]] = field(default_factory=dict)

    def side(self, side: Side) -> Tracks:
        """The tracks on one side, as they are."""
        return self._tracks([(item, self.levels[item.path]) for item in self.manifest.side(side)])

    def lessons(self, recipe: Recipe) -> Tracks:
        """What is learnt from: the tracks of *train* and their copies; where all windows are taken, each window."""
        pairs = [
            (item, level)
            for item in self.manifest.side("train")
            for level in (self.levels[item.path], *self.copies.get(item.path, ()))
        ]
        if recipe.train.crops == "all" and isinstance(recipe.input, Sound):
            pairs = [(item, window) for item, level in pairs for window in grid(level, recipe.input)]
        return self._tracks(pairs)

    def _tracks(self, pairs: Sequence[tuple[Item, Level]]) -> Tracks:
        return Tracks([level for _, level in pairs], targets([item for item, _ in pairs], self.manifest.labels))


def targets(items: Sequence[Item], labels: tuple[str, ...]) -> NDArray[np.float32]:
    """Which of the labels each track has, 1 or 0; shape (tracks, labels)."""
    return np.array([[label in item.labels for label in labels] for item in items], np.float32)


@dataclass(frozen=True)
class Loading:
    """Where the data are, where levels are kept, with how many processes they are made, and who is told."""

    data: str
    cache: Path
    processes: int
    allow_leak: bool = False
    bar: Bar = lambda _what, _total: nullcontext(lambda: None)


def load(recipe: Recipe, loading: Loading, say: Say) -> DataSet:
    """The tracks of a recipe, and varied copies of those that are learnt from.

    Raises:
        DataError: the data cannot be used, or leaks.
    """
    data = load_sides(recipe, loading, say)
    return replace(data, copies=load_copies(data.manifest.side("train"), recipe, loading, say))


def load_sides(recipe: Reading, loading: Loading, say: Say) -> DataSet:
    """Read the data, put each track on its side, compute levels, and refuse leaks.

    Raises:
        DataError: the data cannot be used, or leaks.
    """
    table = recipe.data
    divided = split(read(recipe, loading.data), table.split, recipe.seed).without(table.exclude)
    manifest = replace(divided, items=tuple(item for item in divided.items if item.side))
    require(manifest, "train", "valid")
    say(f"Reading {len(manifest.items)} tracks of {manifest.name}, split {table.split} ...")
    mels = load_levels(manifest.items, recipe, loading)
    for error in mels.failures.values():
        say(f"Left out: {error}.")
    manifest = replace(manifest, items=tuple(item for item in manifest.items if item.path in mels.levels))
    require(manifest, "train", "valid")
    require_lessons(manifest)
    found = leaks(manifest.items, mels.recordings)
    if found and loading.allow_leak:
        say(f"Warning: {len(found)} on two sides of the split, so the figures will flatter: {found[0]} ...")
    else:
        refuse_leaks(found)
    return DataSet(manifest, mels.levels)


def read(recipe: Reading, data: str) -> Manifest:
    """The data set, of audio or of pictures as the recipe's net takes them.

    Raises:
        ManifestError: it cannot be read, or is labelled otherwise than the recipe says.
    """
    manifest = read_manifest(data, finder(recipe.input))
    require_labelling(manifest.items, recipe.data.labels)
    return manifest


def load_levels(items: Sequence[Item], recipe: Reading, loading: Loading) -> Mels:
    """The levels of tracks, or the planes of pictures."""
    with loading.bar("Reading", len(items)) as advance:
        if isinstance(recipe.input, Picture):
            return _load_pictures(items, recipe.input, advance)
        analysis = Analysis.of(recipe.input, recipe.preprocess)
        return load_mels(items, analysis, loading.cache, loading.processes, progress=advance)


def load_copies(items: Sequence[Item], recipe: Recipe, loading: Loading, say: Say) -> dict[str, list[Level]]:
    """The levels of varied copies of recordings, `augment.expand` - 1 of each, by path.

    Raises:
        ManifestError: they are not recordings.
        RecipeError: their rate is too low for the equaliser.
    """
    extra = recipe.augment.expand - 1
    if not extra:
        return {}
    if not isinstance(recipe.input, Sound) or any(is_row(item.path) for item in items):
        raise ManifestError(
            "augment.expand varies recordings, and these are not; give recordings, or leave augment.expand out"
        )
    analysis = Analysis.of(recipe.input, recipe.preprocess)
    copies: dict[str, list[Level]] = {item.path: [] for item in items}
    for number in range(1, extra + 1):
        varied = analysis.model_copy(
            update={"waveform": recipe.augment.waveform, "copy_number": number, "seed": recipe.seed}
        )
        with loading.bar(f"Copies, {number} of {extra}", len(items)) as advance:
            mels = load_mels(items, varied, loading.cache, loading.processes, progress=advance)
        for error in mels.failures.values():
            say(f"Left out of copies {number}: {error}.")
        for path, level in mels.levels.items():
            copies[path].append(level)
    return copies


def require_lessons(manifest: Manifest) -> None:
    """See that each genre can be learnt and judged.

    Raises:
        SplitError: a genre has too few tracks, or none to learn from.
    """
    counts = Counter(label for item in manifest.items for label in item.labels)
    learnt = {label for item in manifest.side("train") for label in item.labels}
    for label in manifest.labels:
        if counts[label] < _FEWEST:
            raise SplitError(f"{label} has {counts[label]} track; a genre needs {_FEWEST} or more, or must be left out")
        if label not in learnt:
            raise SplitError(f"no track of {label} is in train; move some there, or leave the genre out")


def _load_pictures(items: Sequence[Item], picture: Picture, advance: Callable[[], None]) -> Mels:
    levels: dict[str, Level] = {}
    recordings: dict[str, str] = {}
    failures: dict[str, GenrelensError] = {}
    for path in (item.path for item in items):
        try:
            pixels = read_picture(path)
            planes = picture_planes(pixels, picture.width, picture.height, picture.border, shown(path))
        except GenrelensError as error:
            failures[path] = error
        else:
            levels[path] = planes.astype(np.float16)
            recordings[path] = hashlib.sha256(pixels.tobytes()).hexdigest()
        advance()
    return Mels(levels, recordings, failures)
