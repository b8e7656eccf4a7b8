from dataclasses import replace

import numpy as np
import pytest

from genrelens.errors import SplitError
from genrelens.features.frontend import FrontEnd
from genrelens.model.input_spec import AudioInput
from genrelens.train.benchmark.protocols import split_tracks, split_windows
from genrelens.train.data.log_mels import LogMel
from genrelens.train.data.manifest import SPLITS, Manifest, gtzan_tracks
from genrelens.train.data.splits import find_leaks

SOUND = AudioInput(window=10.0, hop=5.0, front_end=FrontEnd(n_mels=4, hop=1920, center=False))


def gtzan() -> tuple[Manifest, dict[str, LogMel]]:
    rng = np.random.default_rng(0)
    items = tuple(item.__class__(**{**vars(item), "path": item.name}) for item in gtzan_tracks().values())
    return Manifest("GTZAN", items), {item.path: rng.standard_normal((4, 344)).astype(np.float16) for item in items}


def test_random_windows_put_tracks_into_all_splits() -> None:
    manifest, log_mels = gtzan()
    data = split_windows(manifest, log_mels, SOUND, seed=1)
    assert len(data.manifest.tracks) == len(data.inputs) == 5000
    shares = [len(data.manifest.in_split(split)) for split in SPLITS]
    assert shares == [3500, 750, 750]
    tracks = [{item.name for item in data.manifest.in_split(split)} for split in SPLITS]
    assert len(tracks[0] & tracks[2]) > 500
    assert all(log_mel.shape == (4, SOUND.frames) for log_mel in data.examples("test").inputs)
    assert np.ptp(data.examples("test").targets.sum(axis=0)) == 0


def test_random_tracks_leak_artists_and_stratified_tracks_do_not() -> None:
    manifest, log_mels = gtzan()
    data = split_tracks(manifest, log_mels, "tracks", seed=1)
    assert [len(data.manifest.in_split(split)) for split in SPLITS] == [700, 150, 150]
    assert find_leaks(data.manifest.tracks, {})
    stratified = split_tracks(manifest, log_mels, "stratified", seed=1)
    assert not find_leaks(stratified.manifest.tracks, {})


def test_fault_filtered_lists_drop_the_leaking_artist() -> None:
    manifest, log_mels = gtzan()
    data = split_tracks(manifest, log_mels, "fault-filtered", seed=1)
    assert [len(data.manifest.in_split(split)) for split in SPLITS] == [441, 197, 290]
    assert not find_leaks(data.manifest.tracks, {})
    train = {item.name for item in data.manifest.in_split("train")}
    assert not train & {"disco.00049", "disco.00073"}


def test_genre_with_one_track_cannot_be_split() -> None:
    manifest, log_mels = gtzan()
    single = replace(manifest.tracks[0], label="polka", group=None)
    manifest = replace(manifest, tracks=(single, *manifest.tracks[1:]))
    with pytest.raises(SplitError, match="polka has 1 track; a genre needs at least 2"):
        split_tracks(manifest, log_mels, "tracks", seed=1)
    short = {**log_mels, single.path: log_mels[single.path][:, : SOUND.frames]}
    with pytest.raises(SplitError, match="the windows of GTZAN cannot be divided into three splits"):
        split_windows(manifest, short, SOUND, seed=1)
