"""The nearest of many vectors: all of them compared, or, of very many, most of the nearest soon."""

import glob
import hashlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from genrelens.errors import MissingExtraError, NoTracksError
from genrelens.files import atomic_write
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.similarity.embeddings import (
    EmbeddingMatrix,
    EmbeddingModel,
    FloatArray,
    IdArray,
    catalog_revision,
    iter_embeddings,
    load_embeddings,
    normalise,
)

if TYPE_CHECKING:
    from usearch.index import Index

MAX_EXACT_TRACKS = 250_000  # tracks, up to which all are compared; measured by benchmarks/similar.py
_FIRST = 256  # neighbours that an index is asked for, and each time so many times more
_GROWTH = 8
_EFFORT = 256  # candidates that are kept in a search, which decides how many of the nearest are found


class NeighbourIndex(Protocol):
    """Something that knows which tracks are near to a vector."""

    def neighbours(self, vector: FloatArray) -> Iterator[tuple[IdArray, FloatArray]]:
        """Tracks (n,) and their similarity (n,), -1 to 1, from the nearest on, in batches.

        Args:
            vector: (channels,), 1 long.
        """


class ExactIndex:
    """Compares with all: the cosine of each."""

    def __init__(self, vectors: EmbeddingMatrix) -> None:
        self._vectors = vectors

    def neighbours(self, vector: FloatArray) -> Iterator[tuple[IdArray, FloatArray]]:
        """As `NeighbourIndex`: all of them, in one batch."""
        similarity = self._vectors.rows @ vector
        order = np.argsort(-similarity, kind="stable")
        yield self._vectors.tracks[order], similarity[order]


class ApproximateIndex:
    """Asks a graph of neighbours (HNSW; Malkov & Yashunin, 2018), which is a file of its own, mapped into memory."""

    def __init__(self, index: "Index") -> None:
        self._index = index

    def neighbours(self, vector: FloatArray) -> Iterator[tuple[IdArray, FloatArray]]:
        """As `NeighbourIndex`; it asks for more and more, so that whoever passes many tracks over still finds enough.

        Not all are told in the end: some that are far away, or of very many that are the same, no way in the graph
        leads to.
        """
        asked, told = 0, set[int]()
        while asked < len(self._index):
            asked = min(len(self._index), asked * _GROWTH or _FIRST)
            found = self._index.search(vector, asked)
            fresh = np.array([int(key) not in told for key in found.keys], bool)
            tracks = np.asarray(found.keys, np.int64)[fresh]
            told.update(tracks.tolist())
            yield tracks, (1 - np.asarray(found.distances, np.float32))[fresh]


def open_index(catalog: Catalog, maker: EmbeddingModel, among: Collection[int], *, build: bool = True) -> NeighbourIndex:
    """Who knows which of some tracks, with embeddings by this model, are near; of very many, it may tell others, too.

    Args:
        catalog: has them.
        maker: of the embeddings.
        among: the numbers of the tracks.
        build: whether an index may be made if one is needed, which takes minutes; else an old one does.

    Raises:
        NoTracksError: none of them has such an embedding; or there is no index, and none may be made.
        MissingExtraError: there are too many to compare all, and usearch is not installed.
    """
    if len(among) <= MAX_EXACT_TRACKS:
        return ExactIndex(load_embeddings(catalog, maker, among))
    return _opened(catalog, maker, _built(catalog, maker) if build else _newest(catalog, maker))


def _built(catalog: Catalog, maker: EmbeddingModel) -> Path:
    """The index beside the catalog, made anew if the catalog has changed since."""
    file = catalog.path.with_name(f"{_stem(catalog, maker)}{_hashed(catalog_revision(catalog))}.usearch")
    if not file.exists():
        _build(catalog, maker, file)
    return file


def _newest(catalog: Catalog, maker: EmbeddingModel) -> Path:
    files = sorted(_indexes(catalog, maker), key=lambda file: file.stat().st_mtime_ns)
    if not files:
        raise NoTracksError("there is no index of so many tracks yet; `genrelens library similar TRACK` makes it")
    return files[-1]


def _opened(catalog: Catalog, maker: EmbeddingModel, file: Path) -> ApproximateIndex:
    _, rows = next(iter_embeddings(catalog, maker))
    index = create_hnsw_index(rows.shape[1])
    index.view(str(file))
    return ApproximateIndex(index)


def create_hnsw_index(channels: int) -> "Index":
    """An empty index of vectors (channels,).

    Raises:
        MissingExtraError: usearch is not installed.
    """
    try:
        from usearch.index import Index
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"more than {MAX_EXACT_TRACKS} tracks need usearch; install it with `pip install 'genrelens[library]'`"
        ) from error

    return Index(ndim=channels, metric="cos", dtype="f16", expansion_search=_EFFORT)


def _build(catalog: Catalog, maker: EmbeddingModel, file: Path) -> None:
    """Write the index, and remove those of before; never are all embeddings in memory as they were."""
    index: Index | None = None
    for tracks, rows in iter_embeddings(catalog, maker):
        index = index if index is not None else create_hnsw_index(rows.shape[1])
        index.add(tracks, normalise(rows))
    assert index is not None
    with atomic_write(file) as target:
        index.save(target.name)
    for old in set(_indexes(catalog, maker)) - {file}:
        old.unlink(missing_ok=True)


def _indexes(catalog: Catalog, maker: EmbeddingModel) -> Iterator[Path]:
    return catalog.path.parent.glob(f"{glob.escape(_stem(catalog, maker))}*.usearch")


def _stem(catalog: Catalog, maker: EmbeddingModel) -> str:
    """How the names of a model's indexes begin."""
    return f"{catalog.path.name}-similar-{_hashed(maker.model, maker.version)}-"


def _hashed(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
