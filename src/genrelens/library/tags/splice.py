"""Files written anew with other bytes in some places, and all else as it is."""

from collections.abc import Iterable
from typing import BinaryIO

Edit = tuple[int, int, bytes]  # where it begins and ends in the old file, and what stands there in the new one

_BLOCK = 1 << 20


def splice(source: BinaryIO, edits: Iterable[Edit], target: BinaryIO) -> None:
    """Write `source` to `target` with these edits, which do not overlap.

    Raises:
        OSError: it cannot be read or written.
    """
    at, size = 0, source.seek(0, 2)
    for start, end, content in sorted(edits):
        _copy(source, target, at, start)
        target.write(content)
        at = end
    _copy(source, target, at, size)


def _copy(source: BinaryIO, target: BinaryIO, start: int, end: int) -> None:
    source.seek(start)
    while start < end:
        block = source.read(min(_BLOCK, end - start))
        if not block:
            raise OSError("the file became shorter while it was read")
        target.write(block)
        start += len(block)
