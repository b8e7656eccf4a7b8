"""What a track calls itself: artist and title, from its tags."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

# As ID3, Vorbis comments, MP4, ASF and APE call them.
_TITLES = ("TIT2", "title", "\xa9nam", "Title")
_ARTISTS = ("TPE1", "artist", "\xa9ART", "Author", "Artist")


@dataclass(frozen=True)
class Name:
    """The title of a track, and its artist if that is known."""

    title: str
    artist: str | None = None


def name_of(path: Path) -> Name:
    """As its tags say; where they say nothing, or cannot be read, the name of the file is the title."""
    import mutagen

    try:
        tags: Any = getattr(mutagen.File(path), "tags", None) or {}
        title, artist = _first(tags, _TITLES), _first(tags, _ARTISTS)
    except Exception:  # damaged tags raise all kinds of errors, and a playlist can do without them
        title = artist = None
    return Name(title or plain(path.stem), artist)


def plain(text: str) -> str:
    """Text on one line that is valid Unicode, whatever bytes a name or a tag is made of."""
    valid = text.encode("utf-8", "replace").decode()
    return " ".join("".join(letter if letter.isprintable() else " " for letter in valid).split())


def _first(tags: Any, keys: tuple[str, ...]) -> str | None:
    for key in keys:
        try:
            values = tags.get(key)
        except (KeyError, ValueError):  # a key that this kind of tags cannot have
            continue
        values = getattr(values, "text", values)
        value = values[0] if isinstance(values, list) and values else values
        if value and plain(str(value)):
            return plain(str(value))
    return None
