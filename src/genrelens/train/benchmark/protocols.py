"""Protocols that split the same tracks, from the most optimistic one to those without leaks."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, get_args

from sklearn.model_selection import train_test_split

from genrelens.errors import SplitError
from genrelens.model.input_spec import AudioInput
from genrelens.train.data.dataset import Dataset, require_trainable_labels
from genrelens.train.data.log_mels import LogMel, track_windows
from genrelens.train.data.manifest import SPLITS, LabelledTrack, Manifest, Split
from genrelens.train.data.splits import assign_splits, drop_leaking_groups, require_splits

Protocol = Literal["windows", "tracks", "stratified", "fault-filtered"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)

_HELD_OUT = 0.3  # fraction of the windows for valid and test, in equal parts


def split_windows(manifest: Manifest, log_mels: Mapping[str, LogMel], spec: AudioInput, seed: int) -> Dataset:
    """Split single windows 70 / 15 / 15 % at random, stratified by genre, so that tracks are in several splits.

    Many published figures were obtained in this way; overlapping windows even share audio.

    Raises:
        SplitError: a genre has too few windows.
    """
    windows = {
        LabelledTrack(f"{track.path}@{number}", track.name, track.label): window
        for track in manifest.tracks
        for number, window in enumerate(track_windows(log_mels[track.path], spec))
    }
    tracks = list(windows)
    labels = [track.label for track in tracks]
    try:
        train, held_out = train_test_split(range(len(tracks)), test_size=_HELD_OUT, stratify=labels, random_state=seed)
        held_out_labels = [labels[number] for number in held_out]
        valid, _ = train_test_split(held_out, test_size=0.5, stratify=held_out_labels, random_state=seed)
    except ValueError as error:  # a genre has too few windows
        raise SplitError(f"the windows of {manifest.name} cannot be divided into three splits ({error})") from error
    splits: dict[int, Split] = dict.fromkeys(train, "train") | dict.fromkeys(valid, "valid")
    assigned = tuple(replace(track, split=splits.get(number, "test")) for number, track in enumerate(tracks))
    return Dataset(Manifest(manifest.name, assigned), {track.path: window for track, window in windows.items()})


def split_tracks(manifest: Manifest, log_mels: Mapping[str, LogMel], protocol: Protocol, seed: int) -> Dataset:
    """Split whole tracks: at random ("tracks"), by artist ("stratified"), or by the lists for GTZAN.

    Raises:
        SplitError: a split is empty, a genre has too few tracks, or the dataset has no lists.
    """
    assigned = assign_splits(manifest, protocol, seed)
    if protocol == "fault-filtered":
        assigned = drop_leaking_groups(assigned)
    assigned = replace(assigned, tracks=tuple(track for track in assigned.tracks if track.split))
    require_splits(assigned, *SPLITS)
    require_trainable_labels(assigned)
    return Dataset(assigned, log_mels)
