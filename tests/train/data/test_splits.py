from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genrelens.errors import LeakError, SplitError
from genrelens.train.data.manifest import LabelledTrack, Manifest, gtzan_tracks
from genrelens.train.data.splits import assign_splits, find_leaks, refuse_leaks, require_splits


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    genres = draw(st.integers(2, 5))
    count = draw(st.integers(60, 120))
    groups = draw(st.lists(st.one_of(st.none(), st.integers(0, 80)), min_size=count, max_size=count))
    return Manifest(
        "any",
        tuple(
            LabelledTrack(f"{n}.wav", str(n), str(n % genres), None if group is None else str(group))
            for n, group in enumerate(groups)
        ),
    )


@settings(max_examples=40, deadline=None)
@given(manifests(), st.integers(0, 100), st.sampled_from(["stratified", "fold-1-of-5", "fold-5-of-5"]))
def test_every_track_and_group_has_one_split(manifest: Manifest, seed: int, scheme: str) -> None:
    assigned = assign_splits(manifest, scheme, seed)
    assert [track.path for track in assigned.tracks] == [track.path for track in manifest.tracks]
    assert all(track.split for track in assigned.tracks)
    assert find_leaks(assigned.tracks, {}) == []
    assert assigned == assign_splits(manifest, scheme, seed)


def test_stratified_split_has_the_stated_proportions() -> None:
    tracks = tuple(LabelledTrack(f"{n}.wav", str(n), str(n % 10)) for n in range(1000))
    assigned = assign_splits(Manifest("any", tracks), "stratified", 3)
    assert Counter(track.split for track in assigned.tracks) == {"train": 700, "valid": 150, "test": 150}
    by_label = Counter((track.label, track.split) for track in assigned.tracks)
    assert {count for (_, split), count in by_label.items() if split == "test"} == {15}


def test_folds_cover_every_track_once() -> None:
    tracks = tuple(LabelledTrack(f"{n}.wav", str(n), str(n % 4)) for n in range(80))
    tested = [
        track.path
        for number in range(1, 6)
        for track in assign_splits(Manifest("any", tracks), f"fold-{number}-of-5", 1).in_split("test")
    ]
    assert sorted(tested) == sorted(track.path for track in tracks)


def test_given_keeps_splits_and_none_assigns_test() -> None:
    manifest = Manifest("any", (LabelledTrack("a", "a", "x", split="train"), LabelledTrack("b", "b", "y")))
    assert assign_splits(manifest, "given", 1) is manifest
    assert {track.split for track in assign_splits(manifest, "none", 1).tracks} == {"test"}
    require_splits(manifest, "train")
    with pytest.raises(SplitError, match="no tracks in valid and test"):
        require_splits(manifest, "train", "valid", "test")


@pytest.mark.parametrize(
    ("scheme", "words"),
    [
        ("random", "'random' is not a split"),
        ("fault-filtered", "a split of GTZAN"),
        ("fold-6-of-5", "is impossible"),
        ("fold-1-of-2", "is impossible"),
        ("fold-1-of-50", "cannot fill 50 folds"),
    ],
)
def test_rejects_impossible_schemes(scheme: str, words: str) -> None:
    tracks = tuple(LabelledTrack(f"{n}.wav", str(n), str(n % 2)) for n in range(20))
    with pytest.raises(SplitError, match=words):
        assign_splits(Manifest("any", tracks), scheme, 1)


def test_finds_leaks_by_group_and_by_recording() -> None:
    tracks = [
        LabelledTrack("a.wav", "a", "x", "Monk", "train"),
        LabelledTrack("b.wav", "b", "x", "Monk", "test"),
        LabelledTrack("c.wav", "c", "x", None, "train"),
        LabelledTrack("d.wav", "d", "x", None, "valid"),
        LabelledTrack("e.wav", "e", "x", "Monk", None),
        LabelledTrack("f.wav", "f", "x", "Mingus", "train"),
    ]
    leaks = find_leaks(tracks, {"c.wav": "hash", "d.wav": "hash", "f.wav": "other"})
    assert [str(leak) for leak in leaks] == ["group Monk (train: a; test: b)", "recording hash (train: c; valid: d)"]
    with pytest.raises(LeakError, match=r"2 groups or recordings are in more than one split: group Monk.*--allow-leak"):
        refuse_leaks(leaks)
    refuse_leaks([])


def test_fault_filtered_split_leaks_in_one_group() -> None:
    manifest = Manifest("GTZAN", tuple(gtzan_tracks().values()))
    (leak,) = find_leaks(manifest.tracks, {})
    assert str(leak) == "group artist-138 (train: disco.00049, disco.00073; test: disco.00069)"
    assert find_leaks(manifest.exclude(["disco.00049", "disco.00073"]).tracks, {}) == []


def test_stratified_split_balances_label_sets_and_rare_sets_by_their_first_label() -> None:
    labels = ["a"] * 60 + ["a; b"] * 30 + ["b; a"] * 30 + [f"c; r{n}" for n in range(30)] + [f"r{n}" for n in range(30)]
    tracks = tuple(LabelledTrack(f"{n}.wav", str(n), label, f"artist {n // 2}") for n, label in enumerate(labels))
    manifest = assign_splits(Manifest("any", tracks), "stratified", 1)
    counts = Counter(("; ".join(item.labels), item.split) for item in manifest.tracks)
    assert 6 <= counts["a", "test"] <= 12
    assert 6 <= sum(counts[both, "test"] for both in ("a; b", "b; a")) <= 12
    assert 2 <= sum(item.label.startswith("c") for item in manifest.in_split("test")) <= 8
    splits = {
        group: {track.split for track in manifest.tracks if track.group == group}
        for group in {track.group for track in tracks}
    }
    assert all(len(members) == 1 for members in splits.values())
