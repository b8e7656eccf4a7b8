"""Artist, title and album as the tags of a file give them, whatever its container."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mutagen
from mutagen.apev2 import APETextValue
from mutagen.asf._attrs import ASFByteArrayAttribute
from mutagen.id3 import TextFrame

# Field names in lower case: Vorbis comments and APE, ID3, MP4, ASF.
_TITLE = ("title", "tit2", "©nam")
_ARTIST = ("artist", "tpe1", "©art", "author")
_ALBUM = ("album", "talb", "©alb", "wm/albumtitle")
_ALBUM_ARTIST = ("albumartist", "album artist", "tpe2", "aart", "wm/albumartist")
_COMPILATION = ("compilation", "tcmp", "cpil", "wm/iscompilation")

_TEXT_TYPES = (list, TextFrame, APETextValue)
_BINARY_TYPES = (bytes, ASFByteArrayAttribute)

_VARIOUS_ARTISTS = {"various artists", "various", "va", "v.a.", "v/a"}
_GUEST_ARTIST = re.compile(r"\s+\(?(?:feat|ft|featuring)\b|[;,/&]", re.IGNORECASE)
_MIN_COMPILATION_TRACKS = 3  # with fewer tracks, different artists do not indicate a compilation


@dataclass(frozen=True)
class TrackName:
    """The title of a track, and its artist if known."""

    title: str
    artist: str | None = None


@dataclass(frozen=True)
class AlbumTags:
    """The tags that identify the album of a file; empty strings for missing tags."""

    album: str = ""
    album_artist: str = ""
    artist: str = ""
    compilation: bool = False


def read_track_name(path: Path) -> TrackName:
    """Read title and artist from the tags of a file; without a title, use the file name."""
    tags = _read_tags(path)
    title, artist = single_line(_first_text(tags, _TITLE)), single_line(_first_text(tags, _ARTIST))
    return TrackName(title or single_line(path.stem), artist or None)


def read_album_tags(path: Path) -> AlbumTags:
    """Read the album tags of a file; all are empty if the file cannot be read."""
    tags = _read_tags(path)
    return AlbumTags(
        album=_first_text(tags, _ALBUM),
        album_artist=_first_text(tags, _ALBUM_ARTIST),
        artist=_first_text(tags, _ARTIST),
        compilation=_first_text(tags, _COMPILATION).casefold() in ("1", "true"),
    )


def is_compilation(tags: Iterable[AlbumTags]) -> bool:
    """Return whether tracks form a compilation: marked as one, or hardly two of them by the same artist."""
    tracks = list(tags)
    if any(track.compilation or track.album_artist.casefold() in _VARIOUS_ARTISTS for track in tracks):
        return True
    artists = [_GUEST_ARTIST.split(track.artist)[0].strip().casefold() for track in tracks if track.artist]
    has_album_artist = any(track.album_artist for track in tracks)
    return not has_album_artist and len(artists) >= _MIN_COMPILATION_TRACKS and 2 * len(set(artists)) > len(artists)


def single_line(text: str) -> str:
    """Return text as one line of valid Unicode, whatever bytes a file name or tag contains."""
    valid = text.encode("utf-8", "replace").decode()
    return " ".join("".join(letter if letter.isprintable() else " " for letter in valid).split())


def _read_tags(path: Path) -> dict[str, Any]:
    """Return the tags of a file by their names in lower case; none if they are missing or damaged."""
    try:
        file: Any = mutagen.File(path)
        tags = getattr(file, "tags", None)
        return {} if tags is None else {name.casefold(): value for name, value in tags.items()}
    except Exception:  # mutagen raises all kinds of errors on damaged tags, and callers can do without them
        return {}


def _first_text(tags: dict[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = tags.get(name)
        if isinstance(value, bool):
            return str(value)
        if value and isinstance(value, _TEXT_TYPES) and not isinstance(value[0], _BINARY_TYPES):
            return str(value[0]).strip()
    return ""
