"""Playlist files in M3U8, XSPF and JSPF, with paths relative to the file."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath
from urllib.parse import quote
from xml.etree import ElementTree

from genrelens.errors import LibraryError, display_name
from genrelens.files import write_text
from genrelens.library.playlists.playlist import PlaylistItem

_XSPF_NAMESPACE = "http://xspf.org/ns/0/"
_SAFE_CHARACTERS = "/!$&'()*+,;=:@~"  # not escaped in the path of a URI (RFC 3986)


def write_playlist(target: Path, items: Sequence[PlaylistItem]) -> None:
    """Write a playlist atomically, in the format of its suffix: .m3u8 (or .m3u), .xspf, .jspf.

    Raises:
        LibraryError: the suffix is not one of these.
        OSError: the file cannot be written.
    """
    write_text(target, formatter_for(target)(target, items))


def formatter_for(target: Path) -> Callable[[Path, Sequence[PlaylistItem]], str]:
    """Return the function that formats a playlist for a file name.

    Raises:
        LibraryError: the suffix is not supported.
    """
    formatters = {".m3u8": format_m3u8, ".m3u": format_m3u8, ".xspf": format_xspf, ".jspf": format_jspf}
    if formatter := formatters.get(target.suffix.lower()):
        return formatter
    name = display_name(target)
    raise LibraryError(f"{name} is not a supported playlist format; end its name in .m3u8, .xspf or .jspf")


def format_m3u8(target: Path, items: Sequence[PlaylistItem]) -> str:
    """Format lines of UTF-8: for each track its duration and name, then its path relative to the playlist.

    A path that a line cannot hold (line breaks, bytes that are not UTF-8, leading or trailing blanks) is written as a
    file: URI.
    """
    lines = ["#EXTM3U"]
    for item in items:
        name = f"{item.name.artist} - {item.name.title}" if item.name.artist else item.name.title
        lines += [f"#EXTINF:{round(item.seconds) or -1},{name}", _m3u8_path(target, item.track.path)]
    return "\n".join(lines) + "\n"


def format_xspf(target: Path, items: Sequence[PlaylistItem]) -> str:
    """Format XSPF 1 (https://xspf.org/spec): locations are URIs relative to the playlist, durations in ms."""
    ElementTree.register_namespace("", _XSPF_NAMESPACE)
    playlist = ElementTree.Element(f"{{{_XSPF_NAMESPACE}}}playlist", version="1")
    tracks = ElementTree.SubElement(playlist, f"{{{_XSPF_NAMESPACE}}}trackList")
    for item in items:
        track = ElementTree.SubElement(tracks, f"{{{_XSPF_NAMESPACE}}}track")
        for name, value in _xspf_fields(target, item).items():
            ElementTree.SubElement(track, f"{{{_XSPF_NAMESPACE}}}{name}").text = str(value)
    ElementTree.indent(playlist)
    content = ElementTree.tostring(playlist, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{content}\n'


def format_jspf(target: Path, items: Sequence[PlaylistItem]) -> str:
    """Format JSPF, the JSON form of XSPF (https://xspf.org/jspf)."""
    tracks = []
    for item in items:
        fields = _xspf_fields(target, item)
        tracks.append({name: [value] if name == "location" else value for name, value in fields.items()})
    return json.dumps({"playlist": {"track": tracks}}, indent=2, ensure_ascii=False) + "\n"


def _xspf_fields(target: Path, item: PlaylistItem) -> dict[str, str | int]:
    """Return the XSPF elements of a track, in the order of the specification."""
    creator = {"creator": item.name.artist} if item.name.artist else {}
    location, duration = _relative_uri(target, item.track.path), round(1000 * item.seconds)
    return {"location": location, "title": item.name.title, **creator, "duration": duration}


def _relative_uri(target: Path, path: Path) -> str:
    relative = _relative_path(target, path)
    if PurePath(relative).is_absolute():
        return path.as_uri()
    quoted = quote(os.fsencode(relative), safe=_SAFE_CHARACTERS)
    return f"./{quoted}" if ":" in quoted.partition("/")[0] else quoted


def _m3u8_path(target: Path, path: Path) -> str:
    relative = _relative_path(target, path)
    if not relative.isprintable() or relative != relative.strip():
        return path.as_uri()
    # A line that starts with # would be a comment, and one with a colon before its first slash a URL.
    return f"./{relative}" if relative.startswith("#") or ":" in relative.partition("/")[0] else relative


def _relative_path(target: Path, path: Path) -> str:
    """Return a track's path relative to the playlist, with slashes on all systems; absolute on another Windows drive.

    Links to folders are resolved, as the system does before it follows `..`.
    """
    try:
        return PurePath(os.path.relpath(path.parent.resolve() / path.name, target.parent.resolve())).as_posix()
    except ValueError:
        return path.as_posix()
