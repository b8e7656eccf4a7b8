"""Tracks that sound like another one."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from genrelens.errors import NoTracksError, shown
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.catalog.lookup import wanted
from genrelens.library.catalog.tracks import Judged, Query, numbered
from genrelens.library.similarity.nearest import Nearest, nearest
from genrelens.library.similarity.vectors import Maker, unit


@dataclass(frozen=True)
class Similar:
    """A track, and how similar it is to the one asked about: the cosine of their embeddings, -1 to 1."""

    track: Judged
    similarity: float


def similar(catalog: Catalog, like: Judged, count: int, query: Query, knower: Nearest | None = None) -> list[Similar]:
    """The tracks among those of a query that are most similar to another one, which is not among them.

    Args:
        catalog: has them all.
        like: with its embedding.
        count: the most that are told.
        query: which tracks to consider.
        knower: what `nearest` gave for its model and these tracks, for those who ask often.

    Raises:
        NoTracksError: the track has no embedding, or no track is what was asked for.
    """
    allowed = set(wanted(catalog, query)) - {like.id}
    knower = knower or nearest(catalog, maker_of(like), allowed | {like.id})
    best: dict[int, float] = {}
    for number, similarity in ranked(like, knower):
        if len(best) == min(count, len(allowed)):
            break
        if number in allowed:
            best[number] = similarity
    return [Similar(track, best[track.id]) for track in numbered(catalog, [*best])]


def ranked(like: Judged, knower: Nearest) -> Iterator[tuple[int, float]]:
    """All tracks that can be compared with one, and how similar they are to it, from the nearest on."""
    maker_of(like)
    assert like.embedding is not None
    for tracks, similarities in knower.ranked(unit(np.asarray(like.embedding))):
        yield from zip(tracks.tolist(), similarities.tolist(), strict=True)


def maker_of(track: Judged) -> Maker:
    """The model of a track's embedding.

    Raises:
        NoTracksError: it has none.
    """
    if track.embedding is None:
        told = f"{shown(track.path)} has no embedding: {track.prediction.model} gives none; judge it with lens or mn04"
        raise NoTracksError(told)
    return Maker(track.prediction.model, track.prediction.version)
