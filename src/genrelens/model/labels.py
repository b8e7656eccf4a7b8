"""What a track may be called: one genre, several at once, or a place in a tree of genres."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Labelling = Literal["one", "several", "tree"]

LABEL_SEPARATOR = ";"  # between several labels of a track
LEVEL_SEPARATOR = "---"  # between a genre and a part of it, as in Rock---Metal
DEFAULT_CERTAINTY = 0.5  # with less, an answer is more likely wrong than right


def parse_labels(text: str) -> tuple[str, ...]:
    """The labels in "rock; jazz", each once."""
    return tuple(dict.fromkeys(part.strip() for part in text.split(LABEL_SEPARATOR)))


def has_empty_parts(text: str) -> bool:
    """Whether there is nothing between two marks, as in "rock;;jazz" or "Rock---"."""
    return any(not part.strip() for label in text.split(LABEL_SEPARATOR) for part in label.split(LEVEL_SEPARATOR))


def labels_above_thresholds(labels: Sequence[str], probabilities: NDArray[np.floating[Any]], thresholds: Sequence[float]) -> list[str]:
    """The labels that reach their thresholds, the most probable first; or the most probable one, if none does.

    Every track that such a model learns from has a label, so an answer without any would surely be wrong.
    """
    order = [int(place) for place in np.argsort(-probabilities, kind="stable")]
    reached = [labels[place] for place in order if probabilities[place] >= thresholds[place]]
    return reached or [labels[order[0]]]


class GenreTree:
    """Genres as paths: a net tells the leaves apart, and a genre is as probable as its leaves together.

    So the probabilities agree with one another by construction: those of the parts of a genre sum to its own,
    those of the first level to 1.

    Args:
        leaves: such as ("Jazz", "Rock---Metal", "Rock---Pop").

    Raises:
        ValueError: a leaf has parts below it.
    """

    def __init__(self, leaves: Iterable[str]) -> None:
        self.leaves = tuple(leaves)
        paths = dict.fromkeys(node for leaf in self.leaves for node in lineage(leaf)[:-1])
        for leaf in self.leaves:
            if leaf in paths:
                part = next(other for other in self.leaves if other.startswith(leaf + LEVEL_SEPARATOR))
                raise ValueError(f"{leaf!r} is a label of its own and has parts, such as {part!r}")

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """All genres, those of the first level first."""
        every = dict.fromkeys(node for leaf in self.leaves for node in lineage(leaf))
        return tuple(sorted(every, key=lambda node: node.count(LEVEL_SEPARATOR)))

    @property
    def depth(self) -> int:
        """How many levels there are."""
        return max(len(lineage(leaf)) for leaf in self.leaves)

    def node_probabilities(self, probabilities: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """From probabilities of the leaves (..., leaves) to those of all nodes (..., nodes)."""
        return np.asarray(probabilities, np.float64) @ self._membership

    def labels_at_level(self, level: int) -> list[str]:
        """What each leaf counts as on a level, from 1 on: its ancestor there, or itself if it ends before."""
        return [lineage(leaf)[:level][-1] for leaf in self.leaves]

    def predicted_node(self, probabilities: NDArray[np.floating[Any]], certainty: float) -> str:
        """The genre to tell, of probabilities of the leaves (leaves,).

        From the most probable genre of the first level the answer goes down to the most probable part for as
        long as this is probable enough; where no part is, the leaf is unsure, and the answer stays with the
        parent (a fixed threshold on consistent probabilities, as in Deng et al., Hedging Your Bets, CVPR 2012).
        """
        own = dict(zip(self.nodes, self.node_probabilities(probabilities), strict=True))
        told = max((node for node in self.nodes if LEVEL_SEPARATOR not in node), key=own.__getitem__)
        while parts := self._parts(told):
            likeliest = max(parts, key=own.__getitem__)
            if own[likeliest] < certainty:
                break
            told = likeliest
        return told

    @cached_property
    def _membership(self) -> NDArray[np.float64]:
        """Which leaves (rows) are in which nodes (columns)."""
        return np.array([[float(node in lineage(leaf)) for node in self.nodes] for leaf in self.leaves])

    def _parts(self, node: str) -> list[str]:
        return [part for part in self.nodes if part.rpartition(LEVEL_SEPARATOR)[0] == node]


def lineage(path: str) -> tuple[str, ...]:
    """A genre of a tree and what it is part of, the first level first."""
    steps = path.split(LEVEL_SEPARATOR)
    return tuple(LEVEL_SEPARATOR.join(steps[: end + 1]) for end in range(len(steps)))
