"""Playlists as files: M3U8, XSPF and JSPF, with paths relative to where they are."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath
from urllib.parse import quote
from xml.etree import ElementTree

from genrelens.errors import LibraryError, display_name
from genrelens.files import write_text
from genrelens.library.playlists.playlist import PlaylistItem

_XSPF = "http://xspf.org/ns/0/"
_SAFE = "/!$&'()*+,;=:@~"  # what may stand in the path of a URI as it is (RFC 3986)


def write_playlist(target: Path, items: Sequence[PlaylistItem]) -> None:
    """Write a playlist, whole or not at all, in the format that its suffix names: .m3u8 (or .m3u), .xspf, .jspf.

    Raises:
        LibraryError: the suffix is another one.
        OSError: it cannot be written.
    """
    write_text(target, formatter_for(target)(target, items))


def formatter_for(target: Path) -> Callable[[Path, Sequence[PlaylistItem]], str]:
    """What makes the text of a playlist at `target`.

    Raises:
        LibraryError: the suffix is none that we know.
    """
    writer = {".m3u8": format_m3u8, ".m3u": format_m3u8, ".xspf": format_xspf, ".jspf": format_jspf}.get(target.suffix.lower())
    if writer is None:
        raise LibraryError(f"{display_name(target)} is no playlist that we know; end its name in .m3u8, .xspf or .jspf")
    return writer


def format_m3u8(target: Path, items: Sequence[PlaylistItem]) -> str:
    """Lines of UTF-8: for each track its duration and name, then its path relative to the playlist.

    A path that a line cannot hold (a line break, bytes that are no UTF-8, blanks at an end) is told as a file: URI.
    """
    lines = ["#EXTM3U"]
    for item in items:
        named = f"{item.name.artist} - {item.name.title}" if item.name.artist else item.name.title
        lines += [f"#EXTINF:{round(item.seconds) or -1},{named}", _line(target, item.track.path)]
    return "\n".join(lines) + "\n"


def format_xspf(target: Path, items: Sequence[PlaylistItem]) -> str:
    """XSPF 1 (https://xspf.org/spec): locations are URIs relative to the playlist, durations in ms."""
    ElementTree.register_namespace("", _XSPF)
    playlist = ElementTree.Element(f"{{{_XSPF}}}playlist", version="1")
    tracks = ElementTree.SubElement(playlist, f"{{{_XSPF}}}trackList")
    for item in items:
        track = ElementTree.SubElement(tracks, f"{{{_XSPF}}}track")
        for name, text in _facts(target, item).items():
            ElementTree.SubElement(track, f"{{{_XSPF}}}{name}").text = str(text)
    ElementTree.indent(playlist)
    content = ElementTree.tostring(playlist, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{content}\n'


def format_jspf(target: Path, items: Sequence[PlaylistItem]) -> str:
    """JSPF, which is XSPF in JSON (https://xspf.org/jspf)."""
    tracks = [
        {name: [fact] if name == "location" else fact for name, fact in _facts(target, item).items()} for item in items
    ]
    return json.dumps({"playlist": {"track": tracks}}, indent=2, ensure_ascii=False) + "\n"


def _facts(target: Path, item: PlaylistItem) -> dict[str, str | int]:
    """What XSPF tells of a track, in the order of its specification."""
    facts: dict[str, str | int] = {"location": _uri(target, item.track.path), "title": item.name.title}
    if item.name.artist:
        facts["creator"] = item.name.artist
    return facts | {"duration": round(1000 * item.seconds)}


def _uri(target: Path, path: Path) -> str:
    relative = _relative(target, path)
    if PurePath(relative).is_absolute():
        return path.as_uri()
    quoted = quote(os.fsencode(relative), safe=_SAFE)
    return f"./{quoted}" if ":" in quoted.partition("/")[0] else quoted


def _line(target: Path, path: Path) -> str:
    relative = _relative(target, path)
    if not relative.isprintable() or relative != relative.strip():
        return path.as_uri()
    # A line that begins with # is a comment, and one with a colon before its first slash would be an address.
    return f"./{relative}" if relative.startswith("#") or ":" in relative.partition("/")[0] else relative


def _relative(target: Path, path: Path) -> str:
    """With slashes on all systems; on another drive of Windows, there is only an absolute one.

    Links to folders are followed, as the system does before it goes up from one.
    """
    try:
        return PurePath(os.path.relpath(path.parent.resolve() / path.name, target.parent.resolve())).as_posix()
    except ValueError:
        return path.as_posix()
