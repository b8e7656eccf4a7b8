"""What a model is worth that tells a place in a tree of genres: right at each level, and how often unsure."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from genrelens.model.labels import GenreTree, lineage
from genrelens.train.evaluation import bootstrap
from genrelens.train.evaluation.metrics import Estimate


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LevelRow(_Part):
    """One level of a tree, from 1 at the top; genres that end above it stand for themselves.

    Attributes:
        level: its number.
        genres: how many there are to choose from.
        accuracy: share of tracks whose most probable genre on this level is theirs.
        told: answers that were given on this level.
        right: of these, those that name the track's genre, or what this is part of.
    """

    level: int
    genres: int
    accuracy: Estimate
    told: int
    right: int


class TreeMetrics(_Part):
    """The measures of one model on one set of tracks, beside those of the leaves as plain labels.

    Attributes:
        certainty: the probability below which answers backed off.
        accuracy: share of answers that are right as told: a parent of the truth is right as a parent.
        backed_off: share of answers that name a parent, as no leaf below it was sure enough.
        levels: each of them, the first one first.
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
    """Measure answers against the truth.

    Args:
        tree: of the genres.
        truth: the leaf of each track, (tracks,).
        probabilities: of the leaves, (tracks, leaves).
        certainty: below which answers back off.
        seed: of the bootstrap over tracks.
    """
    told = [tree.predicted_node(row, certainty) for row in probabilities]
    right = np.array([answer in lineage(leaf) for answer, leaf in zip(told, truth, strict=True)])
    unsure = np.array([answer not in tree.leaves for answer in told])
    levels = range(1, tree.depth + 1)
    hits = [_hits(tree, level, truth, probabilities) for level in levels]
    accuracy, backed_off, *by_level = _shares(np.stack([right, unsure, *hits], axis=1), np.random.default_rng(seed))
    given = np.array([len(lineage(answer)) for answer in told])
    return TreeMetrics(
        certainty=certainty,
        accuracy=accuracy,
        backed_off=backed_off,
        levels=tuple(
            LevelRow(
                level=level,
                genres=len(set(tree.labels_at_level(level))),
                accuracy=estimate,
                told=int((given == level).sum()),
                right=int(right[given == level].sum()),
            )
            for level, estimate in zip(levels, by_level, strict=True)
        ),
    )


def _hits(
    tree: GenreTree, level: int, truth: Sequence[str], probabilities: NDArray[np.floating[Any]]
) -> NDArray[np.bool_]:
    """Whether the most probable genre of a level is the track's, (tracks,)."""
    cut = tree.labels_at_level(level)
    genres = list(dict.fromkeys(cut))
    summed = probabilities @ np.array([[float(own == genre) for genre in genres] for own in cut])
    own = dict(zip(tree.leaves, cut, strict=True))
    return np.array([genres[best] == own[leaf] for best, leaf in zip(summed.argmax(axis=1), truth, strict=True)])


def _shares(hits: NDArray[np.bool_], rng: np.random.Generator) -> list[Estimate]:
    """The share of hits in each column (tracks, columns), with intervals."""
    drawn = np.concatenate([weights @ hits / len(hits) for weights in bootstrap.resamples(len(hits), rng)])
    bounds = np.percentile(drawn, [2.5, 97.5], axis=0).T
    return [
        Estimate(value=float(value), low=float(low), high=float(high))
        for value, (low, high) in zip(hits.mean(axis=0), bounds, strict=True)
    ]
