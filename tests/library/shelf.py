"""A catalog with answers that no model gave, for tests of what is made of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrelens.library.catalog.catalog import Catalog, encoded
from genrelens.library.catalog.tracks import Stamp, keep_answer
from genrelens.prediction import Prediction, Score

CHANNELS = 8


def told(
    path: Path, genre: str = "jazz", confidence: float = 0.8, seconds: float = 200.0, model: str = "tilt"
) -> Prediction:
    """An answer."""
    return Prediction(
        path=str(path),
        genre=genre,
        genres=(genre,),
        confidence=confidence,
        scores=(Score(label=genre, score=confidence),),
        segments=(),
        duration=seconds,
        model=model,
        version="1",
    )


def shelve(catalog: Catalog, prediction: Prediction, embedding: NDArray[np.float32] | None) -> int:
    """Put a track into a catalog; its number."""
    with catalog.transaction() as connection:
        row = connection.execute(
            "INSERT INTO tracks (path, size, mtime_ns) VALUES (?, 1, 1) RETURNING id", (encoded(prediction.path),)
        ).fetchone()
        keep_answer(catalog, row["id"], Stamp(1, 1), "3", prediction, embedding)
    return int(row["id"])


def shelf(catalog: Catalog, folder: Path, genres: Sequence[str], seed: int = 0) -> NDArray[np.float32]:
    """Tracks 1 to n of these genres, those of one near to each other; their embeddings (n, channels)."""
    rng = np.random.default_rng(seed)
    centres = {genre: 4 * rng.standard_normal(CHANNELS) for genre in dict.fromkeys(genres)}
    rows = np.stack([centres[genre] + rng.standard_normal(CHANNELS) for genre in genres]).astype("<f2").astype("f4")
    for number, (genre, row) in enumerate(zip(genres, rows, strict=True)):
        shelve(catalog, told(folder / f"{number}.mp3", genre), row)
    return rows
