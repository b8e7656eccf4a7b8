"""Embeddings of a catalog's tracks as matrices of unit vectors."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genrelens.errors import NoTracksError
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.catalog.tracks import STORED_TYPE

FloatArray = NDArray[np.float32]
IdArray = NDArray[np.int64]

_FROM_MODEL = "FROM answers WHERE model = ? AND version = ? AND embedding IS NOT NULL"
_BATCH_ROWS = 8192  # rows read at a time
_MIN_LENGTH = 1e-9  # avoids division by zero for all-zero embeddings


@dataclass(frozen=True)
class EmbeddingModel:
    """The model that computed an embedding; embeddings of different models are not comparable."""

    name: str
    version: str


@dataclass(frozen=True)
class EmbeddingMatrix:
    """Embeddings of tracks.

    Attributes:
        ids: track ids, shape (n,).
        rows: embeddings of unit length, shape (n, channels).
    """

    ids: IdArray
    rows: FloatArray


def normalise(rows: FloatArray) -> FloatArray:
    """Scale rows, shape (..., channels), to unit length, so that their dot products are cosines.

    No other normalisation is applied: after centring or standardisation, neighbours share the genre equally often on
    GTZAN's valid tracks, and after whitening less often (`benchmarks/similar.py`).
    """
    length = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.maximum(length, _MIN_LENGTH), np.float32)


def main_embedding_model(catalog: Catalog) -> EmbeddingModel:
    """Return the model that computed the most embeddings of tracks that have not vanished.

    Raises:
        NoTracksError: no track has an embedding.
    """
    row = catalog.connection.execute(
        "SELECT model, version FROM answers JOIN tracks ON tracks.id = track"
        " WHERE embedding IS NOT NULL AND NOT vanished"
        " GROUP BY model, version ORDER BY COUNT(*) DESC, model, version LIMIT 1"
    ).fetchone()
    if row is None:
        remedy = "compute them with `genrelens library run` and lens or mn04"
        raise NoTracksError(f"no present track has an embedding; {remedy}")
    return EmbeddingModel(row["model"], row["version"])


def catalog_revision(catalog: Catalog) -> str:
    """Return a random string that changes whenever a prediction changes."""
    (stamp,) = catalog.connection.execute("SELECT stamp FROM revision").fetchone()
    return str(stamp)


def iter_embeddings(
    catalog: Catalog, model: EmbeddingModel, ids: Collection[int] | None = None
) -> Iterator[tuple[IdArray, FloatArray]]:
    """Yield batches of track ids, shape (n,), and raw embeddings, shape (n, channels); all tracks if `ids` is None."""
    condition = "" if ids is None else "AND track IN (SELECT value FROM json_each(?))"
    values = (model.name, model.version, *(() if ids is None else (json.dumps([*ids]),)))
    cursor = catalog.connection.execute(f"SELECT track, embedding {_FROM_MODEL} {condition} ORDER BY track", values)
    while rows := cursor.fetchmany(_BATCH_ROWS):
        content = b"".join(row["embedding"] for row in rows)
        embeddings = np.frombuffer(content, STORED_TYPE).reshape(len(rows), -1).astype(np.float32)
        yield np.array([row["track"] for row in rows], np.int64), embeddings


def load_embeddings(catalog: Catalog, model: EmbeddingModel, ids: Collection[int] | None = None) -> EmbeddingMatrix:
    """Load the embeddings by one model, of all or selected tracks; 100,000 with 256 channels take 100 MB.

    Raises:
        NoTracksError: no track has an embedding by this model.
    """
    batches = list(iter_embeddings(catalog, model, ids))
    if not batches:
        raise NoTracksError(f"no track has an embedding by {model.name} {model.version}; classify them with it first")
    all_ids = np.concatenate([batch_ids for batch_ids, _ in batches])
    rows = np.empty((len(all_ids), batches[0][1].shape[1]), np.float32)
    start = 0
    while batches:  # frees each batch as soon as it is copied
        batch = batches.pop(0)[1]
        rows[start : start + len(batch)] = normalise(batch)
        start += len(batch)
    return EmbeddingMatrix(all_ids, rows)
