"""Tracks of a catalog, and what was told of them."""

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genrelens.library.catalog.catalog import Catalog, path_from_bytes, path_to_bytes
from genrelens.prediction import ErrorInfo, Failure, Prediction

Embedding = NDArray[np.float32]

_PAGE = 1000  # tracks that are read from the catalog at a time

_JUDGED = """
    SELECT tracks.id, path, answers.size, answers.mtime_ns, prediction, embedding
    FROM tracks JOIN answers ON answers.track = tracks.id
"""


@dataclass(frozen=True)
class FileStamp:
    """What tells that a file is as it was: its size in bytes, and when it was changed, in ns."""

    size: int
    mtime_ns: int

    @classmethod
    def from_path(cls, path: Path) -> "FileStamp":
        """That of a file.

        Raises:
            OSError: it cannot be looked at.
        """
        return cls.from_stat(path.stat())

    @classmethod
    def try_from_path(cls, path: Path) -> "FileStamp | None":
        """That of a file; None if it cannot be looked at."""
        try:
            return cls.from_path(path)
        except OSError:
            return None

    @classmethod
    def from_stat(cls, status: os.stat_result) -> "FileStamp":
        """That of a file whose status was asked for."""
        return cls(status.st_size, status.st_mtime_ns)


@dataclass(frozen=True)
class ClassifiedTrack:
    """A track with its answer.

    Attributes:
        id: in the catalog.
        path: absolute.
        stamp: of the file when it was judged.
        embedding: (channels,), the mean over the windows; if the model gives one.
    """

    id: int
    path: Path
    stamp: FileStamp
    prediction: Prediction
    embedding: Embedding | None = None


@dataclass(frozen=True)
class TrackQuery:
    """Which tracks are meant: those for which all that is given holds. Vanished ones never are.

    Attributes:
        genre: what they are told to be, among other genres perhaps.
        min_confidence: the least with which that is told.
        path: a folder or file; or a pattern (`*`, `?`, `[...]`) that the whole path fits.
    """

    genre: str | None = None
    min_confidence: float = 0.0
    path: str | None = None


def iter_tracks(catalog: Catalog, query: TrackQuery = TrackQuery(), *, embeddings: bool = False) -> Iterator[ClassifiedTrack]:
    """The tracks that have an answer, by path.

    They are read page by page: one long read would keep SQLite from clearing its log of all that is written meanwhile.
    """
    conditions, values = _conditions(query)
    page = f"{_JUDGED} WHERE {conditions} AND path > ? ORDER BY path LIMIT {_PAGE}"
    last = b""
    while rows := catalog.connection.execute(page, (*values, last)).fetchall():
        yield from (_read(row, embeddings) for row in rows)
        last = rows[-1]["path"]


def refresh_stamp(catalog: Catalog, track: ClassifiedTrack) -> ClassifiedTrack:
    """A track that was read a while ago, with the stamp that the catalog now has of it."""
    row = catalog.connection.execute("SELECT size, mtime_ns FROM answers WHERE track = ?", (track.id,)).fetchone()
    return replace(track, stamp=FileStamp(*row)) if row else track


def parse_prediction(path: Path, content: str) -> Prediction:
    """The answer that is kept as `content`, for the track that is at `path` now."""
    return Prediction.model_validate({**json.loads(content), "path": str(path)})


def matching_ids(catalog: Catalog, query: TrackQuery = TrackQuery()) -> list[int]:
    """The numbers of the tracks that `iter_tracks` would give, by path; a library of any size is soon asked for them."""
    conditions, values = _conditions(query)
    joined = "SELECT id FROM tracks JOIN answers ON answers.track = tracks.id"
    rows = catalog.connection.execute(f"{joined} WHERE {conditions} ORDER BY path", values)
    return [row["id"] for row in rows]


def load_tracks(catalog: Catalog, numbers: Sequence[int], *, embeddings: bool = False) -> list[ClassifiedTrack]:
    """The tracks with these numbers, in their order; those that have no answer are left out."""
    rows = catalog.connection.execute(
        f"{_JUDGED} WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(list(map(int, numbers))),)
    )
    known = {row["id"]: _read(row, embeddings) for row in rows}
    return [known[number] for number in numbers if number in known]


def save_prediction(
    catalog: Catalog, track: int, stamp: FileStamp, windows: str, prediction: Prediction, embedding: Embedding | None
) -> None:
    """Keep what was told of a track, in the place of what was told before; call it in a transaction."""
    content = json.dumps(prediction.model_dump(exclude={"path"}), separators=(",", ":"))
    catalog.connection.execute("DELETE FROM failures WHERE track = ?", (track,))
    catalog.connection.execute(
        "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            track,
            *(stamp.size, stamp.mtime_ns),
            *(prediction.genre, prediction.confidence, prediction.model, prediction.version, windows),
            content,
            None if embedding is None else encode_embedding(embedding),
        ),
    )


def save_failure(catalog: Catalog, track: int, stamp: FileStamp, failure: Failure) -> None:
    """Keep why nothing can be told of a track; call it in a transaction.

    What was told of the file as it is stays: another model may have been able to.
    """
    outdated = "DELETE FROM answers WHERE track = ? AND (size, mtime_ns) != (?, ?)"
    catalog.connection.execute(outdated, (track, stamp.size, stamp.mtime_ns))
    catalog.connection.execute(
        "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?)",
        (
            track,
            stamp.size,
            stamp.mtime_ns,
            failure.error.type,
            failure.error.message.encode("utf-8", "replace").decode(),
        ),
    )


def iter_failures(catalog: Catalog) -> Iterator[Failure]:
    """Why nothing can be told of those tracks of which nothing can, by path; vanished ones are left out."""
    rows = catalog.connection.execute(
        "SELECT path, type, message FROM tracks JOIN failures ON track = id WHERE NOT vanished"
        " AND track NOT IN (SELECT track FROM answers) ORDER BY path"
    )
    for row in rows:
        yield Failure(path=os.fspath(path_from_bytes(row["path"])), error=ErrorInfo(type=row["type"], message=row["message"]))


def encode_embedding(embedding: Embedding) -> bytes:
    """An embedding (channels,) in half precision, which is far finer than what it means."""
    return np.asarray(embedding, "<f2").tobytes()


def decode_embedding(content: bytes) -> Embedding:
    """What `encode_embedding` made this of."""
    return np.frombuffer(content, "<f2").astype(np.float32)


def _read(row: sqlite3.Row, embeddings: bool) -> ClassifiedTrack:
    path = path_from_bytes(row["path"])
    return ClassifiedTrack(
        row["id"],
        path,
        FileStamp(row["size"], row["mtime_ns"]),
        parse_prediction(path, row["prediction"]),
        decode_embedding(row["embedding"]) if embeddings and row["embedding"] else None,
    )


def _conditions(query: TrackQuery) -> tuple[str, list[Any]]:
    conditions, values = ["NOT vanished", "confidence >= ?"], list[Any]([query.min_confidence])
    if query.genre is not None:
        conditions.append("EXISTS (SELECT 1 FROM json_each(prediction, '$.genres') WHERE value = ?)")
        values.append(query.genre)
    if query.path is not None:
        conditions.append("(path = ? OR substr(path, 1, ?) = ? OR CAST(path AS TEXT) GLOB CAST(? AS TEXT))")
        folder = path_to_bytes(query.path.rstrip("/") + "/")
        values += [path_to_bytes(query.path), len(folder), folder, path_to_bytes(query.path)]
    return " AND ".join(conditions), values
