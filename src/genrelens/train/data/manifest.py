"""A data set: which tracks there are, what each is called, who made it, and on which side it stands."""

import csv
import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Literal, get_args

from genrelens.audio.containers import audio_files
from genrelens.errors import ManifestError, display_name
from genrelens.model.labels import LABEL_SEPARATOR, LEVEL_SEPARATOR, GenreTree, Labelling, has_empty_parts, parse_labels

Split = Literal["train", "valid", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

GTZAN = "gtzan:"
GTZAN_SECONDS = 30  # that each of its excerpts lasts
_GTZAN_NAME = re.compile(r"([a-z]+)\.?(\d{5})$")  # its pictures are usually named without the dot

_SIDE_NAMES: dict[str, Split] = {  # what folders of a split made by hand are called
    "train": "train",
    "valid": "valid",
    "val": "valid",
    "validation": "valid",
    "dev": "valid",
    "test": "test",
}

Finder = Callable[[Path], Iterable[Path]]  # the files of a data set in a folder


@dataclass(frozen=True)
class LabelledTrack:
    """A track of a data set.

    Attributes:
        path: of an audio file; or "array.npy#17", row 17 of an array of log-mels (see `train.mels`).
        name: what the track is called, for people.
        label: its genre, as it is written; perhaps several, or a path in a tree (see `genrelens.model.labels`).
        group: what must not stand on two sides of a split, such as the artist; none if unknown.
        side: of a split; none if the track takes no part in it.
    """

    path: str
    name: str
    label: str
    group: str | None = None
    split: Split | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Its genres; more than one only if there are marks between them."""
        return parse_labels(self.label)


@dataclass(frozen=True)
class Manifest:
    """The tracks of a data set and the data set's name."""

    name: str
    tracks: tuple[LabelledTrack, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The genres, sorted."""
        return tuple(sorted({label for item in self.tracks for label in item.labels}))

    def in_split(self, side: Split) -> tuple[LabelledTrack, ...]:
        """The tracks on one side."""
        return tuple(item for item in self.tracks if item.split == side)

    def exclude(self, names: Iterable[str]) -> "Manifest":
        """Leave out the tracks of these names from *train*; the other sides stay what others measure on."""
        unwanted = frozenset(names)
        kept = (item for item in self.tracks if not (item.split == "train" and item.name in unwanted))
        return replace(self, tracks=tuple(kept))


def read_manifest(data: str, find: Finder = audio_files) -> Manifest:
    """Read a data set.

    Args:
        data: a folder with a folder of audio (or whatever `find` finds) for each genre, or with such folders
            in folders train, valid (or val, dev) and test; a CSV file with the columns `path` and `label` and
            perhaps `group` and `split` (relative paths start at the CSV's folder); or "gtzan:" and a folder of
            GTZAN's recordings (`blues/blues.00000.wav` or any other format), or an array of their log-mels
            (.npy, one row a track in the order of the data set).
        find: the files in a folder, such as `pictures.picture_files`.

    Raises:
        ManifestError: it is none of these, or holds no tracks.
    """
    if data.startswith(GTZAN):
        manifest = _read_gtzan(Path(data.removeprefix(GTZAN)).expanduser(), find)  # no shell does, behind a colon
    elif Path(data).is_dir():
        manifest = _read_folder(Path(data), find)
    elif Path(data).is_file() and data.lower().endswith(".csv"):
        manifest = _read_csv(Path(data))
    else:
        raise ManifestError(
            f"{display_name(data)} is not a data set; give a folder with a folder for each genre, a .csv file with the "
            f"columns path and label, or {GTZAN}FOLDER"
        )
    if not manifest.tracks:
        raise ManifestError(f"{display_name(data)} holds no tracks; put audio into a folder for each genre")
    return manifest


def require_labelling(items: Iterable[LabelledTrack], labelling: Labelling) -> None:
    """See that tracks are labelled as a recipe or a model takes them.

    Raises:
        ManifestError: one has several labels where there is room for one, or a path has an empty part or ends
            where another goes on.
    """
    labels = {item.label: item.path for item in items}
    for label, path in labels.items():
        if labelling != "several" and LABEL_SEPARATOR in label:
            room = "a path in a tree" if labelling == "tree" else "one label a track"
            raise ManifestError(
                f"{display_name(path)} has several labels ({label}), but {room} is asked for; a recipe takes several "
                "with --set data.labels=several"
            )
        if labelling != "one" and has_empty_parts(label):
            raise ManifestError(
                f"{display_name(path)} has the label {label!r}, with nothing beside a {LABEL_SEPARATOR} or {LEVEL_SEPARATOR}; fill it"
            )
    if labelling == "tree":
        try:
            GenreTree(labels)
        except ValueError as error:
            raise ManifestError(f"{error}; call such tracks by a part, new if need be, or leave them out") from error


def _read_folder(folder: Path, find: Finder) -> Manifest:
    sides = {path: _SIDE_NAMES.get(path.name.lower()) for path in _folders(folder)}
    if sides and all(sides.values()):
        items = [replace(item, split=side) for path, side in sides.items() for item in _genres(path, find)]
    else:
        items = _genres(folder, find)
    return Manifest(folder.resolve().name, tuple(items))


def _genres(folder: Path, find: Finder) -> list[LabelledTrack]:
    return [LabelledTrack(str(path), path.stem, genre.name.strip()) for genre in _folders(folder) for path in find(genre)]


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir())


def _read_csv(file: Path) -> Manifest:
    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{display_name(file)} cannot be read as UTF-8 text ({error})") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = {"path", "label"} - set(reader.fieldnames or ())
    if missing:
        raise ManifestError(f"{display_name(file)} lacks the column {' and '.join(sorted(missing))} in its first line")
    items = tuple(_csv_item(row, file, number) for number, row in enumerate(reader, start=2))
    return Manifest(file.stem, items)


def _csv_item(row: dict[str, str | None], file: Path, number: int) -> LabelledTrack:
    path, label, side = row["path"], (row["label"] or "").strip(), row.get("split") or None
    if not path or not label:
        raise ManifestError(f"{display_name(file)}, line {number}: path and label must not be empty")
    if side not in (*SPLITS, None):
        raise ManifestError(f"{display_name(file)}, line {number}: split is {side!r}; it must be train, valid, test or empty")
    return LabelledTrack(str(file.parent / path), Path(path).stem, label, row.get("group") or None, side)


def _read_gtzan(place: Path, find: Finder) -> Manifest:
    if place.suffix == ".npy":
        known = gtzan_tracks()
        return Manifest("GTZAN", tuple(replace(item, path=f"{place}#{row}") for row, item in enumerate(known.values())))
    if not place.is_dir():
        raise ManifestError(f"{display_name(place)} is not a folder of GTZAN recordings, nor an .npy array of their log-mels")
    known = gtzan_tracks()
    named = ((path, _GTZAN_NAME.search(path.stem)) for path in find(place))
    found = ((path, f"{match[1]}.{match[2]}") for path, match in named if match)
    return Manifest("GTZAN", tuple(replace(known[name], path=str(path)) for path, name in found if name in known))


def gtzan_tracks() -> dict[str, LabelledTrack]:
    """GTZAN's 1000 tracks by name, in its order, on the sides of the fault-filtered split, without paths.

    The split leaves out repetitions and distortions and keeps most artists on one side (Sturm, arXiv 1306.1461;
    lists of Kereliuk, Sturm & Larsen, IEEE TMM 2015); docs/data.md tells what is left. Artist groups follow
    Sturm's index; the tracks that it leaves out have none.
    """
    lines = (files("genrelens.train.data") / "gtzan.csv").read_text("utf-8").splitlines()
    rows = csv.DictReader(lines)
    return {
        row["track"]: LabelledTrack("", row["track"], row["track"].split(".")[0], row["group"] or None, _side(row["split"]))
        for row in rows
    }


def _side(text: str) -> Split | None:
    return next((side for side in SPLITS if side == text), None)
