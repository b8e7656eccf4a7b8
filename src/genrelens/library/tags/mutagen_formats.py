"""Tags that mutagen writes well: Vorbis comments, MP4 and ASF. For each, what is ours and what is not."""

import shutil
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mutagen.asf import ASF
from mutagen.flac import FLAC, Padding, VCFLACDict
from mutagen.mp4 import MP4, MP4FreeForm
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggspeex import OggSpeex
from mutagen.oggtheora import OggTheora
from mutagen.oggvorbis import OggVorbis

from genrelens.library.tags.profiles import Dialect

OWN = "GENRELENS"  # the field that tells where the genres come from
OGG = (OggVorbis, OggOpus, OggFLAC, OggSpeex, OggTheora)
_MP4_OWN = "----:com.genrelens:GENRELENS"
_NOT_UTF8 = "\ufffd"  # what mutagen reads for bytes that are not UTF-8, and would write in their place


@dataclass(frozen=True)
class Content:
    """What a file's tags say: the genres' values, our own field, and all else, to be compared."""

    values: tuple[str, ...]
    own: str | None
    others: Hashable


@dataclass(frozen=True)
class Format:
    """A kind of tags: how it is read, and how values and our own field are set in an opened file of mutagen's."""

    dialect: Dialect
    content: Callable[[Any], Content]
    set: Callable[[Any, tuple[str, ...], str], None]

    def read(self, kind: Callable[[str], Any], path: Path) -> Content:
        """Read the tags of a file."""
        return self.content(kind(str(path)))

    def write(self, kind: Callable[[str], Any], source: Path, target: Path, values: tuple[str, ...], own: str) -> None:
        """Write `source` to `target`, with these values and this field."""
        shutil.copyfile(source, target)
        file = kind(str(target))
        if file.tags is None:
            file.add_tags()
        self.set(file, values, own)
        file.save()


def _vorbis_content(file: Any) -> Content:
    pairs = [] if file.tags is None else [(key.lower(), value) for key, value in file.tags]
    own = [value for key, value in pairs if key == OWN.lower()]
    others = [(key, value) for key, value in file.tags or () if key.lower() not in ("genre", OWN.lower())]
    return Content(
        tuple(value for key, value in pairs if key == "genre"),
        own[0] if own else None,
        (tuple(others), getattr(file.tags, "vendor", None) if others else None, _blocks(file)),
    )


def _blocks(file: Any) -> Hashable:
    """What a FLAC file has beside its comments: pictures, seek points, a cue sheet, what applications left."""
    blocks = getattr(file, "metadata_blocks", ()) if isinstance(file, FLAC) else ()
    return tuple((block.code, block.write()) for block in blocks if not isinstance(block, VCFLACDict | Padding))


def _set_vorbis(file: Any, values: tuple[str, ...], own: str) -> None:
    if any(_NOT_UTF8 in value for _, value in file.tags):
        raise ValueError("a comment holds bytes that are not UTF-8, which would be lost")
    first = next((place for place, (key, _) in enumerate(file.tags) if key.lower() == "genre"), len(file.tags))
    before = [pair for pair in file.tags[:first] if pair[0].lower() != OWN.lower()]
    after = [pair for pair in file.tags[first:] if pair[0].lower() not in ("genre", OWN.lower())]
    file.tags[:] = [*before, *(("GENRE", value) for value in values), *after, (OWN, own)]


def _mp4_content(file: Any) -> Content:
    tags = file.tags or {}
    own = tags.get(_MP4_OWN)
    others = {key: value for key, value in tags.items() if key not in ("\xa9gen", _MP4_OWN)}
    return Content(
        tuple(str(value) for value in tags.get("\xa9gen", ())),
        bytes(own[0]).decode("utf-8", "replace") if own else None,
        tuple(sorted((key, _frozen(value)) for key, value in others.items())),
    )


def _set_mp4(file: Any, values: tuple[str, ...], own: str) -> None:
    file.tags["\xa9gen"] = list(values)
    file.tags[_MP4_OWN] = [MP4FreeForm(own.encode())]


def _asf_content(file: Any) -> Content:
    own = [str(value) for key, value in file.tags if key == OWN]
    others = [(key, value) for key, value in file.tags if key not in ("WM/Genre", OWN)]
    return Content(
        tuple(str(value) for key, value in file.tags if key == "WM/Genre"),
        own[0] if own else None,
        tuple(sorted((key, v.TYPE, _frozen(v.value), v.language or 0, v.stream or 0) for key, v in others)),
    )


def _set_asf(file: Any, values: tuple[str, ...], own: str) -> None:
    file.tags["WM/Genre"] = list(values)
    file.tags[OWN] = [own]


def _frozen(value: Any) -> str:
    """A value of mutagen's, to be compared: its kind, what it is stored as, and its bytes or words."""
    if isinstance(value, list):
        return "\0".join(_frozen(part) for part in value)
    form = getattr(value, "imageformat", None), getattr(value, "dataformat", None)
    return f"{type(value).__name__} {form} {bytes(value) if isinstance(value, bytes) else value!r}"


VORBIS = Format("vorbis", _vorbis_content, _set_vorbis)
MP4_TAGS = Format("mp4", _mp4_content, _set_mp4)
ASF_TAGS = Format("asf", _asf_content, _set_asf)

KINDS: dict[str, tuple[Format, Callable[[str], Any]]] = {
    "flac": (VORBIS, FLAC),
    "mp4": (MP4_TAGS, MP4),
    "asf": (ASF_TAGS, ASF),
}
