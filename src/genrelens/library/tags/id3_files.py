"""Location of ID3v2 tags in files, and rewriting of a file with another tag in the same location.

The tag is before the audio (MP3, AAC, TTA), in a chunk of a RIFF or IFF file (WAV, AIFF), or after the audio (DSF).
All other bytes, such as ID3v1 and APE tags after an MP3, are copied unchanged, except for the sizes in headers. mutagen
finds the same locations, but writes only tags that it has parsed and rendered itself (see `id3`), and changes an ID3v1
tag too.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

from genrelens.library.tags import id3

Container = Literal["front", "riff", "iff", "dsf"]
ByteOrder = Literal["little", "big"]
Chunk = tuple[bytes, int, int]  # name, and start and end offset of the content
Edit = tuple[int, int, bytes]  # start and end offset in the source, and the bytes to write in place of that range

_BLOCK = 1 << 20  # bytes copied at a time
_PADDING = 1024  # bytes, so that the next change need not move the audio
_BYTE_ORDERS: dict[Container, ByteOrder] = {"riff": "little", "iff": "big"}
_CHUNK_NAMES: dict[Container, tuple[bytes, ...]] = {"riff": (b"id3 ", b"ID3 "), "iff": (b"ID3 ",)}
_FORM_HEADER = 12  # bytes
_DSF_SIZES = 12  # offset of the file size and of the offset of the tag, 8 bytes each
_DSF_HEADER = 28  # bytes


@dataclass(frozen=True)
class TagLocation:
    """The location of a tag in a file, or where it would be written.

    Attributes:
        container: kind of file.
        start, end: byte offsets of the tag, with the chunk that wraps it.
        tag: the tag itself, empty if the file has none.
        chunk_name: name of the chunk that wraps the tag; empty in files without chunks.
    """

    container: Container
    start: int
    end: int
    tag: id3.Id3Tag
    chunk_name: bytes = b""


def find_tag(file: BinaryIO, container: Container) -> TagLocation:
    """Find the tag of a file.

    Raises:
        ValueError: the tag or the file is damaged.
    """
    if container == "front":
        file.seek(0)
        size = id3.tag_size(file.read(id3.HEADER_SIZE))
        return TagLocation(container, 0, size, _parse_at(file, 0, size))
    if container == "dsf":
        return _find_in_dsf(file)
    order, end = chunk_layout(file, container)
    for name, start, stop in iter_chunks(file, order, end):
        if name in _CHUNK_NAMES[container]:
            padded_stop = min(stop + stop % 2, end)
            return TagLocation(container, start - 8, padded_stop, _parse_at(file, start, stop - start), name)
    return TagLocation(container, end, end, id3.Id3Tag(), _CHUNK_NAMES[container][0])


def write_tag(source: BinaryIO, location: TagLocation, tag: id3.Id3Tag, target: BinaryIO) -> None:
    """Write `source` to `target` with `tag` in that location.

    Raises:
        ValueError: the tag or the file would exceed the maximum size of its format.
        OSError: the source cannot be read, or the target cannot be written.
    """
    content = _wrap_tag(location, tag)
    splice(source, [(location.start, location.end, content), *_size_edits(source, location, len(content))], target)


def splice(source: BinaryIO, edits: Iterable[Edit], target: BinaryIO) -> None:
    """Write `source` to `target` with these edits applied; they must not overlap.

    Raises:
        OSError: the source cannot be read, or the target cannot be written.
    """
    position, size = 0, source.seek(0, 2)
    for start, end, content in (*sorted(edits), (size, size, b"")):
        source.seek(position)
        while position < start:
            block = source.read(min(_BLOCK, start - position))
            if not block:
                raise OSError("the file became shorter while it was read")
            target.write(block)
            position += len(block)
        target.write(content)
        position = end


def chunk_layout(file: BinaryIO, container: Container) -> tuple[ByteOrder, int]:
    """Return the byte order of a RIFF or IFF file and the offset where its chunks end; other bytes may follow."""
    order = _BYTE_ORDERS[container]
    file.seek(4)
    declared = 8 + int.from_bytes(file.read(4), order)
    return order, min(declared, file.seek(0, 2))


def iter_chunks(file: BinaryIO, order: ByteOrder, end: int, start: int = _FORM_HEADER) -> Iterator[Chunk]:
    """Yield the chunks between two byte offsets.

    Raises:
        ValueError: the file ends within a chunk.
    """
    while start + 8 <= end:
        file.seek(start)
        name, size = file.read(4), int.from_bytes(file.read(4), order)
        if start + 8 + size > end:
            raise ValueError("the file is shorter than its header says")
        yield name, start + 8, start + 8 + size
        start += 8 + size + size % 2


def _find_in_dsf(file: BinaryIO) -> TagLocation:
    file.seek(_DSF_SIZES + 8)
    pointer, end = int.from_bytes(file.read(8), "little"), file.seek(0, 2)
    start = pointer or end
    if not _DSF_HEADER <= start <= end:
        raise ValueError("the file is shorter than its header says")
    return TagLocation("dsf", start, end, _parse_at(file, start, end - start))


def _parse_at(file: BinaryIO, start: int, size: int) -> id3.Id3Tag:
    file.seek(start)
    return id3.parse_tag(file.read(size)) if size else id3.Id3Tag()


def _wrap_tag(location: TagLocation, tag: id3.Id3Tag) -> bytes:
    """Return the tag with its padding or its chunk."""
    if location.container in ("front", "dsf"):
        padding = location.tag.size - len(tag.to_bytes(0))
        return tag.to_bytes(padding if padding >= 0 else _PADDING)
    content = tag.to_bytes(0)
    size = len(content).to_bytes(4, _BYTE_ORDERS[location.container])
    chunk = location.chunk_name + size + content + bytes(len(content) % 2)
    return bytes(location.start % 2) + chunk  # chunks start at even offsets, and the last one may lack its padding


def _size_edits(file: BinaryIO, location: TagLocation, size: int) -> list[Edit]:
    """Return the edits of the file's header for a tag of `size` bytes in that location."""
    if location.container == "front":
        return []
    if location.container == "dsf":
        sizes = (location.start + size).to_bytes(8, "little") + location.start.to_bytes(8, "little")
        return [(_DSF_SIZES, _DSF_HEADER, sizes)]
    order, end = chunk_layout(file, location.container)
    form_size = end - (location.end - location.start) + size - 8
    if form_size >= 1 << 32:
        raise ValueError("the file would exceed the maximum size of its format")
    return [(4, 8, form_size.to_bytes(4, order))]
