"""Tracks that sound similar to a given one: exact search for most libraries, approximate for very large ones."""

import glob
import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from genrelens.errors import MissingExtraError, NoTracksError, display_name
from genrelens.files import atomic_write
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.catalog.lookup import require_matching_ids
from genrelens.library.catalog.tracks import ClassifiedTrack, TrackQuery, load_tracks
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


@dataclass(frozen=True)
class Neighbour:
    """A track and the cosine similarity, -1 to 1, of its embedding to the given track's."""

    track: ClassifiedTrack
    similarity: float


class NeighbourIndex(Protocol):
    """An index that ranks tracks by similarity."""

    def neighbours(self, vector: FloatArray) -> Iterator[tuple[IdArray, FloatArray]]:
        """Yield batches of track ids and cosine similarities, -1 to 1, both of shape (n,), most similar first.

        The query `vector`, shape (channels,), has unit length.
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


def find_similar(
    catalog: Catalog, track: ClassifiedTrack, count: int, query: TrackQuery, index: NeighbourIndex | None = None
) -> list[Neighbour]:
    """Return the tracks matching a query that are most similar to a track, most similar first, without that track.

    Args:
        catalog: the catalog of the tracks.
        track: the track to compare with, loaded with its embedding.
        count: maximum number of results.
        query: selection of the tracks to consider.
        index: result of `open_index` for the track's model and these tracks, for repeated calls; opened if None.

    Raises:
        NoTracksError: the track has no embedding, or no track matches the query.
    """
    allowed = set(require_matching_ids(catalog, query)) - {track.id}
    index = index or open_index(catalog, require_embedding_model(track), allowed | {track.id})
    similarities: dict[int, float] = {}
    for track_id, similarity in rank_by_similarity(track, index):
        if len(similarities) == min(count, len(allowed)):
            break
        if track_id in allowed:
            similarities[track_id] = similarity
    return [Neighbour(found, similarities[found.id]) for found in load_tracks(catalog, [*similarities])]


def rank_by_similarity(track: ClassifiedTrack, index: NeighbourIndex) -> Iterator[tuple[int, float]]:
    """Yield track ids with their similarity to a track, most similar first."""
    require_embedding_model(track)
    assert track.embedding is not None
    for ids, similarities in index.neighbours(normalise(np.asarray(track.embedding))):
        yield from zip(ids.tolist(), similarities.tolist(), strict=True)


def require_embedding_model(track: ClassifiedTrack) -> EmbeddingModel:
    """Return the model that computed a track's embedding.

    Raises:
        NoTracksError: the track has no embedding.
    """
    if track.embedding is None:
        reason = f"{display_name(track.path)} has no embedding, as {track.prediction.model} does not compute any"
        raise NoTracksError(f"{reason}; classify it with lens or mn04")
    return EmbeddingModel(track.prediction.model, track.prediction.version)


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
    _, rows = next(iter_embeddings(catalog, model))
    index = create_hnsw_index(rows.shape[1])
    index.view(str(file))
    return ApproximateIndex(index)


def create_hnsw_index(channels: int) -> "Index":
    """Create an empty index of vectors of shape (channels,).

    Raises:
        MissingExtraError: usearch is not installed.
    """
    try:
        from usearch.index import Index
    except ModuleNotFoundError as error:
        remedy = "install it with `pip install 'genrelens[library]'`"
        raise MissingExtraError(f"more than {MAX_EXACT_TRACKS} tracks need usearch; {remedy}") from error
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
