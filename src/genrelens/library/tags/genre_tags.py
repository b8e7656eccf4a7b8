"""Genres in the tags of audio files, as several values, with a field that says which model they come from.

Nothing else in a file changes: ID3 tags are edited frame by frame (`id3`), APE tags item by item (`ape`), other tags by
mutagen (`mutagen_formats`), and the result is read back and compared.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from mutagen import MutagenError
from mutagen.id3 import TCON

from genrelens.errors import TagsUnreadableError, TagsUnwritableError, display_name
from genrelens.library.tags import ape, id3, id3_files
from genrelens.library.tags.mutagen_formats import FORMATS, PROVENANCE_FIELD, GenreTags
from genrelens.library.tags.profiles import PROFILES, Profile

# Errors that the readers raise for damaged tags, besides OSError.
_DAMAGED = (MutagenError, ArithmeticError, EOFError, LookupError, TypeError, ValueError, struct.error)

_HEAD = 64  # bytes read to detect the format
_ID3V1_SIZE = 128  # bytes
_MAGIC: tuple[tuple[int, bytes, str], ...] = (  # offset, bytes, format
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
_ID3_CONTAINERS: dict[str, id3_files.Container] = {"riff": "riff", "iff": "iff", "dsf": "dsf", "front": "front"}
_APE_FORMATS = {"wavpack", "monkeys", "musepack", "optimfrog", "tak"}
_FRAME_STREAMS = {".mp3", ".mp2", ".aac"}  # streams of frames, without a file header


def read(path: Path, profile: Profile = PROFILES["generic"]) -> GenreTags:
    """Read the genre tags of a file.

    An MP3 without a genre in its ID3v2 tag may have one in an APE or ID3v1 tag after the audio, a WAV in its INFO
    chunk: these are read, and never written.

    Raises:
        TagsUnreadableError: the file cannot be read, its tags are damaged, or its format is unsupported.
    """
    sentence = "the tags of {} cannot be read ({}); check that the file plays, and leave it out if it does"
    with _translate_errors(path, TagsUnreadableError, sentence):
        return _read(path, _detect_format(path), profile)


def write(source: Path, target: Path, genres: tuple[str, ...], provenance: str, profile: Profile) -> None:
    """Write `source` with these genres and this provenance to `target`, which keeps its permissions if it exists.

    Raises:
        TagsUnwritableError: the tags cannot be written, or the player would read other genres from them.
        TagsUnreadableError: the tags of `source` cannot be read.
    """
    before = read(source, profile)
    with _translate_errors(source, TagsUnwritableError, "the tags of {} cannot be written ({}); nothing was changed"):
        file_format, values = _detect_format(source), profile.join(before.dialect, genres)
        _write(file_format, source, target, values, provenance)
        after = _read(target, file_format, profile)
        expected = profile.split(before.dialect, genres)
        if after.genres != expected or set(after.genres) != set(genres) or after.provenance != provenance:
            raise ValueError(f"the genres {', '.join(genres)} would be read as {', '.join(after.genres) or 'none'}")
        if after.other_fields != before.other_fields:
            raise ValueError("another field would change")


def _detect_format(path: Path) -> str:
    """Detect the format by the first bytes of a file, after an ID3 tag if there is one; a file name may mislead."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
        id3_size = id3.tag_size(head)
        if id3_size:
            file.seek(id3_size)
            head = file.read(_HEAD)
    for offset, magic, file_format in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return file_format
    first = head.lstrip(b"\0")[:1]  # of an audio frame, after padding
    if first == b"\xff" or (id3_size and path.suffix.lower() in _FRAME_STREAMS):
        return "front"
    raise ValueError("tags are not read or written in files of this format")


def _write(file_format: str, source: Path, target: Path, values: tuple[str, ...], provenance: str) -> None:
    if file_format in FORMATS:
        FORMATS[file_format].write(source, target, values, provenance)
        return
    with source.open("rb") as file, target.open("wb") as copy:
        if file_format in _APE_FORMATS:
            tag = ape.find_tag(file)
            content = tag.with_genres(values, PROVENANCE_FIELD, provenance).to_bytes()
            id3_files.splice(file, [(tag.start, tag.end, content)], copy)
        else:
            location = id3_files.find_tag(file, _ID3_CONTAINERS[file_format])
            new_tag = location.tag.with_genres(_escape_brackets(values), PROVENANCE_FIELD, provenance)
            id3_files.write_tag(file, location, new_tag, copy)


def _read(path: Path, file_format: str, profile: Profile) -> GenreTags:
    if file_format in FORMATS:
        tags = FORMATS[file_format].read(path)
    else:
        with path.open("rb") as file:
            tags = _read_ape(file) if file_format in _APE_FORMATS else _read_id3(file, _ID3_CONTAINERS[file_format])
    return replace(tags, genres=profile.split(tags.dialect, tags.genres))


def _read_ape(file: BinaryIO) -> GenreTags:
    tag = ape.find_tag(file)
    return GenreTags(tag.genres(), tag.text(PROVENANCE_FIELD), tag.other_bytes(PROVENANCE_FIELD), "ape")


def _read_id3(file: BinaryIO, container: id3_files.Container) -> GenreTags:
    tag = id3_files.find_tag(file, container).tag
    genres, provenance = tag.genres() or _fallback_genres(file, container), tag.user_text(PROVENANCE_FIELD)
    return GenreTags(genres, provenance, tag.other_frames(PROVENANCE_FIELD), id3.DIALECTS[tag.version])


def _escape_brackets(values: tuple[str, ...]) -> tuple[str, ...]:
    """Double an opening bracket at the start of a genre, which ID3v2 would read as a number of ID3v1's list."""
    return tuple(f"({value}" if value.startswith("(") else value for value in values)


def _fallback_genres(file: BinaryIO, container: id3_files.Container) -> tuple[str, ...]:
    """Return the genres outside the ID3v2 tag of a file."""
    if container == "riff":
        return _info_genre(file)
    if container != "front":
        return ()
    if genres := ape.find_tag(file).genres():
        return genres
    file.seek(max(0, file.seek(0, 2) - _ID3V1_SIZE))
    tag = file.read(_ID3V1_SIZE)
    number = tag[-1] if tag[:3] == b"TAG" else len(TCON.GENRES)
    return (TCON.GENRES[number],) if number < len(TCON.GENRES) else ()


def _info_genre(file: BinaryIO) -> tuple[str, ...]:
    order, end = id3_files.chunk_layout(file, "riff")
    for name, start, stop in id3_files.iter_chunks(file, order, end):
        file.seek(start)
        if name == b"LIST" and file.read(4) == b"INFO":
            for field, field_start, field_stop in id3_files.iter_chunks(file, order, stop, start + 4):
                if field == b"IGNR":
                    file.seek(field_start)
                    text = file.read(field_stop - field_start).rstrip(b"\0").decode("utf-8", "replace").strip()
                    return (text,) if text else ()
    return ()


@contextmanager
def _translate_errors(
    path: Path, error_type: type[TagsUnreadableError | TagsUnwritableError], sentence: str
) -> Iterator[None]:
    """Raise errors of the block as `error_type`, with the path and the reason filled into the sentence."""
    try:
        yield
    except OSError as error:
        raise error_type(sentence.format(display_name(path), error.strerror or error)) from error
    except _DAMAGED as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise error_type(sentence.format(display_name(path), reason)) from error
