"""What makes an old file of a new one that differs from it in little: kept so that a change can be undone exactly."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

import numpy as np
import zstandard
from numpy.typing import NDArray

from genrelens.errors import FileChangedError

_CHUNK = 1 << 16  # bytes that are compared at once
_FROM_START, _FROM_END = b"\0", b"\1"
_LEVEL = 3


class Sink(Protocol):
    """What bytes can be written to."""

    def write(self, content: bytes, /) -> object:
        """Take some more."""


def reverse_patch(old: Path, new: Path) -> bytes:
    """What `patched` needs beside the new file to make the old one.

    Each chunk is kept as its difference (XOR) from the new file, at the same distance from the beginning or from
    the end, whichever is more alike: tags stand before the audio or after it, so that the rest has but been moved.
    The differences are nearly all zeros, which zstandard makes next to nothing of. Needs memory for a chunk alone.

    Raises:
        OSError: a file cannot be read.
    """
    compressor = zstandard.ZstdCompressor(level=_LEVEL).compressobj()
    with old.open("rb") as old_file, new.open("rb") as new_file:
        size = old_file.seek(0, 2).to_bytes(8, "little")
        parts = [compressor.compress(piece) for piece in itertools.chain([size], _differences(old_file, new_file))]
    return b"".join([*parts, compressor.flush()])


def patched(new: Path, patch: bytes, target: Sink) -> None:
    """Write the old file to `target`.

    Raises:
        FileChangedError: the patch is damaged.
        OSError: a file cannot be read or written.
    """
    reader = zstandard.ZstdDecompressor().stream_reader(patch)
    try:
        with new.open("rb") as file:
            size = int.from_bytes(_exactly(reader, 8), "little")
            shift = file.seek(0, 2) - size
            for start in range(0, size, _CHUNK):
                length = min(_CHUNK, size - start)
                place = start + shift if _exactly(reader, 1) == _FROM_END else start
                difference = np.frombuffer(_exactly(reader, length), np.uint8)
                target.write((difference ^ _at(file, place, length)).tobytes())
    except (zstandard.ZstdError, EOFError) as error:
        raise FileChangedError("what is kept of the old file is damaged; it cannot be undone") from error


def _differences(old: IO[bytes], new: IO[bytes]) -> Iterator[bytes]:
    shift = new.seek(0, 2) - old.seek(0, 2)
    for start in itertools.count(0, _CHUNK):
        old.seek(start)
        chunk = np.frombuffer(old.read(_CHUNK), np.uint8)
        if not len(chunk):
            return
        from_start = chunk ^ _at(new, start, len(chunk))
        from_end = chunk ^ _at(new, start + shift, len(chunk))
        ended = np.count_nonzero(from_end) < np.count_nonzero(from_start)
        yield (_FROM_END if ended else _FROM_START) + (from_end if ended else from_start).tobytes()


def _at(file: IO[bytes], start: int, length: int) -> NDArray[np.uint8]:
    """Bytes of a file (length,), with zeros where it has none."""
    found = np.zeros(length, np.uint8)
    begin = max(0, start)
    file.seek(begin)
    content = np.frombuffer(file.read(max(0, start + length - begin)), np.uint8)
    found[begin - start : begin - start + len(content)] = content
    return found


def _exactly(reader: zstandard.ZstdDecompressionReader, length: int) -> bytes:
    content = b""
    while len(content) < length:
        more = reader.read(length - len(content))
        if not more:
            raise EOFError
        content += more
    return content
