"""The same tracks, divided so that figures flatter, or do not."""

from dataclasses import replace

import numpy as np
import pytest

from genrelens.errors import SplitError
from genrelens.features.frontend import FrontEnd
from genrelens.model.input_spec import AudioInput
from genrelens.train.benchmark.protocols import whole_tracks, windows
from genrelens.train.data.log_mels import Level
from genrelens.train.data.manifest import SIDES, Manifest, gtzan_tracks
from genrelens.train.data.splits import leaks

SOUND = AudioInput(window=10.0, hop=5.0, front_end=FrontEnd(n_mels=4, hop=1920, center=False))


def gtzan() -> tuple[Manifest, dict[str, Level]]:
    rng = np.random.default_rng(0)
    items = tuple(item.__class__(**{**vars(item), "path": item.name}) for item in gtzan_tracks().values())
    return Manifest("GTZAN", items), {item.path: rng.standard_normal((4, 344)).astype(np.float16) for item in items}


def test_windows_at_random_have_tracks_on_all_sides() -> None:
    manifest, levels = gtzan()
    data = windows(manifest, levels, SOUND, seed=1)
    assert len(data.manifest.items) == len(data.levels) == 6000
    shares = [len(data.manifest.side(side)) for side in SIDES]
    assert shares == [4200, 900, 900]
    tracks = [{item.name for item in data.manifest.side(side)} for side in SIDES]
    assert len(tracks[0] & tracks[2]) > 500
    assert all(level.shape == (4, SOUND.frames) for level in data.side("test").levels)
    assert np.ptp(data.side("test").targets.sum(axis=0)) == 0


def test_tracks_at_random_are_whole_and_artists_are_not() -> None:
    manifest, levels = gtzan()
    data = whole_tracks(manifest, levels, "tracks", seed=1)
    assert [len(data.manifest.side(side)) for side in SIDES] == [700, 150, 150]
    assert leaks(data.manifest.items, {})
    stratified = whole_tracks(manifest, levels, "stratified", seed=1)
    assert not leaks(stratified.manifest.items, {})


def test_the_lists_lose_the_artist_that_they_have_twice() -> None:
    manifest, levels = gtzan()
    data = whole_tracks(manifest, levels, "fault-filtered", seed=1)
    assert [len(data.manifest.side(side)) for side in SIDES] == [441, 197, 290]
    assert not leaks(data.manifest.items, {})
    learnt = {item.name for item in data.manifest.side("train")}
    assert not learnt & {"disco.00049", "disco.00073"}


def test_a_genre_with_one_track_cannot_be_divided() -> None:
    manifest, levels = gtzan()
    lonely = replace(manifest.items[0], label="polka", group=None)
    manifest = replace(manifest, items=(lonely, *manifest.items[1:]))
    with pytest.raises(SplitError, match="polka has 1 track; a genre needs 2 or more"):
        whole_tracks(manifest, levels, "tracks", seed=1)
    short = {**levels, lonely.path: levels[lonely.path][:, : SOUND.frames]}
    with pytest.raises(SplitError, match="the windows of GTZAN cannot be dealt out to three sides"):
        windows(manifest, short, SOUND, seed=1)
