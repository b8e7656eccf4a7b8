"""A catalog, and folders of files that need not be audio."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from genrelens.library.catalog import Catalog, encoded
from genrelens.library.tracks import Stamp, keep_answer
from genrelens.prediction import Prediction, Score


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(tmp_path / "library.db") as opened:
        yield opened


def put(path: Path, content: bytes = b"", mtime_ns: int | None = None) -> Path:
    """Write a file, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if mtime_ns is not None:
        os.utime(path, ns=(mtime_ns, mtime_ns))
    return path


def id_of(catalog: Catalog, path: Path) -> int:
    """The number of the track at a path."""
    return int(catalog.connection.execute("SELECT id FROM tracks WHERE path = ?", (encoded(path),)).fetchone()[0])


def answer(catalog: Catalog, path: Path, genre: str = "jazz", confidence: float = 0.9) -> int:
    """Keep an answer for the file at a path, as if it had been judged, and tell its number."""
    told = Prediction(
        path=str(path),
        genre=genre,
        genres=(genre,),
        confidence=confidence,
        scores=(Score(label=genre, score=confidence), Score(label="other", score=1 - confidence)),
        segments=(),
        duration=10.0,
        model="any",
        version="1",
    )
    number = id_of(catalog, path)
    with catalog.transaction():
        keep_answer(catalog, number, Stamp.of(path), "3", told, None)
    return number


def present(catalog: Catalog) -> set[bytes]:
    """The paths of the tracks that have not vanished."""
    return {row["path"] for row in catalog.connection.execute("SELECT path FROM tracks WHERE NOT vanished")}
