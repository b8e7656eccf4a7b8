"""ID3v2 tags frame by frame: all frames but the ones that are set stay byte for byte as they are.

A tag library would parse all frames and write them anew, in its own way: it merges what has equal names, reads dates
as it understands them, leaves out what it does not know. See id3.org, ID3v2.2, 2.3 and 2.4, "structure".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mutagen.id3 import TCON

Version = Literal[2, 3, 4]

HEADER = 10  # bytes
_ENCODINGS = ("latin-1", "utf-16", "utf-16-be", "utf-8")  # by the byte that a text frame begins with
_UNSYNCHRONISED, _EXTENDED, _FOOTER = 0x80, 0x40, 0x10
_WHOLE_TAG_COMPRESSED = 0x40  # of version 2.2, for which no scheme was ever agreed
_MARK = "\ufeff"  # of the byte order
_GENRE = {2: b"TCO", 3: b"TCON", 4: b"TCON"}
_OWN = {2: b"TXX", 3: b"TXXX", 4: b"TXXX"}
_PACKED = {2: 0, 3: 0xE0, 4: 0x4F}  # flags of a frame that is compressed, encrypted, grouped or the like


@dataclass(frozen=True)
class Frame:
    """One frame: its bytes as they stand, header included; what it is called; and its content."""

    raw: bytes
    name: bytes
    flags: int
    content: bytes


@dataclass(frozen=True)
class Tag:
    """A tag's frames.

    Attributes:
        size: bytes that it takes in its place, with header, padding and footer.
        flags: of the header, for as far as they still hold.
    """

    version: Version = 4
    frames: tuple[Frame, ...] = ()
    size: int = 0
    flags: int = 0

    def genres(self) -> tuple[str, ...]:
        """The genres, numbers of ID3v1's list in words.

        Raises:
            ValueError: they are compressed, encrypted or no text.
        """
        texts = [text for frame in self._genre_frames() for text in self._texts(frame)]
        return tuple(TCON(encoding=3, text=texts).genres)

    def own(self, name: str) -> str | None:
        """The text of a field of one's own (TXXX)."""
        frames = [frame for frame in self.frames if self._is_own(frame, name)]
        return "\0".join(self._texts(frames[0])[1:]) if frames else None

    def others(self, name: str) -> tuple[bytes, ...]:
        """All frames but the genres and the field of that name."""
        return tuple(frame.raw for frame in self.frames if not self._is_ours(frame, name))

    def with_genres(self, genres: Sequence[str], name: str, text: str) -> "Tag":
        """The tag with these genres and this field of one's own; all else stays, in its order."""
        kept = tuple(frame for frame in self.frames if not self._is_ours(frame, name))
        new = (self._frame(_GENRE[self.version], genres), self._frame(_OWN[self.version], (name, text)))
        return Tag(self.version, (*kept, *new), self.size, self.flags)

    def to_bytes(self, padding: int) -> bytes:
        """The tag as it stands in a file, `padding` zero bytes at its end."""
        body = b"".join(frame.raw for frame in self.frames) + bytes(padding)
        header = bytes((*b"ID3", self.version, 0, self.flags))
        return header + _synchsafe(len(body)) + body

    def _genre_frames(self) -> list[Frame]:
        return [frame for frame in self.frames if frame.name == _GENRE[self.version]]

    def _is_own(self, frame: Frame, name: str) -> bool:
        if frame.name != _OWN[self.version] or frame.flags & _PACKED[self.version]:
            return False
        try:
            return self._texts(frame)[:1] == [name]
        except ValueError:  # no text in the encoding that it claims: somebody else's, to be left as it is
            return False

    def _is_ours(self, frame: Frame, name: str) -> bool:
        return frame.name == _GENRE[self.version] or self._is_own(frame, name)

    def _texts(self, frame: Frame) -> list[str]:
        if frame.flags & _PACKED[self.version] & ~0x03:
            raise ValueError("a frame is compressed, encrypted or grouped")
        content = frame.content
        if self.version == 4 and frame.flags & 0x01:  # its length stands before it
            content = content[4:]
        if self.version == 4 and (frame.flags & 0x02 or self.flags & _UNSYNCHRONISED):
            content = content.replace(b"\xff\0", b"\xff")
        if not content or content[0] >= len(_ENCODINGS):
            return []
        return _split(content[1:], _ENCODINGS[content[0]])

    def _frame(self, name: bytes, texts: Sequence[str]) -> Frame:
        content = self._encoded("\0".join(texts))
        if self.version == 2:
            raw = name + len(content).to_bytes(3, "big") + content
        else:
            size = _synchsafe(len(content)) if self.version == 4 else len(content).to_bytes(4, "big")
            raw = name + size + bytes(2) + content
        return Frame(raw, name, 0, content)

    def _encoded(self, text: str) -> bytes:
        """Text with the byte of its encoding: UTF-8, or Latin-1 and UTF-16 in versions that have no UTF-8."""
        if self.version == 4:
            return b"\x03" + text.encode()
        if text.isascii():
            return b"\0" + text.encode()
        return b"\x01\xff\xfe" + text.encode("utf-16-le")


def length(header: bytes) -> int:
    """The bytes that a tag with this header takes, 0 if it is none."""
    if len(header) < HEADER or header[:3] != b"ID3" or header[3] == 0xFF or max(header[6:10]) >= 0x80:
        return 0
    footer = HEADER if header[5] & _FOOTER and header[3] == 4 else 0
    return HEADER + _integer(header[6:10]) + footer


def parsed(content: bytes) -> Tag:
    """A tag, from its header on.

    Raises:
        ValueError: it is damaged, or of a version that we do not know.
    """
    size = length(content)
    if not size or len(content) < size or content[3] not in (2, 3, 4):
        raise ValueError("the ID3 tag is cut off, damaged or of an unknown version")
    version: Version = 2 if content[3] == 2 else 3 if content[3] == 3 else 4
    flags, body = content[5], content[HEADER : HEADER + _integer(content[6:10])]
    if version == 2 and flags & _WHOLE_TAG_COMPRESSED:
        raise ValueError("the ID3 tag is compressed")
    if version < 4 and flags & _UNSYNCHRONISED:
        body, flags = body.replace(b"\xff\0", b"\xff"), flags & ~_UNSYNCHRONISED
    if version > 2 and flags & _EXTENDED:
        extended = _integer(body[:4]) if version == 4 else int.from_bytes(body[:4], "big") + 4
        body = body[extended:]
    frames = _frames(body, version, synchsafe=version == 4)
    if frames is None and version == 4:  # as iTunes wrote it once
        frames = _frames(body, version, synchsafe=False)
    if frames is None:
        raise ValueError("the ID3 tag is damaged")
    return Tag(version, frames, size, flags & ~(_EXTENDED | _FOOTER))


def _frames(body: bytes, version: Version, *, synchsafe: bool) -> tuple[Frame, ...] | None:
    """The frames up to the padding; None if they do not follow upon each other."""
    frames: list[Frame] = []
    header, place = (6 if version == 2 else 10), 0
    while place + header <= len(body) and body[place]:
        name = body[place : place + (3 if version == 2 else 4)]
        digits = body[place + len(name) : place + 2 * len(name)]
        if not (name.isalnum() and name.isascii() and name.upper() == name) and not _is_old_name(name):
            return None
        size = _integer(digits) if synchsafe else int.from_bytes(digits, "big")
        end = place + header + size
        if end > len(body) or (synchsafe and max(digits) >= 0x80):
            return None
        flags = 0 if version == 2 else body[place + 9]
        frames.append(Frame(body[place:end], name, flags, body[place + header : end]))
        place = end
    return tuple(frames) if not any(body[place:]) else None


def _is_old_name(name: bytes) -> bool:
    """Whether a name of version 2.2 was copied into a later tag, with a space or a zero behind, as iTunes did."""
    return len(name) == 4 and name[3:] in (b" ", b"\0") and name[:3].isalnum()


def _split(content: bytes, encoding: str) -> list[str]:
    if encoding == "utf-16":  # each value may have a byte order mark of its own
        text = content.decode("utf-16-be" if content[:2] == b"\xfe\xff" else "utf-16-le", "strict")
        return [value.removeprefix(_MARK) for value in text.removesuffix("\0").split("\0")]
    return content.decode(encoding).removesuffix("\0").split("\0")


def _synchsafe(number: int) -> bytes:
    """A number as four times seven bits."""
    if number >= 1 << 28:
        raise ValueError("the ID3 tag would be larger than such a tag can be")
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def _integer(digits: bytes) -> int:
    number = 0
    for digit in digits:
        number = number << 7 | digit & 0x7F
    return number
