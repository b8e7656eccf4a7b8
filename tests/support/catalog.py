"""Catalogs filled with made-up predictions."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrelens.library.catalog.catalog import Catalog, path_to_bytes
from genrelens.library.catalog.tracks import ClassifiedTrack, FileStamp, save_prediction
from genrelens.library.similarity.layout import update_map
from genrelens.prediction import UNKNOWN, Prediction, Score, Segment


def scored_prediction(path: Path, **scores: float) -> Prediction:
    """Return a prediction of the first of these labels, with their scores."""
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


def write_file(path: Path, content: bytes = b"", mtime_ns: int | None = None) -> Path:
    """Write a file, and create its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if mtime_ns is not None:
        os.utime(path, ns=(mtime_ns, mtime_ns))
    return path


def track_id(catalog: Catalog, path: Path) -> int:
    """Return the number of the track at a path."""
    return int(catalog.connection.execute("SELECT id FROM tracks WHERE path = ?", (path_to_bytes(path),)).fetchone()[0])


def store_prediction(catalog: Catalog, path: Path, **scores: float) -> int:
    """Store a prediction for the file at a path, and return the number of its track."""
    number = track_id(catalog, path)
    with catalog.transaction():
        save_prediction(
            catalog, number, FileStamp.from_path(path), "3", scored_prediction(path, **(scores or {"jazz": 0.9})), None
        )
    return number


def add_classified_track(catalog: Catalog, path: Path, **scores: float) -> int:
    """Add a file with a prediction to a catalog, and return the number of its track."""
    stamp = FileStamp.from_path(path)
    with catalog.transaction() as connection:
        values = (path_to_bytes(path), stamp.size, stamp.mtime_ns)
        connection.execute("INSERT INTO tracks (path, size, mtime_ns) VALUES (?, ?, ?)", values)
    return store_prediction(catalog, path, **(scores or {"Rock": 0.9, "Pop": 0.1}))


def present_paths(catalog: Catalog) -> set[bytes]:
    """Return the paths of the tracks that have not vanished."""
    return {row["path"] for row in catalog.connection.execute("SELECT path FROM tracks WHERE NOT vanished")}


CHANNELS = 8


def simple_prediction(
    path: Path, genre: str = "jazz", confidence: float = 0.8, seconds: float = 200.0, model: str = "tilt"
) -> Prediction:
    """Return a prediction with a single score."""
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


def insert_track(catalog: Catalog, prediction: Prediction, embedding: NDArray[np.float32] | None) -> int:
    """Add a track with a prediction to a catalog, and return its number."""
    with catalog.transaction() as connection:
        row = connection.execute(
            "INSERT INTO tracks (path, size, mtime_ns) VALUES (?, 1, 1) RETURNING id", (path_to_bytes(prediction.path),)
        ).fetchone()
        save_prediction(catalog, row["id"], FileStamp(1, 1), "3", prediction, embedding)
    return int(row["id"])


def fill_catalog(catalog: Catalog, folder: Path, genres: Sequence[str], seed: int = 0) -> NDArray[np.float32]:
    """Add tracks 1 to n with embeddings that cluster by genre; return the embeddings, (n, channels)."""
    rng = np.random.default_rng(seed)
    centres = {genre: 4 * rng.standard_normal(CHANNELS) for genre in dict.fromkeys(genres)}
    rows = np.stack([centres[genre] + rng.standard_normal(CHANNELS) for genre in genres]).astype("<f2").astype("f4")
    for number, (genre, row) in enumerate(zip(genres, rows, strict=True)):
        insert_track(catalog, simple_prediction(folder / f"{number}.mp3", genre), row)
    return rows


def make_mapped_catalog(folder: Path, song: Path) -> Path:
    """Create a catalog with a map of 20 tracks, 0.mp3 to 19.mp3; the file of the last one is missing."""
    music = folder / "secret" / "Music"
    music.mkdir(parents=True)
    for number in range(len(GENRES) - 1):
        shutil.copy(song, music / f"{number}.mp3")
    with Catalog(folder / "library.db") as catalog:
        fill_catalog(catalog, music, GENRES)
        update_map(catalog, lambda rows: rows[:, :2])
        catalog.connection.execute("UPDATE tracks SET vanished = 1 WHERE id = 5")
    return folder / "library.db"


def classified_track(path: str, genre: str = "rock", sure: float = 0.9) -> ClassifiedTrack:
    scores = (Score(label=genre, score=sure), Score(label=OTHER[genre], score=1 - sure))
    prediction = Prediction(
        path=path,
        genre=genre,
        genres=(genre,),
        confidence=sure,
        scores=scores,
        segments=(Segment(start=0, end=1, scores=scores),),
        duration=1.0,
        model="m",
        version="1",
    )
    return ClassifiedTrack(hash(path), Path(path), FileStamp(1, 1), prediction)


OTHER = {"rock": "jazz", "jazz": "rock", UNKNOWN: "rock"}


GENRES = ["jazz", "rock"] * 10
