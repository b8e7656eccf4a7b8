"""How players read several genres of a track, and so how they are to be written.

All formats can hold several genres as separate values, and that is what `generic` writes: in ID3v2.4 with zero bytes
between them, as the standard has it; in ID3v2.3 likewise, which is no standard but what taggers do; in Vorbis comments
as a field for each, in MP4 as a value for each, in APE tags with zero bytes, in ASF as an attribute for each. A player
that sees but the first of them is given one value, joined by a separator that it splits at.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Dialect = Literal["id3v2.2", "id3v2.3", "id3v2.4", "vorbis", "mp4", "ape", "asf"]
ProfileName = Literal["generic", "navidrome", "jellyfin", "plex", "rekordbox"]

_ALL: tuple[Dialect, ...] = ("id3v2.2", "id3v2.3", "id3v2.4", "vorbis", "mp4", "ape", "asf")
_OLD_ID3: tuple[Dialect, ...] = ("id3v2.2", "id3v2.3")


@dataclass(frozen=True)
class Profile:
    """What a player needs.

    Attributes:
        separators: between genres in one value, for the kinds of tags of which the player sees but one value;
            the kinds that are not here get several values.
        splits: characters at which the player splits the values of those other kinds as well.
        only_alone: whether it does so only with a value that stands alone.
        why: in a sentence, for the documentation.
    """

    why: str
    separators: Mapping[Dialect, str] = field(default_factory=lambda: MappingProxyType({}))
    splits: str = ""
    only_alone: bool = False

    def stored(self, dialect: Dialect, genres: Iterable[str]) -> tuple[str, ...]:
        """The values to write for these genres."""
        separator = self.separators.get(dialect)
        joined = (separator.join(genres),) if separator else tuple(genres)
        return tuple(value for value in joined if value)

    def told(self, dialect: Dialect, values: Iterable[str]) -> tuple[str, ...]:
        """The genres that the player reads from these values, each once."""
        found = tuple(values)
        marks = self._marks(dialect, len(found))
        parts = (part for value in found for part in (re.split(f"[{marks}]", value) if marks else [value]))
        return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))

    def _marks(self, dialect: Dialect, values: int) -> str:
        """The characters at which so many values of a kind of tags are split."""
        if dialect in self.separators:
            return self.separators[dialect].strip()
        return "" if self.only_alone and values > 1 else self.splits


def _joined(dialects: Iterable[Dialect], separator: str) -> Mapping[Dialect, str]:
    return MappingProxyType(dict.fromkeys(dialects, separator))


PROFILES: Mapping[ProfileName, Profile] = MappingProxyType(
    {
        "generic": Profile("Several values, as foobar2000, MPD, beets, Picard, Kodi and others read them."),
        "navidrome": Profile(
            "It reads by TagLib, which gives several values of all kinds of tags. One value is split at ; / and ,"
            " by its own settings.",
            splits=";/,",
            only_alone=True,
        ),
        "jellyfin": Profile(
            "It reads by ATL, several values of all kinds but ID3v2.3, of which it takes what stands before the first"
            " zero byte. There they are joined by ; and split if 'Use custom tag delimiters' is on for the library.",
            _joined(_OLD_ID3, "; "),
        ),
        "plex": Profile(
            "It reads by FFmpeg, which gives repeated Vorbis comments joined by ; and of all other tags the first"
            " value alone, and it splits at ; what it is given.",
            _joined((dialect for dialect in _ALL if dialect != "vorbis"), ";"),
            splits=";",
        ),
        "rekordbox": Profile(
            "It has one genre for a track, and shows the first value alone. So all are in one, joined by a comma,"
            " where 'genre contains' of a smart playlist finds each.",
            _joined(_ALL, ", "),
        ),
    }
)
