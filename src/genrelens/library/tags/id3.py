"""ID3v2 tags, edited frame by frame, with all other frames kept byte for byte.

mutagen cannot do this: it parses all frames and renders them in its own way. It merges frames with equal names,
converts dates as it understands them, and drops frames that it does not know.

See id3.org, ID3v2.2, 2.3 and 2.4, "structure".
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mutagen.id3 import TCON

from genrelens.library.tags.profiles import Dialect

Version = Literal[2, 3, 4]

HEADER_SIZE = 10  # bytes
DIALECTS: dict[Version, Dialect] = {2: "id3v2.2", 3: "id3v2.3", 4: "id3v2.4"}
_ENCODINGS = ("latin-1", "utf-16", "utf-16-be", "utf-8")  # by the first byte of a text frame
_UNSYNCHRONISED, _EXTENDED, _FOOTER = 0x80, 0x40, 0x10
_WHOLE_TAG_COMPRESSED = 0x40  # in version 2.2, which never defined a compression scheme
_BYTE_ORDER_MARK = "\ufeff"
_GENRE = {2: b"TCO", 3: b"TCON", 4: b"TCON"}
_USER_TEXT = {2: b"TXX", 3: b"TXXX", 4: b"TXXX"}
_TRANSFORMED = {2: 0, 3: 0xE0, 4: 0x4F}  # flags of a frame that is compressed, encrypted, grouped or the like


@dataclass(frozen=True)
class Frame:
    """One frame.

    Attributes:
        raw: the frame as stored, with its header.
        name: three letters in version 2.2, four in later ones.
        flags: format flags.
        content: bytes after the header.
    """

    raw: bytes
    name: bytes
    flags: int
    content: bytes


@dataclass(frozen=True)
class Id3Tag:
    """The frames of a tag.

    Attributes:
        version: minor version: 2, 3 or 4.
        frames: in the order of the file.
        size: bytes that the tag occupies in the file, with header, padding and footer.
        flags: flags of the header that still apply to `frames`.
    """

    version: Version = 4
    frames: tuple[Frame, ...] = ()
    size: int = 0
    flags: int = 0

    def genres(self) -> tuple[str, ...]:
        """Return the genres, with numbers of ID3v1's list replaced by their names.

        Raises:
            ValueError: the genre frame is compressed, encrypted or not text.
        """
        frames = (frame for frame in self.frames if frame.name == _GENRE[self.version])
        texts = [text for frame in frames for text in self._texts(frame)]
        return tuple(TCON(encoding=3, text=texts).genres)

    def user_text(self, name: str) -> str | None:
        """Return the text of the user-defined frame (TXXX) with this description, if any."""
        frames = [frame for frame in self.frames if self._is_user_text(frame, name)]
        return "\0".join(self._texts(frames[0])[1:]) if frames else None

    def other_frames(self, name: str) -> tuple[bytes, ...]:
        """Return all frames, as stored, but the genres and the user-defined frame `name`."""
        return tuple(frame.raw for frame in self.frames if not self._is_replaced(frame, name))

    def with_genres(self, genres: Sequence[str], name: str, text: str) -> "Id3Tag":
        """Return the tag with these genres and the user-defined frame `name`; other frames keep their order."""
        others = tuple(frame for frame in self.frames if not self._is_replaced(frame, name))
        genre = self._create_frame(_GENRE[self.version], genres)
        user_text = self._create_frame(_USER_TEXT[self.version], (name, text))
        return replace(self, frames=(*others, genre, user_text))

    def to_bytes(self, padding: int) -> bytes:
        """Return the tag as stored in a file, with `padding` zero bytes at its end."""
        body = b"".join(frame.raw for frame in self.frames) + bytes(padding)
        return bytes((*b"ID3", self.version, 0, self.flags)) + _encode_synchsafe(len(body)) + body

    def _is_user_text(self, frame: Frame, name: str) -> bool:
        if frame.name != _USER_TEXT[self.version] or frame.flags & _TRANSFORMED[self.version]:
            return False
        try:
            return self._texts(frame)[:1] == [name]
        except ValueError:  # not text in the encoding that it declares: written by another program, and kept
            return False

    def _is_replaced(self, frame: Frame, name: str) -> bool:
        return frame.name == _GENRE[self.version] or self._is_user_text(frame, name)

    def _texts(self, frame: Frame) -> list[str]:
        if frame.flags & _TRANSFORMED[self.version] & ~0x03:
            raise ValueError("a frame is compressed, encrypted or grouped")
        content = frame.content
        if self.version == 4 and frame.flags & 0x01:  # preceded by its length
            content = content[4:]
        if self.version == 4 and (frame.flags & 0x02 or self.flags & _UNSYNCHRONISED):
            content = content.replace(b"\xff\0", b"\xff")
        if not content or content[0] >= len(_ENCODINGS):
            return []
        return _split_values(content[1:], _ENCODINGS[content[0]])

    def _create_frame(self, name: bytes, texts: Sequence[str]) -> Frame:
        content = self._encode_text("\0".join(texts))
        if self.version == 2:
            raw = name + len(content).to_bytes(3, "big") + content
        else:
            size = _encode_synchsafe(len(content)) if self.version == 4 else len(content).to_bytes(4, "big")
            raw = name + size + bytes(2) + content
        return Frame(raw, name, 0, content)

    def _encode_text(self, text: str) -> bytes:
        """Encode text after its encoding byte: UTF-8, or Latin-1 and UTF-16 in versions without UTF-8."""
        if self.version == 4:
            return b"\x03" + text.encode()
        if text.isascii():
            return b"\0" + text.encode()
        return b"\x01\xff\xfe" + text.encode("utf-16-le")


def tag_size(header: bytes) -> int:
    """Return the size in bytes of the tag with this header, 0 if it is not an ID3v2 header."""
    if len(header) < HEADER_SIZE or header[:3] != b"ID3" or header[3] == 0xFF or max(header[6:10]) >= 0x80:
        return 0
    footer = HEADER_SIZE if header[5] & _FOOTER and header[3] == 4 else 0
    return HEADER_SIZE + _decode_synchsafe(header[6:10]) + footer


def parse_tag(content: bytes) -> Id3Tag:
    """Parse a tag from its header on.

    Raises:
        ValueError: the tag is damaged, or of an unsupported version.
    """
    size = tag_size(content)
    if not size or len(content) < size or content[3] not in (2, 3, 4):
        raise ValueError("the ID3 tag is truncated, damaged or of an unsupported version")
    version: Version = 2 if content[3] == 2 else 3 if content[3] == 3 else 4
    flags, body = content[5], content[HEADER_SIZE : HEADER_SIZE + _decode_synchsafe(content[6:10])]
    if version == 2 and flags & _WHOLE_TAG_COMPRESSED:
        raise ValueError("the ID3 tag is compressed")
    if version < 4 and flags & _UNSYNCHRONISED:
        body, flags = body.replace(b"\xff\0", b"\xff"), flags & ~_UNSYNCHRONISED
    if version > 2 and flags & _EXTENDED:
        extended = _decode_synchsafe(body[:4]) if version == 4 else int.from_bytes(body[:4], "big") + 4
        body = body[extended:]
    frames = _parse_frames(body, version, synchsafe=version == 4)
    if frames is None and version == 4:  # early versions of iTunes wrote sizes that are not synchsafe
        frames = _parse_frames(body, version, synchsafe=False)
    if frames is None:
        raise ValueError("the ID3 tag is damaged")
    return Id3Tag(version, frames, size, flags & ~(_EXTENDED | _FOOTER))


def _parse_frames(body: bytes, version: Version, *, synchsafe: bool) -> tuple[Frame, ...] | None:
    """Parse the frames up to the padding; return None if they are not contiguous."""
    frames: list[Frame] = []
    header, position = (6 if version == 2 else 10), 0
    while position + header <= len(body) and body[position]:
        name = body[position : position + (3 if version == 2 else 4)]
        digits = body[position + len(name) : position + 2 * len(name)]
        if not (name.isalnum() and name.isascii() and name.upper() == name) and not _is_old_name(name):
            return None
        size = _decode_synchsafe(digits) if synchsafe else int.from_bytes(digits, "big")
        end = position + header + size
        if end > len(body) or (synchsafe and max(digits) >= 0x80):
            return None
        flags = 0 if version == 2 else body[position + 9]
        frames.append(Frame(body[position:end], name, flags, body[position + header : end]))
        position = end
    return tuple(frames) if not any(body[position:]) else None


def _is_old_name(name: bytes) -> bool:
    """Return whether a name of version 2.2 was copied into a later tag, padded by a space or a zero, as iTunes did."""
    return len(name) == 4 and name[3:] in (b" ", b"\0") and name[:3].isalnum()


def _split_values(content: bytes, encoding: str) -> list[str]:
    if encoding == "utf-16":  # each value may have its own byte order mark
        text = content.decode("utf-16-be" if content[:2] == b"\xfe\xff" else "utf-16-le", "strict")
        return [value.removeprefix(_BYTE_ORDER_MARK) for value in text.removesuffix("\0").split("\0")]
    return content.decode(encoding).removesuffix("\0").split("\0")


def _encode_synchsafe(number: int) -> bytes:
    """Encode a number in four bytes of seven bits each."""
    if number >= 1 << 28:
        raise ValueError("the ID3 tag would exceed the maximum size of such a tag")
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def _decode_synchsafe(digits: bytes) -> int:
    number = 0
    for digit in digits:
        number = number << 7 | digit & 0x7F
    return number
