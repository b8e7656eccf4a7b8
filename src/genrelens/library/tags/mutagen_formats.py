"""Genres in Vorbis comments, MP4 and ASF tags, read and written by mutagen.

mutagen preserves all other fields of these formats; ID3 and APE tags need the byte editors in `id3` and `ape`.
"""

import shutil
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mutagen import File
from mutagen.asf import ASF
from mutagen.flac import FLAC, Padding, VCFLACDict
from mutagen.mp4 import MP4, MP4FreeForm
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggspeex import OggSpeex
from mutagen.oggtheora import OggTheora
from mutagen.oggvorbis import OggVorbis

from genrelens.library.tags.profiles import Dialect

PROVENANCE_FIELD = "GENRELENS"  # the field that says which model the genres come from
_MP4_PROVENANCE = "----:com.genrelens:GENRELENS"
_OGG_TYPES = (OggVorbis, OggOpus, OggFLAC, OggSpeex, OggTheora)
_REPLACEMENT_CHARACTER = "\ufffd"  # mutagen decodes bytes that are not UTF-8 to this, and would write it back


@dataclass(frozen=True)
class GenreTags:
    """The genre tags of a file.

    Attributes:
        genres: values of the genre field; or, from `genre_tags.read`, the genres that the player reads from them.
        provenance: which model the genres come from, if GenreLens wrote them.
        other_fields: all other fields, for comparison.
        dialect: the tag dialect of the file, or the one that it would get.
    """

    genres: tuple[str, ...]
    provenance: str | None
    other_fields: Hashable
    dialect: Dialect


@dataclass(frozen=True)
class TagFormat:
    """A tag format that mutagen handles.

    Attributes:
        open_file: opens a file in mutagen.
        extract: reads the tags of an open file.
        update: sets genre values and provenance in an open file.
    """

    open_file: Callable[[str], Any]
    extract: Callable[[Any], GenreTags]
    update: Callable[[Any, tuple[str, ...], str], None]

    def read(self, path: Path) -> GenreTags:
        """Read the tags of a file."""
        return self.extract(self.open_file(str(path)))

    def write(self, source: Path, target: Path, values: tuple[str, ...], provenance: str) -> None:
        """Copy `source` to `target`, and set the genre values and the provenance field there."""
        shutil.copyfile(source, target)
        file = self.open_file(str(target))
        if file.tags is None:
            file.add_tags()
        self.update(file, values, provenance)
        file.save()


def _open_ogg(path: str) -> Any:
    file = File(path, options=_OGG_TYPES)
    if file is None:
        raise ValueError("tags are not read or written in Ogg files of this kind")
    return file


def _extract_vorbis(file: Any) -> GenreTags:
    fields = [] if file.tags is None else [(key.lower(), key, value) for key, value in file.tags]
    provenance = [value for name, _, value in fields if name == PROVENANCE_FIELD.lower()]
    others = [(key, value) for name, key, value in fields if name not in ("genre", PROVENANCE_FIELD.lower())]
    return GenreTags(
        tuple(value for name, _, value in fields if name == "genre"),
        provenance[0] if provenance else None,
        (tuple(others), getattr(file.tags, "vendor", None) if others else None, _metadata_blocks(file)),
        "vorbis",
    )


def _metadata_blocks(file: Any) -> Hashable:
    """Return the other metadata blocks of a FLAC file: pictures, seek points, cue sheets, application data."""
    blocks = getattr(file, "metadata_blocks", ()) if isinstance(file, FLAC) else ()
    return tuple((block.code, block.write()) for block in blocks if not isinstance(block, VCFLACDict | Padding))


def _update_vorbis(file: Any, values: tuple[str, ...], provenance: str) -> None:
    if any(_REPLACEMENT_CHARACTER in value for _, value in file.tags):
        raise ValueError("a comment holds bytes that are not UTF-8, which would be lost")
    provenance_key = PROVENANCE_FIELD.lower()
    first = next((index for index, (key, _) in enumerate(file.tags) if key.lower() == "genre"), len(file.tags))
    before = [pair for pair in file.tags[:first] if pair[0].lower() != provenance_key]
    after = [pair for pair in file.tags[first:] if pair[0].lower() not in ("genre", provenance_key)]
    genres = [("GENRE", value) for value in values]
    file.tags[:] = [*before, *genres, *after, (PROVENANCE_FIELD, provenance)]


def _extract_mp4(file: Any) -> GenreTags:
    tags = file.tags or {}
    provenance = tags.get(_MP4_PROVENANCE)
    others = {key: value for key, value in tags.items() if key not in ("\xa9gen", _MP4_PROVENANCE)}
    return GenreTags(
        tuple(str(value) for value in tags.get("\xa9gen", ())),
        bytes(provenance[0]).decode("utf-8", "replace") if provenance else None,
        tuple(sorted((key, _comparable(value)) for key, value in others.items())),
        "mp4",
    )


def _update_mp4(file: Any, values: tuple[str, ...], provenance: str) -> None:
    file.tags["\xa9gen"] = list(values)
    file.tags[_MP4_PROVENANCE] = [MP4FreeForm(provenance.encode())]


def _extract_asf(file: Any) -> GenreTags:
    provenance = [str(value) for key, value in file.tags if key == PROVENANCE_FIELD]
    others = [(key, value) for key, value in file.tags if key not in ("WM/Genre", PROVENANCE_FIELD)]
    return GenreTags(
        tuple(str(value) for key, value in file.tags if key == "WM/Genre"),
        provenance[0] if provenance else None,
        tuple(sorted((key, v.TYPE, _comparable(v.value), v.language or 0, v.stream or 0) for key, v in others)),
        "asf",
    )


def _update_asf(file: Any, values: tuple[str, ...], provenance: str) -> None:
    file.tags["WM/Genre"] = list(values)
    file.tags[PROVENANCE_FIELD] = [provenance]


def _comparable(value: Any) -> str:
    """Represent a mutagen value for comparison: its type, its stored format, and its bytes or text."""
    if isinstance(value, list):
        return "\0".join(_comparable(part) for part in value)
    stored_format = getattr(value, "imageformat", None), getattr(value, "dataformat", None)
    return f"{type(value).__name__} {stored_format} {bytes(value) if isinstance(value, bytes) else value!r}"


FORMATS = {
    "flac": TagFormat(FLAC, _extract_vorbis, _update_vorbis),
    "ogg": TagFormat(_open_ogg, _extract_vorbis, _update_vorbis),
    "mp4": TagFormat(MP4, _extract_mp4, _update_mp4),
    "asf": TagFormat(ASF, _extract_asf, _update_asf),
}
