"""APE tags item by item: all items but the ones that are set stay byte for byte, and so does what stands behind.

A tag library would take items whose names differ in case for one, set all flags anew, and cut off an ID3v1 tag behind.
See wiki.hydrogenaud.io, "APEv2 specification"; version 1 has no header, no flags and no UTF-8.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

_MAGIC = b"APETAGEX"
_END = 32  # bytes of a footer, and of a header
_IS_HEADER = 1 << 29
_KIND = 0b110  # flags of an item that tell what it is; text has none of them
_GENRE = "genre"
_ID3V1 = 128
_LYRICS = 15  # bytes behind a Lyrics3 tag: six digits of its size, and LYRICS200


@dataclass(frozen=True)
class Item:
    """One item: its bytes as they stand; its name, in small letters; whether it is text; and its value."""

    raw: bytes
    name: str
    is_text: bool
    value: bytes


@dataclass(frozen=True)
class Tag:
    """A tag's items, and where it stands in its file, or would stand.

    Attributes:
        flags: of the footer.
        headed: whether it has a header, too.
        behind: what stands behind it.
    """

    start: int
    end: int
    behind: bytes
    version: int = 2000
    flags: int = 1 << 31
    headed: bool = True
    items: tuple[Item, ...] = ()

    def genres(self) -> tuple[str, ...]:
        """The genres.

        Raises:
            ValueError: they are no text.
        """
        if any(item.name == _GENRE and not item.is_text for item in self.items):
            raise ValueError("the genre is no text")
        values = (item.value.decode(self._encoding) for item in self.items if item.name == _GENRE)
        return tuple(text for value in values for text in value.split("\0"))

    def own(self, name: str) -> str | None:
        """The text of an item of one's own."""
        found = (item.value for item in self.items if item.name == name.lower())
        return next((value.decode(self._encoding, "replace") for value in found), None)

    def others(self, name: str) -> tuple[bytes, ...]:
        """All items but the genres and the one of that name, and what stands behind the tag."""
        return (*(item.raw for item in self._others(name)), self.behind)

    def with_genres(self, genres: Sequence[str], name: str, text: str) -> "Tag":
        """The tag with these genres and this item of one's own; all else stays, in its order."""
        new = (self._item("Genre", "\0".join(genres)), self._item(name, text))
        return replace(self, items=(*self._others(name), *new))

    def to_bytes(self) -> bytes:
        """The tag as it stands in a file."""
        body = b"".join(item.raw for item in self.items)
        header = self._told(len(body), self.flags | _IS_HEADER) if self.headed else b""
        return header + body + self._told(len(body), self.flags)

    @property
    def _encoding(self) -> str:
        return "utf-8" if self.version >= 2000 else "latin-1"

    def _others(self, name: str) -> Iterator[Item]:
        return (item for item in self.items if item.name not in (_GENRE, name.lower()))

    def _item(self, name: str, text: str) -> Item:
        value = text.encode(self._encoding)
        raw = len(value).to_bytes(4, "little") + bytes(4) + name.encode() + b"\0" + value
        return Item(raw, name.lower(), True, value)

    def _told(self, size: int, flags: int) -> bytes:
        numbers = (self.version, size + _END, len(self.items), flags)
        return _MAGIC + b"".join(number.to_bytes(4, "little") for number in numbers) + bytes(8)


def find(file: BinaryIO) -> Tag:
    """Find the tag at the end of a file, before an ID3v1 tag or Lyrics3; an empty one where it has none.

    Raises:
        ValueError: it is damaged.
    """
    end = _before_others(file)
    file.seek(end)
    behind = file.read()
    footer = _at(file, end - _END, _END)
    if footer[:8] != _MAGIC:
        return Tag(end, end, behind)
    version, size, count, flags = (int.from_bytes(footer[at : at + 4], "little") for at in range(8, 24, 4))
    start = end - size
    if size < _END or start < 0:
        raise ValueError("the APE tag is damaged")
    headed = _at(file, start - _END, 8) == _MAGIC
    items = tuple(_items(_at(file, start, size - _END), count))
    return Tag(start - _END * headed, end, behind, version, flags, headed, items)


def _before_others(file: BinaryIO) -> int:
    """Where the audio and an APE tag end: before an ID3v1 tag, and Lyrics3 before that."""
    end = file.seek(0, 2)
    if _at(file, end - _ID3V1, 3) != b"TAG":
        return end
    end -= _ID3V1
    told = _at(file, end - _LYRICS, _LYRICS)
    if told[6:] == b"LYRICS200" and told[:6].isdigit():
        end = max(0, end - _LYRICS - int(told[:6]))
    return end


def _items(body: bytes, count: int) -> Iterator[Item]:
    place = 0
    for _ in range(count):
        zero = body.find(b"\0", place + 8)
        end = zero + 1 + int.from_bytes(body[place : place + 4], "little")
        if zero < 0 or end > len(body):
            raise ValueError("the APE tag is damaged")
        flags, name = int.from_bytes(body[place + 4 : place + 8], "little"), body[place + 8 : zero]
        yield Item(body[place:end], name.decode("latin-1").lower(), not flags & _KIND, body[zero + 1 : end])
        place = end
    if place != len(body):
        raise ValueError("the APE tag is damaged")


def _at(file: BinaryIO, start: int, length: int) -> bytes:
    """Bytes of a file; none where it does not reach that far to the front."""
    if start < 0:
        return b""
    file.seek(start)
    return file.read(length)
