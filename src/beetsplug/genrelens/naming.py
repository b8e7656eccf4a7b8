"""Conversion of model labels to the genres that beets writes: whitelist, genre tree, spelling and count."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from genrelens.model.labels import LEVEL_SEPARATOR
from genrelens.prediction import Score

Branch = tuple[str, ...]  # path in a genre tree from the most general genre down, as in ("rock", "metal")

GENRE_TREE = Path(__file__).with_name("genres-tree.yaml")


@dataclass(frozen=True)
class GenreNamer:
    """Rules by which labels become genres.

    Attributes:
        branches: branches of a genre tree, which also give the spelling of genres.
        whitelist: genres that may be written, normalised by `normalise`; None for any.
        canonical: whether the ancestors of a label are written after it; without a whitelist, the most general one
            replaces it.
        count: maximum number of genres.
        title_case: whether to write "Hip Hop" rather than "hip hop".
    """

    branches: Sequence[Branch]
    whitelist: frozenset[str] | None = None
    canonical: bool = False
    count: int = 1
    title_case: bool = True

    def genres(self, labels: Iterable[str]) -> list[str]:
        """Return the genres to write for labels, the most probable first; genres off the whitelist are left out."""
        named: dict[str, str] = {}
        for label in labels:
            for genre in self._candidates(label):
                if self.whitelist is None or normalise(genre) in self.whitelist:
                    named.setdefault(normalise(genre), genre)
            if len(named) >= self.count:
                break
        return [genre.title() if self.title_case else genre for genre in named.values()][: self.count]

    def _candidates(self, label: str) -> list[str]:
        """Return the genres of a label that may be written: itself and, if canonical, its ancestors upwards."""
        branch = self._branch(label)
        if not self.canonical:
            return [branch[-1]]
        return [branch[0]] if self.whitelist is None else list(reversed(branch))

    def _branch(self, label: str) -> Branch:
        """Return the branch of a label: by the tree of the model, else by `branches`, else the label alone."""
        *ancestors, name = label.split(LEVEL_SEPARATOR)
        if ancestors:
            return (*ancestors, name)
        for branch in self.branches:
            normalised = [normalise(genre) for genre in branch]
            if normalise(name) in normalised:
                return branch[: normalised.index(normalise(name)) + 1]
        return (name,)


def likely_labels(
    predicted: Iterable[str], scores: Iterable[Score], thresholds: Mapping[str, float], min_weight: float
) -> list[str]:
    """Return the labels that are probable enough to be written: predicted genres first, then the others.

    The parent of a label in the list is left out.

    Args:
        predicted: genres of a `Prediction` or a `Consensus`.
        scores: scores of all labels, the most probable first.
        thresholds: thresholds of labels, for models that have them; applied where higher than `min_weight`.
        min_weight: lowest probability, 0 to 1.
    """
    probabilities = {score.label: score.score for score in scores}
    labels: list[str] = []
    for label in dict.fromkeys([*predicted, *probabilities]):
        is_likely = probabilities.get(label, 0.0) >= max(min_weight, thresholds.get(label, 0.0))
        if is_likely and not any(other.startswith(label + LEVEL_SEPARATOR) for other in labels):
            labels.append(label)
    return labels


def merge_genres(existing: Sequence[str], new: Iterable[str]) -> list[str]:
    """Return the existing genres unchanged, followed by the new ones that are missing there."""
    known = {normalise(genre) for genre in existing}
    return [*existing, *(genre for genre in new if normalise(genre) not in known)]


def read_tree(file: Path) -> list[Branch]:
    """Read the branches of a genre tree in YAML: a list of names, and of names with a list of their subgenres.

    Raises:
        OSError, UnicodeError, yaml.YAMLError: the file cannot be read as YAML.
    """
    return list(_iter_branches(yaml.safe_load(file.read_text(encoding="utf-8")), ()))


def read_whitelist(file: Path) -> frozenset[str]:
    """Read a text file with one genre per line; lines that start with # are comments.

    Raises:
        OSError, UnicodeError: the file cannot be read as text.
    """
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    return frozenset(normalise(line) for line in lines if line and not line.startswith("#"))


def all_genres(branches: Iterable[Branch], labels: Iterable[str]) -> frozenset[str]:
    """Return all genres of a tree and of a model, normalised by `normalise`."""
    tree_genres = (genre for branch in branches for genre in branch)
    label_genres = (genre for label in labels for genre in label.split(LEVEL_SEPARATOR))
    return frozenset(normalise(genre) for genre in [*tree_genres, *label_genres])


def normalise(genre: str) -> str:
    """Return the form of a genre in which "Hip-Hop", "hip hop" and "hiphop" are equal."""
    return re.sub(r"[\s_-]+", "", genre.casefold())


def _iter_branches(node: Any, ancestors: Branch) -> Iterator[Branch]:
    if isinstance(node, dict):
        for name, children in node.items():
            yield from _iter_branches(children, (*ancestors, str(name)))
    elif isinstance(node, list):
        for child in node:
            yield from _iter_branches(child, ancestors)
    elif node is None:
        yield ancestors
    else:
        yield (*ancestors, str(node))
