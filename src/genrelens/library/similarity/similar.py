"""Search for tracks that sound similar to a given track."""

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
    """A track and the cosine similarity, -1 to 1, of its embedding to the given track's."""

    track: ClassifiedTrack
    similarity: float


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
        raise NoTracksError(
            f"{display_name(track.path)} has no embedding, as {track.prediction.model} does not compute any;"
            " classify it with lens or mn04"
        )
    return EmbeddingModel(track.prediction.model, track.prediction.version)
