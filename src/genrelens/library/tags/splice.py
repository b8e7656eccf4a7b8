"""Replacement of byte ranges in a file, copying everything else unchanged."""

from collections.abc import Iterable
from typing import BinaryIO

Edit = tuple[int, int, bytes]  # start and end offset in the source, and the bytes to write in place of that range

_BLOCK = 1 << 20  # bytes copied at a time


def splice(source: BinaryIO, edits: Iterable[Edit], target: BinaryIO) -> None:
    """Write `source` to `target` with these edits applied; they must not overlap.

    Raises:
        OSError: the source cannot be read, or the target cannot be written.
    """
    position, size = 0, source.seek(0, 2)
    for start, end, content in sorted(edits):
        _copy(source, target, position, start)
        target.write(content)
        position = end
    _copy(source, target, position, size)


def _copy(source: BinaryIO, target: BinaryIO, start: int, end: int) -> None:
    source.seek(start)
    while start < end:
        block = source.read(min(_BLOCK, end - start))
        if not block:
            raise OSError("the file became shorter while it was read")
        target.write(block)
        start += len(block)
