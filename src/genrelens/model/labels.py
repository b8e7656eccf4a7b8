"""Label schemes: one genre per track, several, or a node in a tree of genres."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Labelling = Literal["one", "several", "tree"]

LABEL_SEPARATOR = ";"  # between the labels of a track, as in "rock;jazz"
LEVEL_SEPARATOR = "---"  # between a genre and its subgenre, as in "Rock---Metal"
DEFAULT_CERTAINTY = 0.5  # below this probability, a prediction is more likely wrong than right


def parse_labels(text: str) -> tuple[str, ...]:
    """Return the distinct labels in "rock; jazz"."""
    return tuple(dict.fromkeys(part.strip() for part in text.split(LABEL_SEPARATOR)))


def has_empty_parts(text: str) -> bool:
    """Return whether there is nothing between two separators, as in "rock;;jazz" or "Rock---"."""
    return any(not part.strip() for label in text.split(LABEL_SEPARATOR) for part in label.split(LEVEL_SEPARATOR))


def labels_above_thresholds(
    labels: Sequence[str], probabilities: NDArray[np.floating[Any]], thresholds: Sequence[float]
) -> list[str]:
    """Return the labels that reach their thresholds, most probable first, or the most probable label if none does.

    Every training track of a multi-label model has a label, so an empty prediction would certainly be wrong.
    """
    order = [int(index) for index in np.argsort(-probabilities, kind="stable")]
    reached = [labels[index] for index in order if probabilities[index] >= thresholds[index]]
    return reached or [labels[order[0]]]


class GenreTree:
    """A tree of genres: the model classifies the leaves, and the probability of a genre is the sum over its leaves.

    Probabilities are therefore consistent by construction: subgenres sum to their parent, and the first level to 1.

    Args:
        leaves: paths such as ("Jazz", "Rock---Metal", "Rock---Pop").

    Raises:
        ValueError: a leaf has subgenres.
    """

    def __init__(self, leaves: Iterable[str]) -> None:
        self.leaves = tuple(leaves)
        parents = dict.fromkeys(node for leaf in self.leaves for node in lineage(leaf)[:-1])
        for leaf in self.leaves:
            if leaf in parents:
                child = next(other for other in self.leaves if other.startswith(leaf + LEVEL_SEPARATOR))
                raise ValueError(f"{leaf!r} is a leaf and also has subgenres, such as {child!r}")

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """All genres, the first level first."""
        nodes = dict.fromkeys(node for leaf in self.leaves for node in lineage(leaf))
        return tuple(sorted(nodes, key=lambda node: node.count(LEVEL_SEPARATOR)))

    @property
    def depth(self) -> int:
        """Number of levels."""
        return max(len(lineage(leaf)) for leaf in self.leaves)

    def node_probabilities(self, probabilities: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return the probabilities of all nodes (..., nodes), computed from the leaves (..., leaves)."""
        return np.asarray(probabilities, np.float64) @ self._membership

    def labels_at_level(self, level: int) -> list[str]:
        """Return the ancestor of each leaf at a level, from 1 on; a leaf above that level is returned itself."""
        return [lineage(leaf)[:level][-1] for leaf in self.leaves]

    def predicted_node(self, probabilities: NDArray[np.floating[Any]], certainty: float) -> str:
        """Return the predicted genre for probabilities of the leaves (leaves,).

        Starting from the most probable genre of the first level, descend to the most probable child while its
        probability reaches `certainty`; otherwise stop at the parent (a fixed threshold on consistent probabilities,
        as in Deng et al., Hedging Your Bets, CVPR 2012).
        """
        by_node = dict(zip(self.nodes, self.node_probabilities(probabilities), strict=True))
        node = max((node for node in self.nodes if LEVEL_SEPARATOR not in node), key=by_node.__getitem__)
        while children := self._children(node):
            best_child = max(children, key=by_node.__getitem__)
            if by_node[best_child] < certainty:
                break
            node = best_child
        return node

    @cached_property
    def _membership(self) -> NDArray[np.float64]:
        """Matrix (leaves, nodes) that is 1 where the node is the leaf or an ancestor of it."""
        return np.array([[float(node in lineage(leaf)) for node in self.nodes] for leaf in self.leaves])

    def _children(self, node: str) -> list[str]:
        return [child for child in self.nodes if child.rpartition(LEVEL_SEPARATOR)[0] == node]


def lineage(path: str) -> tuple[str, ...]:
    """Return the path from the first level of the tree to a genre, including the genre."""
    parts = path.split(LEVEL_SEPARATOR)
    return tuple(LEVEL_SEPARATOR.join(parts[: end + 1]) for end in range(len(parts)))
