"""The user's own names for a model's genres, and the user's own genre tree, from a TOML file.

    ancestors = true                        # write "House, Electronic", not "House" alone
    canonical = ["House", "Electronic"]     # only these; other genres are replaced by their nearest ancestor among them

    [names]                                 # label of the model = your name
    hiphop = "Hip-Hop"
    synthpop = ["Synth-Pop", "Electronic"]  # several
    noise = []                              # never written

    [parents]                               # your tree: the parent of each genre, in your names
    "Deep House" = "House"
    House = "Electronic"

Every part may be omitted. Names are compared without regard to case. A label of a tree model ("Rock---Metal") is looked
up whole, then by its last level ("Metal"), which is also its name if the file has none.
"""

import tomllib
from collections.abc import ItemsView, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genrelens.errors import GenreMapError, display_name
from genrelens.model.labels import LEVEL_SEPARATOR

_KEYS = ("names", "parents", "ancestors", "canonical")


@dataclass(frozen=True)
class GenreMap:
    """Names and tree of genres; keys are case-folded.

    Attributes:
        names: genres to write for a label.
        parents: parent of a genre.
        canonical: the only genres that are written, by their spelling; all genres if empty.
        ancestors: whether the ancestors of a genre are written too.
    """

    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)
    canonical: Mapping[str, str] = field(default_factory=dict)
    ancestors: bool = False

    def genres(self, label: str) -> tuple[str, ...]:
        """Return the genres to write for a label of the model; none if the map leaves the label out."""
        genres: list[str] = []
        for name in self._names_of(label):
            lineage = self._lineage(name)
            if self.canonical:
                lineage = [self.canonical[step.casefold()] for step in lineage if step.casefold() in self.canonical]
            genres += lineage if self.ancestors else lineage[:1]
        return unique_genres(genres)

    def _names_of(self, label: str) -> tuple[str, ...]:
        last_level = label.rpartition(LEVEL_SEPARATOR)[2]
        for key in (label, last_level):
            if key.casefold() in self.names:
                return self.names[key.casefold()]
        return (last_level,)

    def _lineage(self, genre: str) -> list[str]:
        """Return a genre and its ancestors, upwards."""
        lineage = [genre]
        while (parent := self.parents.get(lineage[-1].casefold())) is not None:
            lineage.append(parent)
        return lineage


def unique_genres(genres: Iterable[str]) -> tuple[str, ...]:
    """Remove duplicates without regard to case, keeping the first spelling of each genre."""
    unique: dict[str, str] = {}
    for genre in genres:
        unique.setdefault(genre.casefold(), genre)
    return tuple(unique.values())


def read_genre_map(path: Path) -> GenreMap:
    """Read a genre map from a TOML file.

    Raises:
        GenreMapError: the file cannot be read, is not TOML (the message has the line), or is invalid (it has the key).
    """
    name = display_name(path)
    try:
        content = tomllib.loads(path.read_text("utf-8"))
        return _parse_genre_map(content)
    except OSError as error:
        raise GenreMapError(f"{name} cannot be read ({error.strerror}); pass the path to a .toml file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise GenreMapError(f"{name} is not TOML ({error}); see the example in docs/library.md") from error
    except (TypeError, ValueError) as error:
        raise GenreMapError(f"{name}: {error}") from error


def _parse_genre_map(content: dict[str, Any]) -> GenreMap:
    if unknown := next((key for key in content if key not in _KEYS), None):
        raise ValueError(f"unknown key {unknown!r}; the keys are {', '.join(_KEYS)}")
    ancestors = content.get("ancestors", False)
    if not isinstance(ancestors, bool):
        raise TypeError("ancestors is not true or false")
    names = {key.casefold(): _parse_names(f"names.{key}", value) for key, value in _table(content, "names")}
    parents = {key.casefold(): _parse_name(f"parents.{key}", value) for key, value in _table(content, "parents")}
    for genre in parents:
        _check_acyclic(genre, parents)
    canonical = {name.casefold(): name for name in _parse_names("canonical", content.get("canonical", []))}
    return GenreMap(names, parents, canonical, ancestors)


def _table(content: dict[str, Any], key: str) -> ItemsView[str, Any]:
    value = content.get(key, {})
    if not isinstance(value, dict):
        raise TypeError(f"{key} is not a table; write [{key}] and one line per genre")
    return value.items()


def _parse_names(key: str, value: object) -> tuple[str, ...]:
    if isinstance(value, list):
        return unique_genres(_parse_name(key, part) for part in value)
    return (_parse_name(key, value),)


def _parse_name(key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise ValueError(f"{key} is not the name of a genre; write it in quotation marks")
    return value.strip()


def _check_acyclic(genre: str, parents: Mapping[str, str]) -> None:
    visited = [genre]
    while (parent := parents.get(visited[-1])) is not None:
        if parent.casefold() in visited:
            raise ValueError(f"parents.{genre} is part of a cycle: {' > '.join([*visited, parent])}")
        visited.append(parent.casefold())
