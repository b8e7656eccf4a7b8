"""The embeddings of a catalog's tracks as one matrix, made comparable."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genrelens.errors import NoTracksError
from genrelens.library.catalog import Catalog

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]

_FROM = "FROM answers WHERE model = ? AND version = ? AND embedding IS NOT NULL"
_BATCH = 8192  # rows read at a time
_LEAST_SCALE = 1e-6  # of a channel that is the same in all tracks


@dataclass(frozen=True)
class Maker:
    """The model that embeddings come from: those of different ones cannot be compared."""

    model: str
    version: str


@dataclass(frozen=True)
class Scaling:
    """What all channels are brought to: mean 0 and deviation 1, so that loud channels do not drown the others.

    Measured by `benchmarks/similar.py`: neighbours share the genre as often as without, and those of rare genres
    more often; whitening, which also undoes correlations, makes them worse.

    Attributes:
        centre: mean of each channel, (channels,).
        scale: deviation of each channel, (channels,).
    """

    centre: Floats
    scale: Floats

    @classmethod
    def of(cls, batches: Iterator[Floats]) -> "Scaling":
        """That of rows (n, channels) in batches, of which there is at least one."""
        first = next(batches).astype(np.float64)
        count, total, squares = len(first), first.sum(axis=0), (first**2).sum(axis=0)
        for batch in batches:
            wide = batch.astype(np.float64)
            count, total, squares = count + len(wide), total + wide.sum(axis=0), squares + (wide**2).sum(axis=0)
        mean = total / count
        deviation = np.sqrt((squares / count - mean**2).clip(0))
        return cls(mean.astype(np.float32), np.maximum(deviation, _LEAST_SCALE).astype(np.float32))

    def applied(self, rows: Floats) -> Floats:
        """Rows (..., channels) scaled, and made 1 long, so that their products are cosines."""
        scaled = (rows - self.centre) / self.scale
        length = np.linalg.norm(scaled, axis=-1, keepdims=True)
        return np.asarray(scaled / np.maximum(length, _LEAST_SCALE), np.float32)


@dataclass(frozen=True)
class Vectors:
    """Tracks (n,) by number, and their scaled embeddings (n, channels)."""

    tracks: Numbers
    rows: Floats
    scaling: Scaling


def usual_maker(catalog: Catalog) -> Maker:
    """The model that most embeddings come from.

    Raises:
        NoTracksError: there are none.
    """
    row = catalog.connection.execute(
        "SELECT model, version FROM answers WHERE embedding IS NOT NULL"
        " GROUP BY model, version ORDER BY COUNT(*) DESC, model, version LIMIT 1"
    ).fetchone()
    if row is None:
        raise NoTracksError("no track has an embedding yet; `genrelens library run` with lens or mn04 makes them")
    return Maker(row["model"], row["version"])


def counted(catalog: Catalog, maker: Maker) -> int:
    """How many tracks have an embedding by this model."""
    (count,) = catalog.connection.execute(f"SELECT COUNT(*) {_FROM}", (maker.model, maker.version)).fetchone()
    return int(count)


def revision(catalog: Catalog) -> str:
    """What is another whenever an answer in the catalog is."""
    (stamp,) = catalog.connection.execute("SELECT stamp FROM revision").fetchone()
    return str(stamp)


def batches(catalog: Catalog, maker: Maker) -> Iterator[tuple[Numbers, Floats]]:
    """Tracks (n,) and their embeddings (n, channels) as the model gave them, some thousands at a time."""
    cursor = catalog.connection.execute(f"SELECT track, embedding {_FROM} ORDER BY track", (maker.model, maker.version))
    while rows := cursor.fetchmany(_BATCH):
        content = b"".join(row["embedding"] for row in rows)
        embeddings = np.frombuffer(content, "<f2").reshape(len(rows), -1).astype(np.float32)
        yield np.array([row["track"] for row in rows], np.int64), embeddings


def load(catalog: Catalog, maker: Maker) -> Vectors:
    """All embeddings by one model; 100,000 of 256 channels take 100 MB.

    Raises:
        NoTracksError: there are none.
    """
    parts = list(batches(catalog, maker))
    if not parts:
        raise NoTracksError(f"no track has an embedding by {maker.model} {maker.version}; judge them with it first")
    scaling = Scaling.of(rows for _, rows in parts)
    tracks = np.concatenate([numbers for numbers, _ in parts])
    rows = np.empty((len(tracks), parts[0][1].shape[1]), np.float32)
    place = 0
    while parts:  # each batch is let go as soon as it stands in the matrix
        batch = parts.pop(0)[1]
        rows[place : place + len(batch)] = scaling.applied(batch)
        place += len(batch)
    return Vectors(tracks, rows, scaling)
