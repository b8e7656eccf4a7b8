import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrelens.model.labels import (
    LEVEL_SEPARATOR,
    GenreTree,
    has_empty_parts,
    labels_above_thresholds,
    lineage,
    parse_labels,
)

NAMES = st.sampled_from("abc")
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(LEVEL_SEPARATOR.join)


@st.composite
def trees(draw: st.DrawFn) -> tuple[GenreTree, np.ndarray]:
    """Return a tree with leaves of any depth, and probabilities of the leaves."""
    paths = draw(st.lists(PATHS, min_size=1, max_size=12, unique=True))
    leaves = [path for path in paths if not any(other.startswith(path + LEVEL_SEPARATOR) for other in paths)]
    parts = np.array(draw(st.lists(st.floats(1e-3, 1), min_size=len(leaves), max_size=len(leaves))))
    return GenreTree(leaves), parts / parts.sum()


@given(trees())
def test_the_probability_of_a_genre_is_the_sum_over_its_subgenres(example: tuple[GenreTree, np.ndarray]) -> None:
    tree, probabilities = example
    by_node = dict(zip(tree.nodes, tree.node_probabilities(probabilities), strict=True))
    assert sum(by_node[node] for node in tree.nodes if LEVEL_SEPARATOR not in node) == pytest.approx(1)
    for node in tree.nodes:
        parts = [by_node[part] for part in tree.nodes if len(lineage(part)) > 1 and lineage(part)[-2] == node]
        assert not parts or by_node[node] == pytest.approx(sum(parts))
    for leaf, probability in zip(tree.leaves, probabilities, strict=True):
        assert by_node[leaf] == pytest.approx(probability)


@given(trees(), st.floats(0, 1))
def test_the_predicted_node_is_certain_or_on_the_first_level(
    example: tuple[GenreTree, np.ndarray], certainty: float
) -> None:
    tree, probabilities = example
    by_node = dict(zip(tree.nodes, tree.node_probabilities(probabilities), strict=True))
    predicted = tree.predicted_node(probabilities, certainty)
    assert LEVEL_SEPARATOR not in predicted or by_node[predicted] >= certainty
    parts = [part for part in tree.nodes if part.startswith(predicted + LEVEL_SEPARATOR)]
    assert all(by_node[part] < certainty for part in parts)


@given(trees())
def test_each_level_partitions_the_leaves(example: tuple[GenreTree, np.ndarray]) -> None:
    tree, _ = example
    assert tree.labels_at_level(tree.depth) == list(tree.leaves)
    for level in range(1, tree.depth + 1):
        for leaf, genre in zip(tree.leaves, tree.labels_at_level(level), strict=True):
            assert genre in lineage(leaf)
            assert genre == leaf or len(lineage(genre)) == level


def test_an_uncertain_leaf_backs_off_to_its_parent() -> None:
    tree = GenreTree(["Jazz", "Rock---Metal", "Rock---Pop"])
    assert tree.nodes == ("Jazz", "Rock", "Rock---Metal", "Rock---Pop")
    assert tree.predicted_node(np.array([0.2, 0.7, 0.1]), 0.5) == "Rock---Metal"
    assert tree.predicted_node(np.array([0.2, 0.4, 0.4]), 0.5) == "Rock"
    assert tree.predicted_node(np.array([0.4, 0.3, 0.3]), 0.5) == "Rock"  # more than the most probable leaf has
    assert tree.predicted_node(np.array([0.6, 0.2, 0.2]), 0.9) == "Jazz"


def test_a_common_prefix_does_not_make_a_subgenre() -> None:
    assert GenreTree(["Rock", "Rock'n'Roll---50s"]).predicted_node(np.array([0.3, 0.7]), 0.5) == "Rock'n'Roll---50s"


def test_a_leaf_with_subgenres_is_rejected() -> None:
    with pytest.raises(ValueError, match="'Rock' is a leaf and also has subgenres, such as 'Rock---Metal'"):
        GenreTree(["Rock", "Rock---Metal"])


def test_parse_labels_and_empty_parts() -> None:
    assert parse_labels("rock") == ("rock",)
    assert parse_labels(" rock;jazz ; rock") == ("rock", "jazz")
    assert [
        text for text in ("a", "a;b", "a---b", "", "a;", "a;;b", "---a", "a---", "a--- ---b") if has_empty_parts(text)
    ] == [
        "",
        "a;",
        "a;;b",
        "---a",
        "a---",
        "a--- ---b",
    ]


def test_labels_above_thresholds_or_the_most_probable_one() -> None:
    labels, thresholds = ("a", "b", "c"), (0.5, 0.2, 0.9)
    assert labels_above_thresholds(labels, np.array([0.6, 0.7, 0.8]), thresholds) == ["b", "a"]
    assert labels_above_thresholds(labels, np.array([0.1, 0.3, 0.8]), thresholds) == ["b"]
    assert labels_above_thresholds(labels, np.array([0.1, 0.1, 0.8]), thresholds) == [
        "c"
    ]  # none does: the most probable one
