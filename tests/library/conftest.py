"""A catalog of files that were judged."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from genrelens.library.catalog import Catalog, encoded
from genrelens.library.tracks import Stamp, keep_answer
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


def judge(catalog: Catalog, path: Path, **scores: float) -> int:
    """Put a file with an answer into a catalog; gives the track's number."""
    stamp = Stamp.of(path)
    with catalog.transaction() as connection:
        row = connection.execute(
            "INSERT INTO tracks (path, size, mtime_ns) VALUES (?, ?, ?) RETURNING id",
            (encoded(path), stamp.size, stamp.mtime_ns),
        ).fetchone()
        keep_answer(catalog, row[0], stamp, "3", prediction(path, **(scores or {"Rock": 0.9, "Pop": 0.1})), None)
    return int(row[0])


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(tmp_path / "library.db") as opened:
        yield opened


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    return folder
