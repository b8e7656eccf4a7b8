"""Reverse patches: the small difference that turns a tagged file back into the original, byte for byte.

A patch is the XOR of both files, compressed by bzip2. It compares whole files, because the bytes that change with the
tags depend on the format: sizes in headers, offset tables of MP4, checksums of Ogg pages. As nearly all bytes are
audio, which at most moves, nearly all of the XOR is zero, and bzip2 shrinks it to a few hundred bytes for an MP3 and a
few kB for an Ogg file. This needs only the standard library and NumPy, and constant memory for files of any size;
general tools such as bsdiff need several times the file size.
"""

import bz2
import io
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from genrelens.errors import FileChangedError

_CHUNK = 1 << 16  # bytes compared at a time
_FROM_START, _FROM_END = b"\0", b"\1"
_DAMAGED = "the patch that restores the old file is damaged; the change cannot be undone"


def reverse_patch(old: Path, new: Path) -> bytes:
    """Return the patch from which `apply_patch` restores the old file, given the new one.

    Each chunk is stored as its XOR with the new file at the same distance from the start or from the end of the file,
    whichever differs less: tags are before or after the audio, so that everything else has at most moved.

    Raises:
        OSError: a file cannot be read.
    """
    compressor = bz2.BZ2Compressor()
    with old.open("rb") as old_file, new.open("rb") as new_file:
        size = old_file.seek(0, 2).to_bytes(8, "little")
        pieces = [compressor.compress(piece) for piece in itertools.chain([size], _differences(old_file, new_file))]
    return b"".join([*pieces, compressor.flush()])


def apply_patch(new: Path, patch: bytes) -> Iterator[bytes]:
    """Yield the old file chunk by chunk, from the new file and the reverse patch.

    Raises:
        FileChangedError: the patch is damaged.
        OSError: the new file cannot be read.
    """
    with new.open("rb") as file, bz2.open(io.BytesIO(patch)) as reader:
        size = int.from_bytes(_read_exactly(reader, 8), "little")
        shift = file.seek(0, 2) - size
        for start in range(0, size, _CHUNK):
            length = min(_CHUNK, size - start)
            position = start + shift if _read_exactly(reader, 1) == _FROM_END else start
            difference = np.frombuffer(_read_exactly(reader, length), np.uint8)
            yield (difference ^ _read_padded(file, position, length)).tobytes()


def _differences(old: IO[bytes], new: IO[bytes]) -> Iterator[bytes]:
    shift = new.seek(0, 2) - old.seek(0, 2)
    for start in itertools.count(0, _CHUNK):
        old.seek(start)
        chunk = np.frombuffer(old.read(_CHUNK), np.uint8)
        if not len(chunk):
            return
        from_start = chunk ^ _read_padded(new, start, len(chunk))
        from_end = chunk ^ _read_padded(new, start + shift, len(chunk))
        end_is_closer = np.count_nonzero(from_end) < np.count_nonzero(from_start)
        yield (_FROM_END if end_is_closer else _FROM_START) + (from_end if end_is_closer else from_start).tobytes()


def _read_padded(file: IO[bytes], start: int, length: int) -> NDArray[np.uint8]:
    """Read bytes of a file, shape (length,), with zeros outside the file."""
    padded = np.zeros(length, np.uint8)
    begin = max(0, start)
    file.seek(begin)
    content = np.frombuffer(file.read(max(0, start + length - begin)), np.uint8)
    padded[begin - start : begin - start + len(content)] = content
    return padded


def _read_exactly(reader: IO[bytes], length: int) -> bytes:
    """Read `length` bytes of a patch, which may be damaged or shorter."""
    try:
        content = reader.read(length)
    except (OSError, EOFError) as error:
        raise FileChangedError(_DAMAGED) from error
    if len(content) < length:
        raise FileChangedError(_DAMAGED)
    return content
