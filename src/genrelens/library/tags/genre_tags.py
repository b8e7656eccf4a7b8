"""Genres in the tags of audio files, as several values, with a field that tells where they come from.

Nothing else in a file changes: ID3 tags are edited frame by frame (`id3`), APE tags item by item (`ape`), other tags by
mutagen (`formats`), and what is written is read back and compared.
"""

import struct
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from mutagen import File, MutagenError
from mutagen.id3 import TCON

from genrelens.errors import TagsUnreadableError, TagsUnwritableError, display_name
from genrelens.library.tags import ape, id3, id3_files
from genrelens.library.tags.mutagen_formats import KINDS, OGG, OWN, VORBIS, Format
from genrelens.library.tags.profiles import PROFILES, Dialect, Profile
from genrelens.library.tags.splice import splice

# What a library that reads tags may raise for a damaged file, beside OSError.
DAMAGED = (MutagenError, ArithmeticError, EOFError, LookupError, TypeError, ValueError, struct.error)

_HEAD = 64  # bytes by which a format is told
_ID3V1 = 128
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"fLaC", "flac"),
    (0, b"OggS", "ogg"),
    (4, b"ftyp", "mp4"),
    (0, bytes.fromhex("3026b2758e66cf11"), "asf"),
    (0, b"wvpk", "wavpack"),
    (0, b"MAC ", "monkeys"),
    (0, b"MPCK", "musepack"),
    (0, b"MP+", "musepack"),
    (0, b"OFR ", "optimfrog"),
    (0, b"tBaK", "tak"),
    (8, b"WAVE", "riff"),
    (8, b"AIF", "iff"),
    (0, b"DSD ", "dsf"),
    (0, b"TTA", "front"),
)
_CONTAINERS: dict[str, id3_files.Container] = {"riff": "riff", "iff": "iff", "dsf": "dsf", "front": "front"}
_APE = {"wavpack", "monkeys", "musepack", "optimfrog", "tak"}
_BARE = {".mp3", ".mp2", ".aac"}  # streams of frames, which have no beginning of their own


@dataclass(frozen=True)
class Tags:
    """What a file says of its genre.

    Attributes:
        genres: as the player of the profile reads them.
        own: the field that tells where they come from, if GenreLens has written them.
        dialect: the kind of tags that it has, or that it would get.
        others: all else in the tags, to be compared.
    """

    genres: tuple[str, ...]
    own: str | None
    dialect: Dialect
    others: Hashable


def read(path: Path, profile: Profile = PROFILES["generic"]) -> Tags:
    """What a file says of its genre.

    An mp3 without genre in its ID3v2 tag may have one in an APE or ID3v1 tag behind, a WAV in its INFO chunk: these
    are read, and never written.

    Raises:
        TagsUnreadableError: it cannot be read, is damaged, or is of a format whose tags we do not know.
    """
    with _told(path, TagsUnreadableError, "the tags of {} cannot be read ({}); play it, and leave it out if it does"):
        return _read(path, _kind(path), profile)


def write(source: Path, target: Path, genres: tuple[str, ...], own: str, profile: Profile) -> None:
    """Write `source` to `target` with these genres, and with `own` in the field that tells where they come from.

    A `target` that is there keeps its rights.

    Raises:
        TagsUnwritableError: they cannot be written, or would not be read as these genres.
        TagsUnreadableError: the tags of `source` cannot be read.
    """
    before = read(source, profile)
    with _told(source, TagsUnwritableError, "the tags of {} cannot be written ({}); nothing was changed"):
        kind, values = _kind(source), profile.stored(before.dialect, genres)
        _write(kind, source, target, values, own)
        after = _read(target, kind, profile)
        if after.genres != profile.told(before.dialect, genres) or set(after.genres) != set(genres) or after.own != own:
            raise ValueError(f"the genres {', '.join(genres)} would be read as {', '.join(after.genres) or 'none'}")
        if after.others != before.others:
            raise ValueError("another field would change")


def _kind(path: Path) -> str:
    """What the file is, by its beginning, or behind an ID3 tag there; a name alone may lie."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
        skipped = id3.length(head)
        if skipped:
            file.seek(skipped)
            head = file.read(_HEAD)
    for place, magic, kind in _MAGIC:
        if head[place : place + len(magic)] == magic:
            return kind
    starts = head.lstrip(b"\0")[:1]  # of a frame, behind what padding there may be
    if starts == b"\xff" or (skipped and path.suffix.lower() in _BARE):
        return "front"
    raise ValueError("tags are not read or written in files of this format")


def _form(kind: str) -> tuple[Format, Callable[[str], Any]]:
    if kind == "ogg":
        return VORBIS, _ogg
    return KINDS[kind]


def _ogg(path: str) -> Any:
    file = File(path, options=OGG)
    if file is None:
        raise ValueError("tags are not read or written in Ogg files of this kind")
    return file


def _write(kind: str, source: Path, target: Path, values: tuple[str, ...], own: str) -> None:
    if kind not in _CONTAINERS and kind not in _APE:
        form, opener = _form(kind)
        form.write(opener, source, target, values, own)
        return
    with source.open("rb") as file, target.open("wb") as copy:
        if kind in _APE:
            tag = ape.find(file)
            splice(file, [(tag.start, tag.end, tag.with_genres(values, OWN, own).to_bytes())], copy)
        else:
            place = id3_files.find(file, _CONTAINERS[kind])
            id3_files.write(file, place, place.tag.with_genres(_escaped(values), OWN, own), copy)


def _read(path: Path, kind: str, profile: Profile) -> Tags:
    if kind in _CONTAINERS:
        return _read_id3(path, _CONTAINERS[kind], profile)
    if kind in _APE:
        return _read_ape(path, profile)
    form, opener = _form(kind)
    content = form.read(opener, path)
    return Tags(profile.told(form.dialect, content.values), content.own, form.dialect, content.others)


def _read_id3(path: Path, container: id3_files.Container, profile: Profile) -> Tags:
    with path.open("rb") as file:
        tag = id3_files.find(file, container).tag
        dialect: Dialect = "id3v2.4" if tag.version == 4 else "id3v2.3" if tag.version == 3 else "id3v2.2"
        values = tag.genres() or _beside(file, container)
        return Tags(profile.told(dialect, values), tag.own(OWN), dialect, tag.others(OWN))


def _read_ape(path: Path, profile: Profile) -> Tags:
    with path.open("rb") as file:
        tag = ape.find(file)
    return Tags(profile.told("ape", tag.genres()), tag.own(OWN), "ape", tag.others(OWN))


def _escaped(values: tuple[str, ...]) -> tuple[str, ...]:
    """A bracket at the beginning of a genre would else begin a number of ID3v1's list."""
    return tuple(f"({value}" if value.startswith("(") else value for value in values)


def _beside(file: BinaryIO, container: id3_files.Container) -> tuple[str, ...]:
    """The genre where a file has it outside its ID3v2 tag."""
    if container == "riff":
        return _info_genre(file)
    if container != "front":
        return ()
    if genres := ape.find(file).genres():
        return genres
    file.seek(0, 2)
    file.seek(max(0, file.tell() - _ID3V1))
    tag = file.read(_ID3V1)
    number = tag[-1] if tag[:3] == b"TAG" else len(TCON.GENRES)
    return (TCON.GENRES[number],) if number < len(TCON.GENRES) else ()


def _info_genre(file: BinaryIO) -> tuple[str, ...]:
    order, end = id3_files.form(file, "riff")
    for name, start, stop in id3_files.chunks(file, order, end):
        file.seek(start)
        if name == b"LIST" and file.read(4) == b"INFO":
            for field, begin, finish in id3_files.chunks(file, order, stop, start + 4):
                if field == b"IGNR":
                    file.seek(begin)
                    text = file.read(finish - begin).rstrip(b"\0").decode("utf-8", "replace").strip()
                    return (text,) if text else ()
    return ()


@contextmanager
def _told(path: Path, kind: type[TagsUnreadableError | TagsUnwritableError], sentence: str) -> Iterator[None]:
    """Turn what goes wrong into one sentence."""
    try:
        yield
    except OSError as error:
        raise kind(sentence.format(display_name(path), error.strerror or error)) from error
    except DAMAGED as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise kind(sentence.format(display_name(path), reason)) from error
