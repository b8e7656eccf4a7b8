"""APE tags, edited item by item, with everything else in the file kept byte for byte.

mutagen cannot do this: it merges items whose names differ only in case, resets all flags, and cuts off an ID3v1 tag
after the APE tag.

See wiki.hydrogenaud.io, "APEv2 specification"; version 1 has no header, no flags and no UTF-8.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

_MAGIC = b"APETAGEX"
_FOOTER_SIZE = 32  # bytes; a header has the same size
_IS_HEADER = 1 << 29
_ITEM_TYPE = 0b110  # flags of an item that give its type; text has neither bit set
_GENRE = "genre"
_ID3V1_SIZE = 128  # bytes
_LYRICS3_FOOTER = 15  # bytes at the end of a Lyrics3 tag: its size in six digits, and "LYRICS200"


@dataclass(frozen=True)
class ApeItem:
    """One item of a tag: as stored, with its header; and its parts, with the name in lower case."""

    raw: bytes
    name: str
    is_text: bool
    value: bytes


@dataclass(frozen=True)
class ApeTag:
    """A tag and its position in a file; for a file without a tag, an empty one where it would be written.

    Attributes:
        start, end: byte offsets of the tag in the file.
        trailer: bytes after the tag.
        version: 1000 or 2000.
        flags: flags of the footer.
        has_header: whether the tag has a header besides its footer.
        items: in the order of the file.
    """

    start: int
    end: int
    trailer: bytes
    version: int = 2000
    flags: int = 1 << 31
    has_header: bool = True
    items: tuple[ApeItem, ...] = ()

    def genres(self) -> tuple[str, ...]:
        """Return the genre values.

        Raises:
            ValueError: the genre item is not text.
        """
        if any(item.name == _GENRE and not item.is_text for item in self.items):
            raise ValueError("the genre is not text")
        values = (item.value.decode(self._encoding) for item in self.items if item.name == _GENRE)
        return tuple(text for value in values for text in value.split("\0"))

    def text(self, name: str) -> str | None:
        """Return the text of the first item with this name, if any."""
        values = (item.value for item in self.items if item.name == name.lower())
        return next((value.decode(self._encoding, "replace") for value in values), None)

    def other_bytes(self, name: str) -> tuple[bytes, ...]:
        """Return all items but the genres and the item `name`, and the bytes after the tag."""
        return (*(item.raw for item in self._other_items(name)), self.trailer)

    def with_genres(self, genres: Sequence[str], name: str, text: str) -> "ApeTag":
        """Return the tag with these genres and the item `name` set; all other items keep their order."""
        new = (self._create_item("Genre", "\0".join(genres)), self._create_item(name, text))
        return replace(self, items=(*self._other_items(name), *new))

    def to_bytes(self) -> bytes:
        """Return the tag as stored in a file."""
        body = b"".join(item.raw for item in self.items)
        header = self._footer(len(body), self.flags | _IS_HEADER) if self.has_header else b""
        return header + body + self._footer(len(body), self.flags)

    @property
    def _encoding(self) -> str:
        return "utf-8" if self.version >= 2000 else "latin-1"

    def _other_items(self, name: str) -> Iterator[ApeItem]:
        return (item for item in self.items if item.name not in (_GENRE, name.lower()))

    def _create_item(self, name: str, text: str) -> ApeItem:
        value = text.encode(self._encoding)
        raw = len(value).to_bytes(4, "little") + bytes(4) + name.encode() + b"\0" + value
        return ApeItem(raw, name.lower(), True, value)

    def _footer(self, body_size: int, flags: int) -> bytes:
        numbers = (self.version, body_size + _FOOTER_SIZE, len(self.items), flags)
        return _MAGIC + b"".join(number.to_bytes(4, "little") for number in numbers) + bytes(8)


def find_tag(file: BinaryIO) -> ApeTag:
    """Find the tag at the end of a file, before an ID3v1 or Lyrics3 tag; return an empty one if missing.

    Raises:
        ValueError: the tag is damaged.
    """
    end = _end_of_audio_and_ape(file)
    file.seek(end)
    trailer = file.read()
    footer = _read_at(file, end - _FOOTER_SIZE, _FOOTER_SIZE)
    if footer[:8] != _MAGIC:
        return ApeTag(end, end, trailer)
    version, size, count, flags = (int.from_bytes(footer[at : at + 4], "little") for at in range(8, 24, 4))
    start = end - size
    if size < _FOOTER_SIZE or start < 0:
        raise ValueError("the APE tag is damaged")
    has_header = _read_at(file, start - _FOOTER_SIZE, 8) == _MAGIC
    items = tuple(_parse_items(_read_at(file, start, size - _FOOTER_SIZE), count))
    return ApeTag(start - _FOOTER_SIZE * has_header, end, trailer, version, flags, has_header, items)


def _end_of_audio_and_ape(file: BinaryIO) -> int:
    """Return the offset of an ID3v1 tag at the end, or of a Lyrics3 tag before it; else the size of the file."""
    end = file.seek(0, 2)
    if _read_at(file, end - _ID3V1_SIZE, 3) != b"TAG":
        return end
    end -= _ID3V1_SIZE
    footer = _read_at(file, end - _LYRICS3_FOOTER, _LYRICS3_FOOTER)
    if footer[6:] == b"LYRICS200" and footer[:6].isdigit():
        end = max(0, end - _LYRICS3_FOOTER - int(footer[:6]))
    return end


def _parse_items(body: bytes, count: int) -> Iterator[ApeItem]:
    position = 0
    for _ in range(count):
        name_end = body.find(b"\0", position + 8)
        end = name_end + 1 + int.from_bytes(body[position : position + 4], "little")
        if name_end < 0 or end > len(body):
            raise ValueError("the APE tag is damaged")
        is_text = not int.from_bytes(body[position + 4 : position + 8], "little") & _ITEM_TYPE
        name = body[position + 8 : name_end].decode("latin-1").lower()
        yield ApeItem(body[position:end], name, is_text, body[name_end + 1 : end])
        position = end
    if position != len(body):
        raise ValueError("the APE tag is damaged")


def _read_at(file: BinaryIO, start: int, length: int) -> bytes:
    """Read bytes at an offset; nothing if it is before the start of the file."""
    if start < 0:
        return b""
    file.seek(start)
    return file.read(length)
