"""Dataset manifests: the tracks of a dataset with their labels, artist groups and splits."""

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
GTZAN_SECONDS = 30  # length of each excerpt
_GTZAN_NAME = re.compile(r"([a-z]+)\.?(\d{5})$")  # pictures of the tracks are usually named without the dot

_SPLIT_FOLDERS: dict[str, Split] = {  # common names of the folders of a split
    "train": "train",
    "valid": "valid",
    "val": "valid",
    "validation": "valid",
    "dev": "valid",
    "test": "test",
}

FileFinder = Callable[[Path], Iterable[Path]]  # returns the files of a dataset in a folder


@dataclass(frozen=True)
class LabelledTrack:
    """A track of a dataset.

    Attributes:
        path: path to an audio file or picture; or "array.npy#17", row 17 of an array of log-mels (see
            `genrelens.train.data.log_mels`).
        name: display name of the track.
        label: genre as written in the dataset; possibly several, or a path in a tree (see `genrelens.model.labels`).
        group: tracks of one group, such as an artist, must be in the same split; None if unknown.
        split: split of the track; None if it is not used.
    """

    path: str
    name: str
    label: str
    group: str | None = None
    split: Split | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Genres of the track; more than one only if the label contains separators."""
        return parse_labels(self.label)


@dataclass(frozen=True)
class Manifest:
    """Name of a dataset, and its tracks."""

    name: str
    tracks: tuple[LabelledTrack, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """Genres of all tracks, sorted."""
        return tuple(sorted({label for track in self.tracks for label in track.labels}))

    def in_split(self, split: Split) -> tuple[LabelledTrack, ...]:
        """Return the tracks of a split."""
        return tuple(track for track in self.tracks if track.split == split)

    def exclude(self, names: Iterable[str]) -> "Manifest":
        """Remove the tracks with these names from *train*; the other splits stay comparable with published figures."""
        excluded = frozenset(names)
        kept = (track for track in self.tracks if not (track.split == "train" and track.name in excluded))
        return replace(self, tracks=tuple(kept))


def read_manifest(data: str, find: FileFinder = audio_files) -> Manifest:
    """Read the manifest of a dataset.

    Args:
        data: a folder with a subfolder of audio files (or the files that `find` returns) per genre, or with such
            folders in train, valid (or val, dev) and test; or a CSV file with the columns `path` and `label`, and
            optionally `group` and `split` (relative paths start at the folder of the CSV file); or "gtzan:" followed
            by a folder of GTZAN's recordings (`blues/blues.00000.wav` in any format), or by an array of their log-mels
            (.npy, one row per track in the order of the dataset).
        find: function that returns the files in a folder, such as `genrelens.features.pictures.picture_files`.

    Raises:
        ManifestError: the data is not in one of these forms, or contains no tracks.
    """
    if data.startswith(GTZAN):
        folder = Path(data.removeprefix(GTZAN)).expanduser()  # shells do not expand ~ after a colon
        manifest = _read_gtzan(folder, find)
    elif Path(data).is_dir():
        manifest = _read_folder(Path(data), find)
    elif Path(data).is_file() and data.lower().endswith(".csv"):
        manifest = _read_csv(Path(data))
    else:
        raise ManifestError(
            f"{display_name(data)} is not a dataset; pass a folder with a subfolder per genre, a .csv file with the "
            f"columns path and label, or {GTZAN}FOLDER"
        )
    if not manifest.tracks:
        raise ManifestError(f"{display_name(data)} contains no tracks; put audio files into a subfolder per genre")
    return manifest


def require_labelling(tracks: Iterable[LabelledTrack], labelling: Labelling) -> None:
    """Check that the labels of tracks have the form that a recipe or model needs.

    Raises:
        ManifestError: a track has several labels where one is allowed; a label has an empty part; or a genre of the
            tree is both a label and the parent of another.
    """
    labels = {track.label: track.path for track in tracks}
    for label, path in labels.items():
        if labelling != "several" and LABEL_SEPARATOR in label:
            needed = "one path in a tree" if labelling == "tree" else "one label per track"
            raise ManifestError(
                f"{display_name(path)} has several labels ({label}), but the recipe or model needs {needed}; to train "
                "with several, use --set data.labels=several"
            )
        if labelling != "one" and has_empty_parts(label):
            raise ManifestError(
                f"{display_name(path)} has the label {label!r}, with an empty part next to {LABEL_SEPARATOR} or "
                f"{LEVEL_SEPARATOR}; fill it in"
            )
    if labelling == "tree":
        try:
            GenreTree(labels)
        except ValueError as error:
            raise ManifestError(f"{error}; label such tracks with a subgenre, or leave them out") from error


def _read_folder(folder: Path, find: FileFinder) -> Manifest:
    splits = {path: _SPLIT_FOLDERS.get(path.name.lower()) for path in _subfolders(folder)}
    if splits and all(splits.values()):
        tracks = [replace(track, split=split) for path, split in splits.items() for track in _genre_tracks(path, find)]
    else:
        tracks = _genre_tracks(folder, find)
    return Manifest(folder.resolve().name, tuple(tracks))


def _genre_tracks(folder: Path, find: FileFinder) -> list[LabelledTrack]:
    files_by_genre = ((genre.name.strip(), find(genre)) for genre in _subfolders(folder))
    return [LabelledTrack(str(path), path.stem, genre) for genre, paths in files_by_genre for path in paths]


def _subfolders(folder: Path) -> list[Path]:
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
    tracks = tuple(_csv_track(row, file, number) for number, row in enumerate(reader, start=2))
    return Manifest(file.stem, tracks)


def _csv_track(row: dict[str, str | None], file: Path, number: int) -> LabelledTrack:
    path, label, split = row["path"], (row["label"] or "").strip(), row.get("split") or None
    if not path or not label:
        raise ManifestError(f"{display_name(file)}, line {number}: path and label must not be empty")
    if split not in (*SPLITS, None):
        raise ManifestError(
            f"{display_name(file)}, line {number}: split is {split!r}; it must be train, valid, test or empty"
        )
    return LabelledTrack(str(file.parent / path), Path(path).stem, label, row.get("group") or None, split)


def _read_gtzan(path: Path, find: FileFinder) -> Manifest:
    known = gtzan_tracks()
    if path.suffix == ".npy":
        rows = (replace(track, path=f"{path}#{row}") for row, track in enumerate(known.values()))
        return Manifest("GTZAN", tuple(rows))
    if not path.is_dir():
        raise ManifestError(
            f"{display_name(path)} is neither a folder of GTZAN recordings nor an .npy array of their log-mels"
        )
    matches = ((file, _GTZAN_NAME.search(file.stem)) for file in find(path))
    named = ((file, f"{match[1]}.{match[2]}") for file, match in matches if match)
    return Manifest("GTZAN", tuple(replace(known[name], path=str(file)) for file, name in named if name in known))


def gtzan_tracks() -> dict[str, LabelledTrack]:
    """Return GTZAN's 1000 tracks by name, in its order, with the fault-filtered split and empty paths.

    The split leaves out repetitions and distortions, and keeps most artists in one split (Sturm, arXiv 1306.1461;
    lists by Kereliuk, Sturm & Larsen, IEEE TMM 2015); docs/data.md lists the remaining leaks. Artist groups follow
    Sturm's index; tracks that are not in the index have none.
    """
    lines = (files("genrelens.train.data") / "gtzan.csv").read_text("utf-8").splitlines()
    splits: dict[str, Split] = {split: split for split in SPLITS}
    return {
        name: LabelledTrack("", name, name.split(".")[0], group or None, splits.get(split))
        for name, split, group in csv.reader(lines[1:])
    }
