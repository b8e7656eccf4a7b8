"""Assignment of tracks to the splits train, valid and test, and detection of leaks between them."""

import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from genrelens.errors import LeakError, SplitError
from genrelens.model.labels import LABEL_SEPARATOR
from genrelens.train.data.manifest import GTZAN, SPLITS, LabelledTrack, Manifest, Split

_FOLD = re.compile(r"fold-(\d+)-of-(\d+)$")
_TWENTIETHS: tuple[Split, ...] = ("test",) * 3 + ("valid",) * 3 + ("train",) * 14  # 15 / 15 / 70 %
_SEVENTHS: tuple[Split, ...] = ("test", "valid", *("train",) * 5)  # about the same, for small genres


@dataclass(frozen=True)
class Leak:
    """An artist group or recording that is in more than one split.

    Attributes:
        kind: "group" or "recording", followed by its identifier.
        tracks: names of the tracks in each split.
    """

    kind: str
    tracks: Mapping[Split, tuple[str, ...]]

    def __str__(self) -> str:
        tracks = "; ".join(f"{split}: {', '.join(names)}" for split, names in self.tracks.items())
        return f"{self.kind} ({tracks})"


def assign_splits(manifest: Manifest, scheme: str, seed: int) -> Manifest:
    """Assign each track of a dataset to a split.

    Args:
        manifest: the dataset.
        scheme: "given" keeps the splits of the dataset; "fault-filtered" does so for GTZAN; "stratified" draws
            70 / 15 / 15 % of each genre; "fold-2-of-10" takes the second of ten folds for test, the next for valid,
            and the rest for train. Groups are kept together; a track without a group is one by itself. "tracks" is
            "stratified" without groups, as in many published figures, which are overestimates. "none" assigns all
            tracks to test.
        seed: seed of the random draw.

    Raises:
        SplitError: the scheme is unknown, or impossible for this dataset.
    """
    if scheme == "fault-filtered" and manifest.name != "GTZAN":
        raise SplitError(f"fault-filtered is a split of GTZAN; pass the data as {GTZAN}FOLDER")
    if scheme in ("given", "fault-filtered"):
        return manifest
    if scheme == "none":
        return _assign(manifest, ["test"] * len(manifest.tracks))
    if scheme == "stratified":
        return _assign(manifest, _stratified_splits(manifest.tracks, seed))
    if scheme == "tracks":
        return _assign(manifest, _stratified_splits([replace(track, group=None) for track in manifest.tracks], seed))
    if match := _FOLD.match(scheme):
        return _assign(manifest, _fold_splits(manifest.tracks, int(match[1]), int(match[2]), seed))
    raise SplitError(
        f"{scheme!r} is not a split; choose given, fault-filtered, stratified, tracks, fold-1-of-10 or none"
    )


def require_splits(manifest: Manifest, *splits: Split) -> None:
    """Check that each of these splits has tracks.

    Raises:
        SplitError: a split is empty.
    """
    empty = [split for split in splits if not manifest.in_split(split)]
    if empty:
        raise SplitError(
            f"{manifest.name} has no tracks in {' and '.join(empty)}; draw a split with `stratified`, "
            "or evaluate on all tracks with --split none"
        )


def find_leaks(tracks: Iterable[LabelledTrack], recordings: Mapping[str, str]) -> list[Leak]:
    """Find artist groups and recordings that are in more than one split.

    `recordings` maps paths to an identifier of their audio, such as a hash; paths may be missing.
    """
    members: dict[tuple[str, Hashable], dict[Split, list[str]]] = defaultdict(lambda: defaultdict(list))
    for track in tracks:
        if track.split is None:
            continue
        if track.group is not None:
            members["group", track.group][track.split].append(track.name)
        if track.path in recordings:
            members["recording", recordings[track.path]][track.split].append(track.name)
    return [
        Leak(f"{kind} {str(key)[:16]}", {split: tuple(names[split]) for split in SPLITS if split in names})
        for (kind, key), names in members.items()
        if len(names) > 1
    ]


def drop_leaking_groups(manifest: Manifest) -> Manifest:
    """Remove tracks from *train* and *valid* whose group is also in a later split."""
    test_groups = {track.group for track in manifest.in_split("test")} - {None}
    valid_groups = {track.group for track in manifest.in_split("valid")} - {None}
    excluded: dict[Split | None, set[str | None]] = {"train": test_groups | valid_groups, "valid": test_groups}
    kept = (track for track in manifest.tracks if track.group not in excluded.get(track.split, ()))
    return replace(manifest, tracks=tuple(kept))


def refuse_leaks(leaks: Sequence[Leak]) -> None:
    """Raise an error if there are leaks.

    Raises:
        LeakError: there are leaks; the message names the first ones.
    """
    if leaks:
        first = "; ".join(map(str, leaks[:3])) + (f"; and {len(leaks) - 3} more" if len(leaks) > 3 else "")
        raise LeakError(
            f"{describe_leaks(len(leaks))}: {first}. Leave tracks out with `exclude` in the recipe, "
            "or use --allow-leak and expect overestimated figures"
        )


def describe_leaks(count: int) -> str:
    """Return a phrase such as "2 groups or recordings are in more than one split"."""
    return f"{count} {'group or recording is' if count == 1 else 'groups or recordings are'} in more than one split"


def _assign(manifest: Manifest, splits: Sequence[Split]) -> Manifest:
    tracks = (replace(track, split=split) for track, split in zip(manifest.tracks, splits, strict=True))
    return replace(manifest, tracks=tuple(tracks))


def _stratified_splits(tracks: Sequence[LabelledTrack], seed: int) -> list[Split]:
    smallest = min(Counter(label for track in tracks for label in track.labels).values())
    split_of_fold = _TWENTIETHS if smallest >= len(_TWENTIETHS) else _SEVENTHS
    return [split_of_fold[fold] for fold in _assign_folds(tracks, len(split_of_fold), seed)]


def _fold_splits(tracks: Sequence[LabelledTrack], number: int, count: int, seed: int) -> list[Split]:
    if not 1 <= number <= count or count < 3:
        raise SplitError(f"fold-{number}-of-{count} is impossible; use 3 folds or more, numbered from 1")
    test, valid = number - 1, number % count
    folds = _assign_folds(tracks, count, seed)
    return ["test" if fold == test else "valid" if fold == valid else "train" for fold in folds]


def _assign_folds(tracks: Sequence[LabelledTrack], count: int, seed: int) -> list[int]:
    """Return the fold of each track, of `count` stratified folds of equal size that keep groups together."""
    groups = np.array([track.group if track.group is not None else f"\0{track.path}" for track in tracks])
    strata = np.array(_strata(tracks, count))
    possible = min(len(set(groups)), max(Counter(strata).values()))
    if possible < count:
        raise SplitError(f"{possible} tracks or groups cannot fill {count} folds; add data, or provide a split")
    folds = np.empty(len(tracks), int)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")  # it is spread over as many folds as possible
        splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
        for number, (_, members) in enumerate(splitter.split(groups, strata, groups)):
            folds[members] = number
    return [int(fold) for fold in folds]


def _strata(tracks: Sequence[LabelledTrack], folds: int) -> list[str]:
    """Return the stratum of each track: its set of labels, or its first label if the set is rarer than the folds."""
    label_sets = [LABEL_SEPARATOR.join(sorted(track.labels)) for track in tracks]
    frequent = {labels for labels, count in Counter(label_sets).items() if count >= folds}
    return [labels if labels in frequent else track.labels[0] for labels, track in zip(label_sets, tracks, strict=True)]
