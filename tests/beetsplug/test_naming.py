from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beetsplug.genrelens.naming import TREE, Naming, everything, folded, likely, merged, read_tree, read_whitelist
from genrelens.classifier import Classifier
from genrelens.prediction import Score

BRANCHES = (("rock",), ("rock", "metal"), ("rock", "metal", "doom metal"), ("hip hop",))
NAMES = st.sampled_from(
    ["rock", "Metal", "doom-metal", "Doom Metal", "hiphop", "polka", "Jazz---Bebop", "Jazz---Swing"]
)


def scores(**probabilities: float) -> tuple[Score, ...]:
    return tuple(Score(label=label.replace("__", "---"), score=score) for label, score in probabilities.items())


@given(st.lists(NAMES), st.integers(1, 5), st.booleans(), st.none() | st.frozensets(NAMES.map(folded)))
def test_no_more_is_told_than_asked_for_nor_twice_nor_off_the_whitelist(
    labels: list[str], count: int, canonical: bool, whitelist: frozenset[str] | None
) -> None:
    genres = Naming(BRANCHES, whitelist, canonical, count).genres(labels)
    assert len({folded(genre) for genre in genres}) == len(genres) <= count
    assert whitelist is None or {folded(genre) for genre in genres} <= whitelist


@given(st.lists(NAMES, unique_by=folded), st.lists(NAMES, unique_by=folded))
def test_nothing_that_is_there_is_lost_nor_told_twice(existing: list[str], new: list[str]) -> None:
    both = merged(existing, new)
    assert both[: len(existing)] == existing
    assert {folded(genre) for genre in both} == {folded(genre) for genre in [*existing, *new]}
    assert len({folded(genre) for genre in both}) == len(both)


@pytest.mark.parametrize(
    ("naming", "genres"),
    [
        (Naming(BRANCHES, count=9), ["Doom Metal", "Hip Hop", "Bebop"]),
        (Naming(BRANCHES, canonical=True, count=9), ["Rock", "Hip Hop", "Jazz"]),
        (Naming(BRANCHES, frozenset({"rock", "jazz"}), canonical=True, count=9), ["Rock", "Jazz"]),
        (Naming(BRANCHES, frozenset({"doommetal", "metal"}), canonical=True, count=9), ["Doom Metal", "Metal"]),
        (Naming(BRANCHES, frozenset({"bebop"}), count=1), ["Bebop"]),
        (Naming(BRANCHES, title_case=False, count=2), ["doom metal", "hip hop"]),
    ],
)
def test_labels_become_genres(naming: Naming, genres: list[str]) -> None:
    assert naming.genres(["doom-metal", "hiphop", "Jazz---Bebop"]) == genres


def test_what_is_told_comes_first_and_what_is_improbable_not_at_all() -> None:
    assert likely(["b"], scores(a=0.6, b=0.5, c=0.2), {}, 0.3) == ["b", "a"]
    assert likely(["a"], scores(a=0.2, b=0.1), {}, 0.3) == []


def test_a_label_must_reach_its_own_threshold() -> None:
    assert likely(["a"], scores(a=0.4, b=0.35), {"a": 0.5, "b": 0.3}, 0.1) == ["b"]


def test_the_parent_of_what_is_told_is_no_other_genre() -> None:
    assert likely(["Rock---Metal"], scores(Rock=0.9, Rock__Metal=0.6, Jazz=0.3), {}, 0.2) == ["Rock---Metal", "Jazz"]


def test_a_tree_has_names_and_names_with_parts(tmp_path: Path) -> None:
    file = tmp_path / "tree.yaml"
    file.write_text("- rock:\n  - metal:\n    - doom metal\n  - punk\n- jazz\n- 1980s:\n")
    assert read_tree(file) == [("rock", "metal", "doom metal"), ("rock", "punk"), ("jazz",), ("1980s",)]


def test_a_whitelist_has_a_genre_a_line(tmp_path: Path) -> None:
    file = tmp_path / "white.txt"
    file.write_text("# good ones\nHip-Hop\n\n  drum and bass  \n")
    assert read_whitelist(file) == {"hiphop", "drumandbass"}


def test_our_tree_has_all_genres_of_the_bundled_model() -> None:
    tree = everything(read_tree(TREE), [])
    assert {folded(label) for label in Classifier(threads=1).card.labels} <= tree
