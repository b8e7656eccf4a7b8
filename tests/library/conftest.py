"""A catalog, files that need not be audio, and answers that nobody gave."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from genrelens.library.catalog.catalog import Catalog, encoded
from genrelens.library.catalog.tracks import Stamp, keep_answer
from genrelens.prediction import Prediction, Score


def prediction(path: Path, **scores: float) -> Prediction:
    """An answer with these scores, the first of which is told."""
    ranked = tuple(Score(label=label, score=score) for label, score in scores.items())
    return Prediction(
        path=str(path),
        genre=ranked[0].label,
        genres=(ranked[0].label,),
        confidence=ranked[0].score,
        scores=ranked,
        segments=(),
        duration=1.0,
        model="lens",
        version="1",
    )


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


def answer(catalog: Catalog, path: Path, **scores: float) -> int:
    """Keep an answer for the file at a path, as if it had been judged, and tell its number."""
    number = id_of(catalog, path)
    with catalog.transaction():
        keep_answer(catalog, number, Stamp.of(path), "3", prediction(path, **(scores or {"jazz": 0.9})), None)
    return number


def judge(catalog: Catalog, path: Path, **scores: float) -> int:
    """Put a file with an answer into a catalog; gives the track's number."""
    stamp = Stamp.of(path)
    with catalog.transaction() as connection:
        values = (encoded(path), stamp.size, stamp.mtime_ns)
        connection.execute("INSERT INTO tracks (path, size, mtime_ns) VALUES (?, ?, ?)", values)
    return answer(catalog, path, **(scores or {"Rock": 0.9, "Pop": 0.1}))


def present(catalog: Catalog) -> set[bytes]:
    """The paths of the tracks that have not vanished."""
    return {row["path"] for row in catalog.connection.execute("SELECT path FROM tracks WHERE NOT vanished")}


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    return folder
