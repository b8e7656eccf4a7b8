"""Profiles of players: how each reads several genres of a track, and so how GenreLens writes them.

All tag formats can hold several genres as separate values, and the `generic` profile writes them that way: ID3v2.4
separates them by zero bytes, as its standard says; ID3v2.3 does the same, which taggers do although its standard does
not define it; Vorbis comments use one field per genre, MP4 one value, APE zero bytes, ASF one attribute per genre. A
player that reads only the first value gets a single one instead, joined by a separator at which the player splits.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Dialect = Literal["id3v2.2", "id3v2.3", "id3v2.4", "vorbis", "mp4", "ape", "asf"]
ProfileName = Literal["generic", "navidrome", "jellyfin", "plex", "rekordbox"]

_ALL: tuple[Dialect, ...] = ("id3v2.2", "id3v2.3", "id3v2.4", "vorbis", "mp4", "ape", "asf")
_OLD_ID3: tuple[Dialect, ...] = ("id3v2.2", "id3v2.3")


@dataclass(frozen=True)
class Profile:
    """The way a player reads genres.

    Attributes:
        reason: what the profile is based on, in a sentence.
        separators: separator between genres, for the dialects of which the player reads only a single value.
        split_characters: characters at which the player also splits the values of the other dialects.
        splits_single_value_only: whether it splits at these characters only if there is a single value.
    """

    reason: str
    separators: Mapping[Dialect, str] = field(default_factory=dict)
    split_characters: str = ""
    splits_single_value_only: bool = False

    def join(self, dialect: Dialect, genres: Iterable[str]) -> tuple[str, ...]:
        """Return the tag values to write for these genres."""
        separator = self.separators.get(dialect)
        values = (separator.join(genres),) if separator else tuple(genres)
        return tuple(value for value in values if value)

    def split(self, dialect: Dialect, values: Iterable[str]) -> tuple[str, ...]:
        """Return the genres that the player reads from these tag values, without duplicates."""
        values = tuple(values)
        characters = self._split_characters(dialect, len(values))
        parts = (part for value in values for part in (re.split(f"[{characters}]", value) if characters else [value]))
        return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))

    def _split_characters(self, dialect: Dialect, value_count: int) -> str:
        if dialect in self.separators:
            return self.separators[dialect].strip()
        return "" if self.splits_single_value_only and value_count > 1 else self.split_characters


PROFILES: Mapping[ProfileName, Profile] = {
    "generic": Profile("foobar2000, MPD, beets, Picard, Kodi and others read several values."),
    "navidrome": Profile(
        "It uses TagLib, which returns several values for all dialects. By its own settings, it splits a single value"
        " at ; / and ,",
        split_characters=";/,",
        splits_single_value_only=True,
    ),
    "jellyfin": Profile(
        "It uses ATL, which returns several values for all dialects but ID3v2.3, where it stops at the first zero byte."
        " There, genres are joined by ; and split if 'Use custom tag delimiters' is on for the library.",
        dict.fromkeys(_OLD_ID3, "; "),
    ),
    "plex": Profile(
        "It uses FFmpeg, which joins repeated Vorbis comments by ; and returns only the first value of all other tags,"
        " and splits the result at ;",
        {dialect: ";" for dialect in _ALL if dialect != "vorbis"},
        split_characters=";",
    ),
    "rekordbox": Profile(
        "It has one genre per track and shows only the first value. All genres go into it, joined by a comma, where"
        " 'genre contains' of a smart playlist finds each.",
        dict.fromkeys(_ALL, ", "),
    ),
}
