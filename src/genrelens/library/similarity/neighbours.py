"""Nearest-neighbour search over embeddings: exact for most libraries, approximate for very large ones."""

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

MAX_EXACT_TRACKS = 250_000  # largest library that is searched exhaustively; measured by benchmarks/similar.py
_FIRST_QUERY = 256  # neighbours requested from the graph at first
_QUERY_GROWTH = 8  # factor by which each further request is larger
_SEARCH_CANDIDATES = 256  # HNSW's ef, which determines the recall


class NeighbourIndex(Protocol):
    """An index that ranks tracks by similarity."""

    def neighbours(self, vector: FloatArray) -> Iterator[tuple[IdArray, FloatArray]]:
        """Yield batches of track ids and cosine similarities, -1 to 1, both of shape (n,), most similar first.

        Args:
            vector: query of unit length, shape (channels,).
        """


class ExactIndex:
    """An index that compares the query with every embedding."""

    def __init__(self, embeddings: EmbeddingMatrix) -> None:
        self._embeddings = embeddings

    def neighbours(self, vector: FloatArray) -> Iterator[tuple[IdArray, FloatArray]]:
        """Yield all tracks in one batch."""
        similarity = self._embeddings.rows @ vector
        order = np.argsort(-similarity, kind="stable")
        yield self._embeddings.ids[order], similarity[order]


class ApproximateIndex:
    """A graph of neighbours (HNSW; Malkov & Yashunin, 2018) in a memory-mapped file."""

    def __init__(self, index: "Index") -> None:
        self._index = index

    def neighbours(self, vector: FloatArray) -> Iterator[tuple[IdArray, FloatArray]]:
        """Yield growing batches, so that callers that skip many tracks still find enough.

        Tracks that the graph search does not reach are missing: some that are far away, or among many identical ones.
        """
        requested, yielded = 0, set[int]()
        while requested < len(self._index):
            requested = min(len(self._index), requested * _QUERY_GROWTH or _FIRST_QUERY)
            matches = self._index.search(vector, requested)
            is_new = np.array([int(key) not in yielded for key in matches.keys], bool)
            ids = np.asarray(matches.keys, np.int64)[is_new]
            yielded.update(ids.tolist())
            yield ids, (1 - np.asarray(matches.distances, np.float32))[is_new]


def open_index(catalog: Catalog, model: EmbeddingModel, ids: Collection[int], *, build: bool = True) -> NeighbourIndex:
    """Open an index of the tracks with embeddings by one model.

    Args:
        catalog: the catalog with the embeddings.
        model: model that computed the embeddings.
        ids: ids of the tracks to search; an approximate index contains other tracks too.
        build: whether to build or update an approximate index if needed, which takes minutes; otherwise the newest
            existing one is used.

    Raises:
        NoTracksError: no track has such an embedding, or `build` is False and an index is missing.
        MissingExtraError: an approximate index is needed, and usearch is not installed.
    """
    if len(ids) <= MAX_EXACT_TRACKS:
        return ExactIndex(load_embeddings(catalog, model, ids))
    file = _current_index_file(catalog, model) if build else _newest_index_file(catalog, model)
    return _open_approximate_index(catalog, model, file)


def create_hnsw_index(channels: int) -> "Index":
    """Create an empty index of vectors of shape (channels,).

    Raises:
        MissingExtraError: usearch is not installed.
    """
    try:
        from usearch.index import Index
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"more than {MAX_EXACT_TRACKS} tracks need usearch; install it with `pip install 'genrelens[library]'`"
        ) from error

    return Index(ndim=channels, metric="cos", dtype="f16", expansion_search=_SEARCH_CANDIDATES)


def _current_index_file(catalog: Catalog, model: EmbeddingModel) -> Path:
    """Return the index file next to the catalog, built again if the catalog has changed."""
    file = catalog.path.with_name(f"{_file_prefix(catalog, model)}{_hash(catalog_revision(catalog))}.usearch")
    if not file.exists():
        _build_index(catalog, model, file)
    return file


def _newest_index_file(catalog: Catalog, model: EmbeddingModel) -> Path:
    files = sorted(_index_files(catalog, model), key=lambda file: file.stat().st_mtime_ns)
    if not files:
        raise NoTracksError("a library of this size needs an index; build it with `genrelens library similar TRACK`")
    return files[-1]


def _open_approximate_index(catalog: Catalog, model: EmbeddingModel, file: Path) -> ApproximateIndex:
    _, rows = next(iter_embeddings(catalog, model))
    index = create_hnsw_index(rows.shape[1])
    index.view(str(file))
    return ApproximateIndex(index)


def _build_index(catalog: Catalog, model: EmbeddingModel, file: Path) -> None:
    """Build and write the index batch by batch, and remove earlier ones of the same model."""
    index: Index | None = None
    for ids, rows in iter_embeddings(catalog, model):
        index = index if index is not None else create_hnsw_index(rows.shape[1])
        index.add(ids, normalise(rows))
    assert index is not None
    with atomic_write(file) as target:
        index.save(target.name)
    for outdated in set(_index_files(catalog, model)) - {file}:
        outdated.unlink(missing_ok=True)


def _index_files(catalog: Catalog, model: EmbeddingModel) -> Iterator[Path]:
    return catalog.path.parent.glob(f"{glob.escape(_file_prefix(catalog, model))}*.usearch")


def _file_prefix(catalog: Catalog, model: EmbeddingModel) -> str:
    """Return the common prefix of the names of a model's index files."""
    return f"{catalog.path.name}-similar-{_hash(model.name, model.version)}-"


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
