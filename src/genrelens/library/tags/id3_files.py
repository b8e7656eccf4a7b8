"""Where ID3v2 tags stand in files, and such a file written anew with another tag in the old one's place.

Before the audio (mp3, AAC, TTA), in a chunk of a RIFF or IFF file (WAV, AIFF), or behind the audio (DSF). What else is
there, such as ID3v1 and APE tags behind an mp3, is copied as it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

from genrelens.library.tags import id3
from genrelens.library.tags.splice import Edit, splice

Container = Literal["front", "riff", "iff", "dsf"]
Order = Literal["little", "big"]

_SPARE = 1024  # bytes of padding, so that the next change need not move the audio
_ORDERS: dict[Container, Order] = {"riff": "little", "iff": "big"}
_CHUNKS: dict[Container, tuple[bytes, ...]] = {"riff": (b"id3 ", b"ID3 "), "iff": (b"ID3 ",)}
_FORM_HEADER = 12
_DSF_SIZES = 12  # where the file's size and the tag's place stand, 8 bytes each
_DSF_HEADER = 28


@dataclass(frozen=True)
class Place:
    """Where a tag is, or would be: the bytes from `start` to `end`, with the chunk `name` that wraps it, if any."""

    container: Container
    start: int
    end: int
    tag: id3.Tag
    name: bytes = b""


def find(file: BinaryIO, container: Container) -> Place:
    """Find the tag of a file; an empty one where it has none.

    Raises:
        ValueError: the tag or the file is damaged.
    """
    if container == "front":
        file.seek(0)
        size = id3.length(file.read(id3.HEADER))
        return Place(container, 0, size, _tag(file, 0, size))
    if container == "dsf":
        return _find_behind(file)
    order, end = form(file, container)
    for name, start, stop in chunks(file, order, end):
        if name in _CHUNKS[container]:
            return Place(container, start - 8, min(stop + stop % 2, end), _tag(file, start, stop - start), name)
    return Place(container, end, end, id3.Tag(), _CHUNKS[container][0])


def write(source: BinaryIO, place: Place, tag: id3.Tag, target: BinaryIO) -> None:
    """Write `source` to `target`, with `tag` in that place.

    Raises:
        ValueError: the tag or the file would be larger than its format allows.
        OSError: it cannot be written.
    """
    wrapped = _wrapped(place, tag)
    splice(source, [(place.start, place.end, wrapped), *_sizes(source, place, len(wrapped))], target)


def form(file: BinaryIO, container: Container) -> tuple[Order, int]:
    """The byte order of a file of chunks, and where these end: there may be more behind."""
    order = _ORDERS[container]
    file.seek(4)
    declared = 8 + int.from_bytes(file.read(4), order)
    return order, min(declared, file.seek(0, 2))


def chunks(file: BinaryIO, order: Order, end: int, start: int = _FORM_HEADER) -> Iterator[tuple[bytes, int, int]]:
    """The chunks' names, and where their contents start and end.

    Raises:
        ValueError: the file ends before a chunk does.
    """
    while start + 8 <= end:
        file.seek(start)
        name, size = file.read(4), int.from_bytes(file.read(4), order)
        if start + 8 + size > end:
            raise ValueError("the file is shorter than its header says")
        yield name, start + 8, start + 8 + size
        start += 8 + size + size % 2


def _find_behind(file: BinaryIO) -> Place:
    file.seek(_DSF_SIZES + 8)
    pointer, end = int.from_bytes(file.read(8), "little"), file.seek(0, 2)
    start = pointer or end
    if not _DSF_HEADER <= start <= end:
        raise ValueError("the file is shorter than its header says")
    return Place("dsf", start, end, _tag(file, start, end - start))


def _tag(file: BinaryIO, start: int, size: int) -> id3.Tag:
    file.seek(start)
    return id3.parsed(file.read(size)) if size else id3.Tag()


def _wrapped(place: Place, tag: id3.Tag) -> bytes:
    """The tag as it stands in the file."""
    if place.container in ("front", "dsf"):
        bare = len(tag.to_bytes(0))
        spare = place.tag.size - bare
        return tag.to_bytes(spare if spare >= 0 else _SPARE)
    content = tag.to_bytes(0)
    chunk = place.name + len(content).to_bytes(4, _ORDERS[place.container]) + content + bytes(len(content) % 2)
    return bytes(place.start % 2) + chunk  # chunks begin at even places, and the last one may lack its padding


def _sizes(file: BinaryIO, place: Place, length: int) -> list[Edit]:
    """The sizes in the file's header, when what stands in `place` is that long."""
    if place.container == "front":
        return []
    if place.container == "dsf":
        places = (place.start + length).to_bytes(8, "little") + place.start.to_bytes(8, "little")
        return [(_DSF_SIZES, _DSF_HEADER, places)]
    order, end = form(file, place.container)
    size = end - (place.end - place.start) + length - 8
    if size >= 1 << 32:
        raise ValueError("the file would be larger than its format allows")
    return [(4, 8, size.to_bytes(4, order))]
