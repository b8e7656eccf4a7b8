"""A file that is whole or not there."""

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO


@contextlib.contextmanager
def atomic_write(target: Path) -> Iterator[IO[bytes]]:
    """Write a file beside `target` that takes its place if the block ends well, and vanishes if not.

    Raises:
        OSError: it cannot be written, or the folder cannot be made.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with partial.open("xb") as file:
            yield file
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_text(target: Path, text: str) -> None:
    """Write a file of UTF-8 text, whole or not at all."""
    with atomic_write(target) as file:
        file.write(text.encode())
