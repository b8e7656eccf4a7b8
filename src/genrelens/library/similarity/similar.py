"""Tracks that sound like another one."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from genrelens.errors import NoTracksError, display_name
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.catalog.lookup import require_matching_ids
from genrelens.library.catalog.tracks import ClassifiedTrack, TrackQuery, load_tracks
from genrelens.library.similarity.embeddings import EmbeddingModel, normalise
from genrelens.library.similarity.neighbours import NeighbourIndex, open_index


@dataclass(frozen=True)
class Neighbour:
    """A track, and how similar it is to the one asked about: the cosine of their embeddings, -1 to 1."""

    track: ClassifiedTrack
    similarity: float


def find_similar(catalog: Catalog, like: ClassifiedTrack, count: int, query: TrackQuery, knower: NeighbourIndex | None = None) -> list[Neighbour]:
    """The tracks among those of a query that are most similar to another one, which is not among them.

    Args:
        catalog: has them all.
        like: with its embedding.
        count: the most that are told.
        query: which tracks to consider.
        knower: what `open_index` gave for its model and these tracks, for those who ask often.

    Raises:
        NoTracksError: the track has no embedding, or no track is what was asked for.
    """
    allowed = set(require_matching_ids(catalog, query)) - {like.id}
    knower = knower or open_index(catalog, require_embedding_model(like), allowed | {like.id})
    best: dict[int, float] = {}
    for number, similarity in rank_by_similarity(like, knower):
        if len(best) == min(count, len(allowed)):
            break
        if number in allowed:
            best[number] = similarity
    return [Neighbour(track, best[track.id]) for track in load_tracks(catalog, [*best])]


def rank_by_similarity(like: ClassifiedTrack, knower: NeighbourIndex) -> Iterator[tuple[int, float]]:
    """All tracks that can be compared with one, and how similar they are to it, from the nearest on."""
    require_embedding_model(like)
    assert like.embedding is not None
    for tracks, similarities in knower.neighbours(normalise(np.asarray(like.embedding))):
        yield from zip(tracks.tolist(), similarities.tolist(), strict=True)


def require_embedding_model(track: ClassifiedTrack) -> EmbeddingModel:
    """The model of a track's embedding.

    Raises:
        NoTracksError: it has none.
    """
    if track.embedding is None:
        told = f"{display_name(track.path)} has no embedding: {track.prediction.model} gives none; judge it with lens or mn04"
        raise NoTracksError(told)
    return EmbeddingModel(track.prediction.model, track.prediction.version)
