from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genrelens.errors import LeakError, SplitError
from genrelens.train.data.manifest import Item, Manifest, gtzan_tracks
from genrelens.train.data.splits import leaks, refuse_leaks, require, split


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    genres = draw(st.integers(2, 5))
    count = draw(st.integers(60, 120))
    groups = draw(st.lists(st.one_of(st.none(), st.integers(0, 80)), min_size=count, max_size=count))
    return Manifest(
        "any",
        tuple(
            Item(f"{n}.wav", str(n), str(n % genres), None if group is None else str(group))
            for n, group in enumerate(groups)
        ),
    )


@settings(max_examples=40, deadline=None)
@given(manifests(), st.integers(0, 100), st.sampled_from(["stratified", "fold-1-of-5", "fold-5-of-5"]))
def test_every_track_has_one_side_and_no_group_two(manifest: Manifest, seed: int, scheme: str) -> None:
    divided = split(manifest, scheme, seed)
    assert [item.path for item in divided.items] == [item.path for item in manifest.items]
    assert all(item.side for item in divided.items)
    assert leaks(divided.items, {}) == []
    assert divided == split(manifest, scheme, seed)


def test_the_shares_of_a_stratified_split() -> None:
    items = tuple(Item(f"{n}.wav", str(n), str(n % 10)) for n in range(1000))
    divided = split(Manifest("any", items), "stratified", 3)
    assert Counter(item.side for item in divided.items) == {"train": 700, "valid": 150, "test": 150}
    by_label = Counter((item.label, item.side) for item in divided.items)
    assert {count for (_, side), count in by_label.items() if side == "test"} == {15}


def test_folds_test_every_track_once() -> None:
    items = tuple(Item(f"{n}.wav", str(n), str(n % 4)) for n in range(80))
    tested = [
        item.path
        for number in range(1, 6)
        for item in split(Manifest("any", items), f"fold-{number}-of-5", 1).side("test")
    ]
    assert sorted(tested) == sorted(item.path for item in items)


def test_given_and_none() -> None:
    manifest = Manifest("any", (Item("a", "a", "x", side="train"), Item("b", "b", "y")))
    assert split(manifest, "given", 1) is manifest
    assert {item.side for item in split(manifest, "none", 1).items} == {"test"}
    require(manifest, "train")
    with pytest.raises(SplitError, match="no tracks in valid and test"):
        require(manifest, "train", "valid", "test")


@pytest.mark.parametrize(
    ("scheme", "words"),
    [
        ("random", "'random' is not a split"),
        ("fault-filtered", "a split of GTZAN"),
        ("fold-6-of-5", "not possible"),
        ("fold-1-of-2", "not possible"),
        ("fold-1-of-50", "do not make 50 parts"),
    ],
)
def test_impossible_splits(scheme: str, words: str) -> None:
    items = tuple(Item(f"{n}.wav", str(n), str(n % 2)) for n in range(20))
    with pytest.raises(SplitError, match=words):
        split(Manifest("any", items), scheme, 1)


def test_leaks_by_group_and_by_recording() -> None:
    items = [
        Item("a.wav", "a", "x", "Monk", "train"),
        Item("b.wav", "b", "x", "Monk", "test"),
        Item("c.wav", "c", "x", None, "train"),
        Item("d.wav", "d", "x", None, "valid"),
        Item("e.wav", "e", "x", "Monk", None),
        Item("f.wav", "f", "x", "Mingus", "train"),
    ]
    found = leaks(items, {"c.wav": "hash", "d.wav": "hash", "f.wav": "other"})
    assert [str(leak) for leak in found] == ["group Monk (train: a; test: b)", "recording hash (train: c; valid: d)"]
    with pytest.raises(LeakError, match=r"2 on two sides of the split: group Monk.*--allow-leak"):
        refuse_leaks(found)
    refuse_leaks([])


def test_the_fault_filtered_split_leaks_in_one_group_only() -> None:
    manifest = Manifest("GTZAN", tuple(gtzan_tracks().values()))
    (leak,) = leaks(manifest.items, {})
    assert str(leak) == "group artist-138 (train: disco.00049, disco.00073; test: disco.00069)"
    assert leaks(manifest.without(["disco.00049", "disco.00073"]).items, {}) == []
