"""One's own names for a model's genres, and one's own tree of them, from a TOML file.

    ancestors = true                        # write "House, Electronic", not "House" alone
    canonical = ["House", "Electronic"]     # nothing but these; other genres become the nearest above them

    [names]                                 # what a model tells, and what it is to be called
    hiphop = "Hip-Hop"
    synthpop = ["Synth-Pop", "Electronic"]  # several
    noise = []                              # never written

    [parents]                               # your tree: each genre's parent, in your names
    "Deep House" = "House"
    House = "Electronic"

Every part may be left out. Names are compared without regard to case. What a tree model tells ("Rock---Metal") is
looked up as it is, then by its last step ("Metal"), which is also its name where the file has none.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genrelens.errors import GenreMapError, display_name
from genrelens.model.labels import LEVEL_SEPARATOR

_KEYS = ("names", "parents", "ancestors", "canonical")


@dataclass(frozen=True)
class GenreMap:
    """How genres are called and ordered; keys are case-folded.

    Attributes:
        canonical: the only names that are written, as they are spelt; all are if there are none.
    """

    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)
    canonical: Mapping[str, str] = field(default_factory=dict)
    ancestors: bool = False

    def __call__(self, label: str) -> tuple[str, ...]:
        """What to write for a label of the model's; nothing, where the map leaves it out."""
        found: list[str] = []
        for name in self._named(label):
            line = self._lineage(name)
            if self.canonical:
                line = [self.canonical[step.casefold()] for step in line if step.casefold() in self.canonical]
            found += line if self.ancestors else line[:1]
        return unique(found)

    def _named(self, label: str) -> tuple[str, ...]:
        last = label.rpartition(LEVEL_SEPARATOR)[2]
        for key in (label, last):
            if key.casefold() in self.names:
                return self.names[key.casefold()]
        return (last,)

    def _lineage(self, name: str) -> list[str]:
        """A genre and what it is part of, upwards."""
        line = [name]
        while (parent := self.parents.get(line[-1].casefold())) is not None:
            line.append(parent)
        return line


def unique(genres: Iterable[str]) -> tuple[str, ...]:
    """Each genre once, as it is first spelt; upper and lower case make no other genre."""
    found: dict[str, str] = {}
    for genre in genres:
        found.setdefault(genre.casefold(), genre)
    return tuple(found.values())


def read_genre_map(path: Path) -> GenreMap:
    """Read a file of genre names.

    Raises:
        GenreMapError: it cannot be read, is not TOML (with the line), or says something impossible (with the key).
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise GenreMapError(
            f"{display_name(path)} cannot be read ({error.strerror}); give the path of a .toml file"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise GenreMapError(f"{display_name(path)} is not TOML ({error}); see the example in docs/library.md") from error
    try:
        return _built(content)
    except (TypeError, ValueError) as error:
        raise GenreMapError(f"{display_name(path)}: {error}") from error


def _built(content: dict[str, Any]) -> GenreMap:
    if unknown := next((key for key in content if key not in _KEYS), None):
        raise ValueError(f"there is no key {unknown!r}; write {', '.join(_KEYS)}")
    ancestors = content.get("ancestors", False)
    if not isinstance(ancestors, bool):
        raise TypeError("ancestors is not true or false")
    names = {key.casefold(): _names(f"names.{key}", value) for key, value in _table(content, "names").items()}
    parents = {key.casefold(): _name(f"parents.{key}", value) for key, value in _table(content, "parents").items()}
    for genre in parents:
        _refuse_circle(genre, parents)
    canonical = {name.casefold(): name for name in _names("canonical", content.get("canonical", []))}
    return GenreMap(names, parents, canonical, ancestors)


def _table(content: dict[str, Any], key: str) -> dict[str, Any]:
    value = content.get(key, {})
    if not isinstance(value, dict):
        raise TypeError(f"{key} is not a table; write [{key}] and a line for each genre")
    return value


def _names(key: str, value: object) -> tuple[str, ...]:
    if isinstance(value, list):
        return unique(_name(key, part) for part in value)
    return (_name(key, value),)


def _name(key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise ValueError(f"{key} is not the name of a genre; write it in quotation marks")
    return value.strip()


def _refuse_circle(genre: str, parents: Mapping[str, str]) -> None:
    passed = [genre]
    while (parent := parents.get(passed[-1])) is not None:
        if parent.casefold() in passed:
            raise ValueError(f"parents.{genre} leads round in a circle, by {' > '.join([*passed, parent])}")
        passed.append(parent.casefold())
