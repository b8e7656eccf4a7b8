from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beetsplug.genrelens.naming import (
    GENRE_TREE,
    GenreNamer,
    all_genres,
    likely_labels,
    merge_genres,
    normalise,
    read_tree,
    read_whitelist,
)
from genrelens.classifier import Classifier
from genrelens.prediction import Score

BRANCHES = (("rock",), ("rock", "metal"), ("rock", "metal", "doom metal"), ("hip hop",))
NAMES = st.sampled_from(
    ["rock", "Metal", "doom-metal", "Doom Metal", "hiphop", "polka", "Jazz---Bebop", "Jazz---Swing"]
)


def scores(**probabilities: float) -> tuple[Score, ...]:
    return tuple(Score(label=label.replace("__", "---"), score=score) for label, score in probabilities.items())


@given(st.lists(NAMES), st.integers(1, 5), st.booleans(), st.none() | st.frozensets(NAMES.map(normalise)))
def test_genres_are_unique_on_the_whitelist_and_limited_in_number(
    labels: list[str], count: int, canonical: bool, whitelist: frozenset[str] | None
) -> None:
    genres = GenreNamer(BRANCHES, whitelist, canonical, count).genres(labels)
    assert len({normalise(genre) for genre in genres}) == len(genres) <= count
    assert whitelist is None or {normalise(genre) for genre in genres} <= whitelist


@given(st.lists(NAMES, unique_by=normalise), st.lists(NAMES, unique_by=normalise))
def test_merging_keeps_existing_genres_and_adds_no_duplicates(existing: list[str], new: list[str]) -> None:
    merged = merge_genres(existing, new)
    assert merged[: len(existing)] == existing
    assert {normalise(genre) for genre in merged} == {normalise(genre) for genre in [*existing, *new]}
    assert len({normalise(genre) for genre in merged}) == len(merged)


@pytest.mark.parametrize(
    ("namer", "genres"),
    [
        (GenreNamer(BRANCHES, count=9), ["Doom Metal", "Hip Hop", "Bebop"]),
        (GenreNamer(BRANCHES, canonical=True, count=9), ["Rock", "Hip Hop", "Jazz"]),
        (GenreNamer(BRANCHES, frozenset({"rock", "jazz"}), canonical=True, count=9), ["Rock", "Jazz"]),
        (GenreNamer(BRANCHES, frozenset({"doommetal", "metal"}), canonical=True, count=9), ["Doom Metal", "Metal"]),
        (GenreNamer(BRANCHES, frozenset({"bebop"}), count=1), ["Bebop"]),
        (GenreNamer(BRANCHES, title_case=False, count=2), ["doom metal", "hip hop"]),
    ],
)
def test_maps_labels_to_genres(namer: GenreNamer, genres: list[str]) -> None:
    assert namer.genres(["doom-metal", "hiphop", "Jazz---Bebop"]) == genres


def test_predicted_genres_come_first_and_improbable_ones_are_left_out() -> None:
    assert likely_labels(["b"], scores(a=0.6, b=0.5, c=0.2), {}, 0.3) == ["b", "a"]
    assert likely_labels(["a"], scores(a=0.2, b=0.1), {}, 0.3) == []


def test_labels_below_their_threshold_are_left_out() -> None:
    assert likely_labels(["a"], scores(a=0.4, b=0.35), {"a": 0.5, "b": 0.3}, 0.1) == ["b"]


def test_the_parent_of_a_predicted_genre_is_left_out() -> None:
    assert likely_labels(["Rock---Metal"], scores(Rock=0.9, Rock__Metal=0.6, Jazz=0.3), {}, 0.2) == [
        "Rock---Metal",
        "Jazz",
    ]


def test_reads_the_branches_of_a_tree(tmp_path: Path) -> None:
    file = tmp_path / "tree.yaml"
    file.write_text("- rock:\n  - metal:\n    - doom metal\n  - punk\n- jazz\n- 1980s:\n")
    assert read_tree(file) == [("rock", "metal", "doom metal"), ("rock", "punk"), ("jazz",), ("1980s",)]


def test_reads_a_whitelist_with_one_genre_per_line(tmp_path: Path) -> None:
    file = tmp_path / "white.txt"
    file.write_text("# good ones\nHip-Hop\n\n  drum and bass  \n")
    assert read_whitelist(file) == {"hiphop", "drumandbass"}


def test_the_bundled_tree_has_all_genres_of_the_bundled_model() -> None:
    tree = all_genres(read_tree(GENRE_TREE), [])
    assert {normalise(label) for label in Classifier(threads=1).card.labels} <= tree
