"""Hierarchical metrics of models that predict a node in a genre tree: accuracy per level, and back-off."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from genrelens.model.labels import GenreTree, lineage
from genrelens.records import FrozenModel
from genrelens.train.evaluation.bootstrap import Estimate, resample_weights


class LevelRow(FrozenModel, serialize_by_alias=True, validate_by_name=True):
    """Metrics of one level of a tree; genres that end above it count as themselves.

    Attributes:
        level: number of the level, from 1 at the top.
        genres: number of genres on the level.
        accuracy: fraction of tracks whose most probable genre on this level is correct.
        predictions: number of predictions on this level.
        correct: number of predictions on this level that name the track's genre or an ancestor of it.
    """

    level: int
    genres: int
    accuracy: Estimate
    predictions: int = Field(alias="told")
    correct: int = Field(alias="right")


class TreeMetrics(FrozenModel):
    """Metrics of one model on one set of tracks, in addition to the metrics of the leaves as plain labels.

    Attributes:
        certainty: probability below which a prediction backs off to the parent.
        accuracy: fraction of correct predictions, where an ancestor of the true genre is correct.
        backed_off: fraction of predictions that name a parent because no leaf below it was certain enough.
        levels: metrics of each level, from the top.
    """

    certainty: float
    accuracy: Estimate
    backed_off: Estimate
    levels: tuple[LevelRow, ...]


def tree_metrics(
    tree: GenreTree,
    truth: Sequence[str],
    probabilities: NDArray[np.floating[Any]],
    certainty: float,
    seed: int = 0,
) -> TreeMetrics:
    """Compare predictions with the true genres.

    Args:
        tree: genre tree of the model.
        truth: true leaf of each track, shape (tracks,).
        probabilities: probabilities of the leaves, shape (tracks, leaves).
        certainty: probability below which a prediction backs off to the parent.
        seed: seed of the bootstrap over tracks.
    """
    predicted = [tree.predicted_node(row, certainty) for row in probabilities]
    correct = np.array([node in lineage(leaf) for node, leaf in zip(predicted, truth, strict=True)])
    backed_off = np.array([node not in tree.leaves for node in predicted])
    depths = np.array([len(lineage(node)) for node in predicted])
    levels = range(1, tree.depth + 1)
    by_level = [_correct_at_level(tree, level, truth, probabilities) for level in levels]
    shares = _estimate_shares(np.stack([correct, backed_off, *by_level], axis=1), np.random.default_rng(seed))
    return TreeMetrics(
        certainty=certainty,
        accuracy=shares[0],
        backed_off=shares[1],
        levels=tuple(
            LevelRow(
                level=level,
                genres=len(set(tree.labels_at_level(level))),
                accuracy=estimate,
                predictions=int((depths == level).sum()),
                correct=int(correct[depths == level].sum()),
            )
            for level, estimate in zip(levels, shares[2:], strict=True)
        ),
    )


def _correct_at_level(
    tree: GenreTree, level: int, truth: Sequence[str], probabilities: NDArray[np.floating[Any]]
) -> NDArray[np.bool_]:
    """Return whether the most probable genre of a level is correct, shape (tracks,)."""
    ancestors = tree.labels_at_level(level)
    genres = list(dict.fromkeys(ancestors))
    summed = probabilities @ np.array([[float(ancestor == genre) for genre in genres] for ancestor in ancestors])
    genre_of_leaf = dict(zip(tree.leaves, ancestors, strict=True))
    best = summed.argmax(axis=1)
    return np.array([genres[index] == genre_of_leaf[leaf] for index, leaf in zip(best, truth, strict=True)])


def _estimate_shares(hits: NDArray[np.bool_], rng: np.random.Generator) -> list[Estimate]:
    """Return the fraction of hits in each column of (tracks, columns), with intervals."""
    samples = np.concatenate([weights @ hits / len(hits) for weights in resample_weights(len(hits), rng)])
    return [Estimate.from_samples(value, [column]) for value, column in zip(hits.mean(axis=0), samples.T, strict=True)]
