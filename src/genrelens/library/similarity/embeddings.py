"""The embeddings of a catalog's tracks as one matrix, made comparable."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genrelens.errors import NoTracksError
from genrelens.library.catalog.catalog import Catalog

FloatArray = NDArray[np.float32]
IdArray = NDArray[np.int64]

_FROM = "FROM answers WHERE model = ? AND version = ? AND embedding IS NOT NULL"
_BATCH = 8192  # rows read at a time
_LEAST_LENGTH = 1e-9  # of an embedding that is none


@dataclass(frozen=True)
class EmbeddingModel:
    """The model that embeddings come from: those of different ones cannot be compared."""

    model: str
    version: str


@dataclass(frozen=True)
class EmbeddingMatrix:
    """Tracks (n,) by number, and their embeddings (n, channels), each 1 long."""

    tracks: IdArray
    rows: FloatArray


def normalise(rows: FloatArray) -> FloatArray:
    """Rows (..., channels) made 1 long, so that their products are cosines.

    Nothing else is done to them: centred or standardised, neighbours share the genre as often on GTZAN's valid tracks,
    and whitened, less often (`benchmarks/similar.py`).
    """
    length = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.maximum(length, _LEAST_LENGTH), np.float32)


def main_embedding_model(catalog: Catalog) -> EmbeddingModel:
    """The model that most embeddings come from, of tracks that have not vanished.

    Raises:
        NoTracksError: there are none.
    """
    row = catalog.connection.execute(
        "SELECT model, version FROM answers JOIN tracks ON tracks.id = track"
        " WHERE embedding IS NOT NULL AND NOT vanished"
        " GROUP BY model, version ORDER BY COUNT(*) DESC, model, version LIMIT 1"
    ).fetchone()
    if row is None:
        raise NoTracksError(
            "no track that is there has an embedding; `genrelens library run` with lens or mn04 makes them"
        )
    return EmbeddingModel(row["model"], row["version"])


def catalog_revision(catalog: Catalog) -> str:
    """What is another whenever an answer in the catalog is."""
    (stamp,) = catalog.connection.execute("SELECT stamp FROM revision").fetchone()
    return str(stamp)


def iter_embeddings(catalog: Catalog, maker: EmbeddingModel, among: Collection[int] | None = None) -> Iterator[tuple[IdArray, FloatArray]]:
    """Tracks (n,), all or some, and their embeddings (n, channels) as the model gave them, some thousands at a time."""
    chosen = "" if among is None else "AND track IN (SELECT value FROM json_each(?))"
    values = (maker.model, maker.version, *(() if among is None else (json.dumps([*among]),)))
    cursor = catalog.connection.execute(f"SELECT track, embedding {_FROM} {chosen} ORDER BY track", values)
    while rows := cursor.fetchmany(_BATCH):
        content = b"".join(row["embedding"] for row in rows)
        embeddings = np.frombuffer(content, "<f2").reshape(len(rows), -1).astype(np.float32)
        yield np.array([row["track"] for row in rows], np.int64), embeddings


def load_embeddings(catalog: Catalog, maker: EmbeddingModel, among: Collection[int] | None = None) -> EmbeddingMatrix:
    """The embeddings by one model of all tracks, or of some; 100,000 of 256 channels take 100 MB.

    Raises:
        NoTracksError: there are none.
    """
    parts = list(iter_embeddings(catalog, maker, among))
    if not parts:
        raise NoTracksError(f"no track has an embedding by {maker.model} {maker.version}; judge them with it first")
    tracks = np.concatenate([numbers for numbers, _ in parts])
    rows = np.empty((len(tracks), parts[0][1].shape[1]), np.float32)
    place = 0
    while parts:  # each batch is let go as soon as it stands in the matrix
        batch = parts.pop(0)[1]
        rows[place : place + len(batch)] = normalise(batch)
        place += len(batch)
    return EmbeddingMatrix(tracks, rows)
