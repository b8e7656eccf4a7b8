"""From the labels of a model to the genres that beets writes: whitelist, tree of genres, spelling and count."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from genrelens.model.labels import LEVEL_SEPARATOR
from genrelens.prediction import Score

Branch = tuple[str, ...]  # from the most general genre down to one, as in ("rock", "metal")

TREE = Path(__file__).with_name("genres-tree.yaml")


@dataclass(frozen=True)
class Naming:
    """How labels become genres.

    Attributes:
        branches: of a tree of genres, which also gives their spelling.
        whitelist: genres that may be written, as `folded`; or any.
        canonical: whether the genres that a label is part of are told after it: those on the whitelist, or, without
            a whitelist, the most general one in its place.
        count: how many genres are told at most.
        title_case: "Hip Hop" rather than "hip hop".
    """

    branches: Sequence[Branch]
    whitelist: frozenset[str] | None = None
    canonical: bool = False
    count: int = 1
    title_case: bool = True

    def genres(self, labels: Iterable[str]) -> list[str]:
        """Name labels, the most probable first; what may not be written is left out."""
        named: dict[str, str] = {}
        for label in labels:
            for genre in self._steps(label):
                if self.whitelist is None or folded(genre) in self.whitelist:
                    named.setdefault(folded(genre), genre)
            if len(named) >= self.count:
                break
        return [genre.title() if self.title_case else genre for genre in named.values()][: self.count]

    def _steps(self, label: str) -> list[str]:
        """A genre and what it is part of, the nearest first; as much of it as is told."""
        branch = self._branch(label)
        if not self.canonical:
            return [branch[-1]]
        return [branch[0]] if self.whitelist is None else list(reversed(branch))

    def _branch(self, label: str) -> Branch:
        """The place of a label: by the model's own tree, or by ours, or on its own."""
        *above, name = label.split(LEVEL_SEPARATOR)
        if above:
            return (*above, name)
        for branch in self.branches:
            spelled = [folded(step) for step in branch]
            if folded(name) in spelled:
                return branch[: spelled.index(folded(name)) + 1]
        return (name,)


def likely(
    told: Iterable[str], scores: Iterable[Score], thresholds: Mapping[str, float], min_weight: float
) -> list[str]:
    """The labels that are probable enough to be written: what is told first, then the others.

    Args:
        told: the genres of a `Prediction`, or of a `Consensus`.
        scores: of all labels, the most probable first.
        thresholds: a label's own, where the model has them; it counts where it is higher than `min_weight`.
        min_weight: the least probability, 0 to 1.
    """
    own = {score.label: score.score for score in scores}
    found: list[str] = []
    for label in dict.fromkeys([*told, *own]):
        enough = own.get(label, 0.0) >= max(min_weight, thresholds.get(label, 0.0))
        if enough and not any(one.startswith(label + LEVEL_SEPARATOR) for one in found):
            found.append(label)
    return found


def merged(existing: Sequence[str], new: Iterable[str]) -> list[str]:
    """All that is there, as it is, and what it lacks."""
    known = {folded(genre) for genre in existing}
    return [*existing, *(genre for genre in new if folded(genre) not in known)]


def read_tree(file: Path) -> list[Branch]:
    """The branches of a tree of genres in YAML: lists of names, and of names with a list of their parts.

    Raises:
        OSError, UnicodeError, yaml.YAMLError: it cannot be read as that.
    """
    return list(_flattened(yaml.safe_load(file.read_text(encoding="utf-8")), ()))


def read_whitelist(file: Path) -> frozenset[str]:
    """The genres that a text file names, one a line; what follows # is a remark.

    Raises:
        OSError, UnicodeError: it cannot be read as that.
    """
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    return frozenset(folded(line) for line in lines if line and not line.startswith("#"))


def everything(branches: Iterable[Branch], labels: Iterable[str]) -> frozenset[str]:
    """All genres of a tree, and all that a model tells, as `folded`."""
    steps = (step for branch in branches for step in branch)
    return frozenset(folded(name) for name in [*steps, *(part for label in labels for part in label.split(LEVEL_SEPARATOR))])


def folded(genre: str) -> str:
    """What is the same in "Hip-Hop", "hip hop" and "hiphop"."""
    return re.sub(r"[\s_-]+", "", genre.casefold())


def _flattened(part: Any, above: Branch) -> Iterator[Branch]:
    if isinstance(part, dict):
        for name, below in part.items():
            yield from _flattened(below, (*above, str(name)))
    elif isinstance(part, list):
        for one in part:
            yield from _flattened(one, above)
    elif part is None:
        yield above
    else:
        yield (*above, str(part))
