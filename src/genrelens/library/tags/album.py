"""What the tags of a file say of the album that it is on."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mutagen
from mutagen.apev2 import APETextValue
from mutagen.asf._attrs import ASFByteArrayAttribute
from mutagen.id3 import TextFrame

from genrelens.library.tags.genre_tags import DAMAGED

# What the containers call it, in small letters: Vorbis and APE, ID3, MP4, ASF.
_ALBUM = ("album", "talb", "©alb", "wm/albumtitle")
_ALBUM_ARTIST = ("albumartist", "album artist", "tpe2", "aart", "wm/albumartist")
_ARTIST = ("artist", "tpe1", "©art", "author")
_COMPILATION = ("compilation", "tcmp", "cpil", "wm/iscompilation")

_TEXTS = (list, TextFrame, APETextValue)
_NO_TEXT = (bytes, ASFByteArrayAttribute)

_VARIOUS = {"various artists", "various", "va", "v.a.", "v/a"}
_GUEST = re.compile(r"\s+\(?(?:feat|ft|featuring)\b|[;,/&]", re.IGNORECASE)
_FEW = 3  # tracks below which different artists are no sign of a compilation


@dataclass(frozen=True)
class AlbumTags:
    """The tags of one file; empty where it has none."""

    album: str = ""
    album_artist: str = ""
    artist: str = ""
    compilation: bool = False


def album_tags(path: Path) -> AlbumTags:
    """Read the tags of a file; of one that cannot be read, there are none."""
    try:
        return _told(mutagen.File(path))
    except (OSError, *DAMAGED):
        return AlbumTags()


def _told(file: Any) -> AlbumTags:
    found = file.tags if file is not None and file.tags is not None else {}
    tags = {name.casefold(): value for name, value in found.items()}
    return AlbumTags(
        album=_first(tags, _ALBUM),
        album_artist=_first(tags, _ALBUM_ARTIST),
        artist=_first(tags, _ARTIST),
        compilation=_first(tags, _COMPILATION).casefold() in ("1", "true"),
    )


def by_various(tags: Iterable[AlbumTags]) -> bool:
    """Whether an album is a compilation: it is called one, or hardly two tracks are by the same artist."""
    every = list(tags)
    if any(one.compilation or one.album_artist.casefold() in _VARIOUS for one in every):
        return True
    artists = [_GUEST.split(one.artist)[0].strip().casefold() for one in every if one.artist]
    named = any(one.album_artist for one in every)
    return not named and len(artists) >= _FEW and 2 * len(set(artists)) > len(artists)


def _first(tags: dict[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = tags.get(name)
        if isinstance(value, bool):
            return str(value)
        if value and isinstance(value, _TEXTS) and not isinstance(value[0], _NO_TEXT):
            return str(value[0]).strip()
    return ""
