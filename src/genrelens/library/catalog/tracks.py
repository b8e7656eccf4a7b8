"""Tracks of a catalog with their predictions, embeddings and failures."""

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genrelens.library.catalog.catalog import Catalog, path_from_bytes, path_to_bytes
from genrelens.prediction import ErrorInfo, Failure, Prediction

Embedding = NDArray[np.float32]
STORED_TYPE = "<f2"  # of embeddings: half precision, which is finer than their accuracy

_PAGE_SIZE = 1000  # tracks read from the catalog at a time

_SELECT_CLASSIFIED = """
    SELECT tracks.id, path, answers.size, answers.mtime_ns, prediction, embedding
    FROM tracks JOIN answers ON answers.track = tracks.id
"""


class FileStamp(NamedTuple):
    """Size in bytes and modification time in ns of a file; it has changed if either differs."""

    size: int
    mtime_ns: int

    @classmethod
    def from_path(cls, path: Path) -> "FileStamp":
        """Return the current stamp of a file; raises OSError if it is missing or cannot be accessed."""
        return cls.from_stat(path.stat())

    @classmethod
    def try_from_path(cls, path: Path) -> "FileStamp | None":
        """Return the current stamp of a file, or None if it is missing or cannot be accessed."""
        try:
            return cls.from_path(path)
        except OSError:
            return None

    @classmethod
    def from_stat(cls, status: os.stat_result) -> "FileStamp":
        """Return the stamp for the result of a `stat` call."""
        return cls(status.st_size, status.st_mtime_ns)


@dataclass(frozen=True)
class ClassifiedTrack:
    """A track with its prediction.

    Attributes:
        id: id in the catalog.
        path: absolute path.
        stamp: stamp of the file when it was classified.
        prediction: the stored prediction.
        embedding: mean over the windows, shape (channels,); None if not loaded or not provided by the model.
    """

    id: int
    path: Path
    stamp: FileStamp
    prediction: Prediction
    embedding: Embedding | None = None


@dataclass(frozen=True)
class TrackQuery:
    """A selection of classified tracks: those that meet all conditions. Vanished tracks never match.

    Attributes:
        genre: a genre that must be among the predicted ones.
        min_confidence: lowest confidence, 0 to 1.
        path: a file or folder; or a pattern (`*`, `?`, `[...]`) for the whole path.
    """

    genre: str | None = None
    min_confidence: float = 0.0
    path: str | None = None


def iter_tracks(
    catalog: Catalog, query: TrackQuery = TrackQuery(), *, embeddings: bool = False
) -> Iterator[ClassifiedTrack]:
    """Yield the classified tracks that match a query, ordered by path.

    They are read page by page: one long read would keep SQLite from truncating its write-ahead log in the meantime.
    """
    conditions, values = _where(query)
    page = f"{_SELECT_CLASSIFIED} WHERE {conditions} AND path > ? ORDER BY path LIMIT {_PAGE_SIZE}"
    last = b""
    while rows := catalog.connection.execute(page, (*values, last)).fetchall():
        yield from (_parse_row(row, embeddings) for row in rows)
        last = rows[-1]["path"]


def matching_ids(catalog: Catalog, query: TrackQuery = TrackQuery()) -> list[int]:
    """Return the ids of the tracks that `iter_tracks` would yield, in its order; fast for libraries of any size."""
    conditions, values = _where(query)
    sql = f"SELECT id FROM tracks JOIN answers ON answers.track = tracks.id WHERE {conditions} ORDER BY path"
    return [row["id"] for row in catalog.connection.execute(sql, values)]


def load_tracks(catalog: Catalog, ids: Sequence[int], *, embeddings: bool = False) -> list[ClassifiedTrack]:
    """Return the tracks with these ids, in the given order; tracks without a prediction are left out."""
    query = f"{_SELECT_CLASSIFIED} WHERE id IN (SELECT value FROM json_each(?))"
    rows = catalog.connection.execute(query, (json.dumps([*map(int, ids)]),))
    tracks = {row["id"]: _parse_row(row, embeddings) for row in rows}
    return [tracks[track_id] for track_id in ids if track_id in tracks]


def refresh_stamp(catalog: Catalog, track: ClassifiedTrack) -> ClassifiedTrack:
    """Return a track with the stamp that the catalog holds now, which may have changed since it was loaded."""
    row = catalog.connection.execute("SELECT size, mtime_ns FROM answers WHERE track = ?", (track.id,)).fetchone()
    return replace(track, stamp=FileStamp(*row)) if row else track


def parse_prediction(path: Path, content: str) -> Prediction:
    """Parse a stored prediction (JSON without a path) of the track that is at `path` now."""
    return Prediction.model_validate({**json.loads(content), "path": str(path)})


def save_prediction(
    catalog: Catalog, track_id: int, stamp: FileStamp, windows: str, prediction: Prediction, embedding: Embedding | None
) -> None:
    """Store the prediction of a track in place of any earlier one; call it in a transaction."""
    fields = (prediction.genre, prediction.confidence, prediction.model, prediction.version, windows)
    content = json.dumps(prediction.model_dump(exclude={"path"}), separators=(",", ":"))
    stored = None if embedding is None else np.asarray(embedding, STORED_TYPE).tobytes()
    catalog.connection.execute("DELETE FROM failures WHERE track = ?", (track_id,))
    query = "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    catalog.connection.execute(query, (track_id, *stamp, *fields, content, stored))


def save_failure(catalog: Catalog, track_id: int, stamp: FileStamp, failure: Failure) -> None:
    """Store why a track could not be classified; call it in a transaction.

    An earlier prediction of the unchanged file stays: another model may have succeeded.
    """
    execute = catalog.connection.execute
    execute("DELETE FROM answers WHERE track = ? AND (size, mtime_ns) != (?, ?)", (track_id, *stamp))
    message = failure.error.message.encode("utf-8", "replace").decode()
    values = (track_id, *stamp, failure.error.type, message)
    execute("INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?)", values)


def iter_failures(catalog: Catalog) -> Iterator[Failure]:
    """Yield the failures of tracks without any prediction, ordered by path; vanished tracks are left out."""
    rows = catalog.connection.execute(
        "SELECT path, type, message FROM tracks JOIN failures ON track = id WHERE NOT vanished"
        " AND track NOT IN (SELECT track FROM answers) ORDER BY path"
    )
    for row in rows:
        path = os.fspath(path_from_bytes(row["path"]))
        yield Failure(path=path, error=ErrorInfo(type=row["type"], message=row["message"]))


def _parse_row(row: sqlite3.Row, embeddings: bool) -> ClassifiedTrack:
    path, stamp = path_from_bytes(row["path"]), FileStamp(row["size"], row["mtime_ns"])
    stored = row["embedding"] if embeddings else None
    embedding = np.frombuffer(stored, STORED_TYPE).astype(np.float32) if stored else None
    return ClassifiedTrack(row["id"], path, stamp, parse_prediction(path, row["prediction"]), embedding)


def _where(query: TrackQuery) -> tuple[str, list[Any]]:
    """Return the SQL conditions of a query and the values of their placeholders."""
    conditions, values = ["NOT vanished", "confidence >= ?"], list[Any]([query.min_confidence])
    if query.genre is not None:
        conditions.append("EXISTS (SELECT 1 FROM json_each(prediction, '$.genres') WHERE value = ?)")
        values.append(query.genre)
    if query.path is not None:
        conditions.append("(path = ? OR substr(path, 1, ?) = ? OR CAST(path AS TEXT) GLOB CAST(? AS TEXT))")
        folder = path_to_bytes(query.path.rstrip("/") + "/")
        values += [path_to_bytes(query.path), len(folder), folder, path_to_bytes(query.path)]
    return " AND ".join(conditions), values
