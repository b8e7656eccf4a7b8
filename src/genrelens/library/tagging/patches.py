"""What makes an old file of a new one that differs from it in little: kept so that a change can be undone exactly."""

import bz2
import io
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

import numpy as np
from numpy.typing import NDArray

from genrelens.errors import FileChangedError

_CHUNK = 1 << 16  # bytes that are compared at once
_FROM_START, _FROM_END = b"\0", b"\1"
_DAMAGED = "what is kept of the old file is damaged; it cannot be undone"


class Sink(Protocol):
    """What bytes can be written to."""

    def write(self, content: bytes, /) -> object:
        """Take some more."""


def reverse_patch(old: Path, new: Path) -> bytes:
    """What `patched` needs beside the new file to make the old one.

    Each chunk is kept as its difference (XOR) from the new file, at the same distance from the beginning or from
    the end, whichever is more alike: tags stand before the audio or after it, so that the rest has but been moved.
    The differences are nearly all zeros, which bzip2 makes next to nothing of. Needs no more memory for a larger file.

    Raises:
        OSError: a file cannot be read.
    """
    compressor = bz2.BZ2Compressor()
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
    with new.open("rb") as file, bz2.open(io.BytesIO(patch)) as reader:
        size = int.from_bytes(_exactly(reader, 8), "little")
        shift = file.seek(0, 2) - size
        for start in range(0, size, _CHUNK):
            length = min(_CHUNK, size - start)
            place = start + shift if _exactly(reader, 1) == _FROM_END else start
            difference = np.frombuffer(_exactly(reader, length), np.uint8)
            target.write((difference ^ _at(file, place, length)).tobytes())


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


def _exactly(reader: IO[bytes], length: int) -> bytes:
    """So many bytes of a patch.

    Raises:
        FileChangedError: it has no more, or is damaged.
    """
    try:
        content = reader.read(length)
    except (OSError, EOFError) as error:
        raise FileChangedError(_DAMAGED) from error
    if len(content) < length:
        raise FileChangedError(_DAMAGED)
    return content
