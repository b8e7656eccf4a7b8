"""Sides for tracks: train, valid, test; and proof that no artist or recording stands on two of them."""

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
_SEVENTHS: tuple[Split, ...] = ("test", "valid", *("train",) * 5)  # nearly so, where genres are small


@dataclass(frozen=True)
class Leak:
    """What stands on more than one side: an artist group or a recording, and the tracks of each side."""

    kind: str
    tracks: Mapping[Split, tuple[str, ...]]

    def __str__(self) -> str:
        sides = "; ".join(f"{side}: {', '.join(names)}" for side, names in self.tracks.items())
        return f"{self.kind} ({sides})"


def assign_splits(manifest: Manifest, scheme: str, seed: int) -> Manifest:
    """Put each track on a side.

    Args:
        manifest: the data set.
        scheme: "given" keeps the sides that the data set states; "fault-filtered" is that for GTZAN;
            "stratified" draws 70 / 15 / 15 % of each genre; "fold-2-of-10" takes the second of ten folds for
            the test, the next for valid, the rest for train. Groups are kept whole, a track without one
            being its own. "tracks" is "stratified" with artists wherever they fall, as many published figures
            are measured: they flatter. "none" puts all into the test.
        seed: of the draw.

    Raises:
        SplitError: the scheme is unknown, or not possible with this data.
    """
    if scheme in ("given", "fault-filtered"):
        if scheme == "fault-filtered" and manifest.name != "GTZAN":
            raise SplitError(f"fault-filtered is a split of GTZAN; name the data as {GTZAN}FOLDER")
        return manifest
    if scheme == "none":
        return _assign(manifest, ["test"] * len(manifest.tracks))
    if scheme == "stratified":
        return _assign(manifest, _stratified(manifest.tracks, seed))
    if scheme == "tracks":
        return _assign(manifest, _stratified([replace(item, group=None) for item in manifest.tracks], seed))
    if match := _FOLD.match(scheme):
        return _assign(manifest, _fold(manifest.tracks, int(match[1]), int(match[2]), seed))
    raise SplitError(
        f"{scheme!r} is not a split; choose given, fault-filtered, stratified, tracks, fold-1-of-10 or none"
    )


def require_splits(manifest: Manifest, *sides: Split) -> None:
    """See that there are tracks on these sides.

    Raises:
        SplitError: there are none on one of them.
    """
    empty = [side for side in sides if not manifest.in_split(side)]
    if empty:
        raise SplitError(
            f"{manifest.name} has no tracks in {' and '.join(empty)}; draw a split with `stratified`, "
            "or measure on all with --split none"
        )


def find_leaks(items: Iterable[LabelledTrack], recordings: Mapping[str, str]) -> list[Leak]:
    """Find artist groups and recordings on more than one side.

    Args:
        items: the tracks.
        recordings: what tells the same audio, by path (such as its hash); paths may be missing.
    """
    groups: dict[tuple[str, Hashable], dict[Split, list[str]]] = defaultdict(lambda: defaultdict(list))
    for item in items:
        if item.split is None:
            continue
        if item.group is not None:
            groups["group", item.group][item.split].append(item.name)
        if item.path in recordings:
            groups["recording", recordings[item.path]][item.split].append(item.name)
    return [
        Leak(f"{kind} {str(key)[:16]}", {side: tuple(sides[side]) for side in SPLITS if side in sides})
        for (kind, key), sides in groups.items()
        if len(sides) > 1
    ]


def drop_leaking_groups(manifest: Manifest) -> Manifest:
    """Leave out of *train* and *valid* what has its group on a side that is measured on later."""
    tested = {item.group for item in manifest.in_split("test")} - {None}
    chosen = {item.group for item in manifest.in_split("valid")} - {None}
    unwanted: dict[Split | None, set[str | None]] = {"train": tested | chosen, "valid": tested}
    kept = (item for item in manifest.tracks if item.group not in unwanted.get(item.split, ()))
    return replace(manifest, tracks=tuple(kept))


def refuse_leaks(found: Sequence[Leak]) -> None:
    """Stop over leaks.

    Raises:
        LeakError: there are some; the message names the first ones.
    """
    if found:
        first = "; ".join(map(str, found[:3])) + (f"; and {len(found) - 3} more" if len(found) > 3 else "")
        raise LeakError(
            f"{len(found)} on two sides of the split: {first}. Leave tracks out with `exclude` in the recipe, "
            "or say --allow-leak and know that the figures will flatter"
        )


def _assign(manifest: Manifest, sides: Sequence[Split]) -> Manifest:
    items = (replace(item, split=side) for item, side in zip(manifest.tracks, sides, strict=True))
    return replace(manifest, tracks=tuple(items))


def _stratified(items: Sequence[LabelledTrack], seed: int) -> list[Split]:
    smallest = min(Counter(label for item in items for label in item.labels).values())
    shares = _TWENTIETHS if smallest >= len(_TWENTIETHS) else _SEVENTHS
    return [shares[fold] for fold in _folds(items, len(shares), seed)]


def _strata(items: Sequence[LabelledTrack], parts: int) -> list[str]:
    """What is spread evenly: the labels of a track together, or the first of them where too few tracks have all."""
    sets = [LABEL_SEPARATOR.join(sorted(item.labels)) for item in items]
    frequent = {labels for labels, count in Counter(sets).items() if count >= parts}
    return [own if own in frequent else item.labels[0] for own, item in zip(sets, items, strict=True)]


def _fold(items: Sequence[LabelledTrack], number: int, count: int, seed: int) -> list[Split]:
    if not 1 <= number <= count or count < 3:
        raise SplitError(f"fold-{number}-of-{count} is not possible; there must be 3 or more, counted from 1")
    test, valid = number - 1, number % count
    return ["test" if fold == test else "valid" if fold == valid else "train" for fold in _folds(items, count, seed)]


def _folds(items: Sequence[LabelledTrack], count: int, seed: int) -> list[int]:
    """Which of `count` equal, stratified folds each track falls into, its group with it."""
    names = np.array([item.group if item.group is not None else f"\0{item.path}" for item in items])
    labels = np.array(_strata(items, count))
    most = min(len(set(names)), max(Counter(labels).values()))
    if most < count:
        raise SplitError(f"{most} tracks or groups do not make {count} parts; add data, or give the split")
    folds = np.empty(len(items), int)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")  # it is spread as far as it goes
        parts = StratifiedGroupKFold(count, shuffle=True, random_state=seed).split(names, labels, names)
        for number, (_, members) in enumerate(parts):
            folds[members] = number
    return [int(fold) for fold in folds]
