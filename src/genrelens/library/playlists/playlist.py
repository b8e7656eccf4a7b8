"""A playlist: which tracks of a library, and in what order."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from genrelens.errors import NoTracksError
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.catalog.lookup import require_matching_ids
from genrelens.library.catalog.tracks import ClassifiedTrack, TrackQuery, load_tracks
from genrelens.library.playlists.ordering import separate_artists, smooth_order
from genrelens.library.similarity.embeddings import iter_embeddings, main_embedding_model, normalise
from genrelens.library.similarity.neighbours import open_index
from genrelens.library.similarity.similar import rank_by_similarity, require_embedding_model
from genrelens.library.tags.track_info import TrackName, read_track_name

_PATIENCE = 200  # tracks that are longer than what is left, since the last one taken: a playlist counts as full then
_TOGETHER = 1000  # tracks that are ordered at once: all distances between them are needed
_BATCH = 64  # tracks looked up at a time


@dataclass(frozen=True)
class PlaylistRequest:
    """What a playlist should be.

    Attributes:
        query: which tracks may be on it.
        minutes: that it lasts at most.
        like: what it should sound like; with its embedding. Without it, tracks are drawn.
        smooth: whether neighbours should be similar.
        seed: of the draw; None for another one each time.
    """

    query: TrackQuery
    minutes: float
    like: ClassifiedTrack | None = None
    smooth_order: bool = False
    seed: int | None = None


@dataclass(frozen=True)
class PlaylistItem:
    """A track on a playlist."""

    track: ClassifiedTrack
    name: TrackName

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.track.prediction.duration


def make_playlist(catalog: Catalog, wish: PlaylistRequest) -> list[PlaylistItem]:
    """The playlist of a wish.

    Tracks are taken from the most similar on, or as they are drawn, as long as they fit into the minutes; one that
    does not fit is passed over for the next that does. So it never lasts longer than was asked for. `like` is the
    first, if the query lets it. Of one artist there are only so many that no two need to follow each other, unless
    there is nothing else.

    Raises:
        NoTracksError: no track is what was asked for.
    """
    allowed = require_matching_ids(catalog, wish.query)
    items = _filled(_candidates(catalog, wish, allowed), 60 * wish.minutes)
    if not items:
        raise NoTracksError("no track that was asked for is short enough; ask for more minutes")
    artists = [item.name.artist for item in items]
    order = _smoothed(items, artists) if wish.smooth else separate_artists(list(range(len(items))), artists)
    return [items[place] for place in order]


def _candidates(catalog: Catalog, wish: PlaylistRequest, allowed: list[int]) -> Iterator[PlaylistItem]:
    """From the one that fits best on; tags are read only as far as tracks are asked for."""
    numbers = iter(_by_likeness(catalog, wish.like, set(allowed)) if wish.like else _drawn(catalog, wish, allowed))
    while batch := [number for number, _ in zip(numbers, range(_BATCH), strict=False)]:
        for track in load_tracks(catalog, batch, embeddings=wish.smooth):
            yield PlaylistItem(track, read_track_name(track.path))


def _by_likeness(catalog: Catalog, like: ClassifiedTrack, allowed: set[int]) -> Iterator[int]:
    if like.id in allowed:
        yield like.id
    left = allowed - {like.id}
    for number, _ in rank_by_similarity(like, open_index(catalog, require_embedding_model(like), allowed | {like.id})):
        if number in left:
            left.remove(number)
            yield number
        if not left:
            return


def _drawn(catalog: Catalog, wish: PlaylistRequest, allowed: list[int]) -> Iterable[int]:
    """In an order that the seed decides; for a smooth list, only those that can be compared."""
    if wish.smooth:
        comparable = {int(track) for tracks, _ in iter_embeddings(catalog, main_embedding_model(catalog)) for track in tracks}
        allowed = [number for number in allowed if number in comparable]
    return [int(number) for number in np.random.default_rng(wish.seed).permutation(allowed)]


def _filled(candidates: Iterable[PlaylistItem], seconds: float) -> list[PlaylistItem]:
    """What is taken of the candidates; those of an artist wait until there is room between tracks of others."""
    filling = _Filling(seconds)
    waiting: list[PlaylistItem] = []
    too_long = 0
    for item in candidates:
        if not filling.fits(item):
            too_long += 1
            if too_long == _PATIENCE:
                break
        elif filling.has_room(item):
            too_long = 0
            filling.take(item)
            while fit := next((own for own in waiting if filling.fits(own) and filling.has_room(own)), None):
                waiting.remove(fit)
                filling.take(fit)
        else:
            waiting.append(item)
    else:  # there are no others to come
        for item in waiting:
            if filling.fits(item):
                filling.take(item)
    return filling.taken


class _Filling:
    """A list that is being filled: what was taken, and what can still be."""

    def __init__(self, seconds: float) -> None:
        self.taken: list[PlaylistItem] = []
        self._left = seconds
        self._counts = Counter[str | None]()

    def take(self, item: PlaylistItem) -> None:
        self.taken.append(item)
        self._left -= item.seconds
        self._counts[item.name.artist] += 1

    def fits(self, item: PlaylistItem) -> bool:
        return item.seconds <= self._left

    def has_room(self, item: PlaylistItem) -> bool:
        """Whether the list, the first track of which stays the first, can still be ordered with artists kept apart."""
        artist = item.name.artist
        if artist is None:
            return True
        places = len(self.taken) + 1
        if self.taken and self.taken[0].name.artist != artist:
            places -= 1
        return self._counts[artist] + 1 <= (places + 1) // 2


def _smoothed(items: list[PlaylistItem], artists: list[str | None]) -> list[int]:
    """A smooth way through all; a long one is made of stretches, each of which goes on where the last one ended."""
    rows = normalise(np.stack([np.asarray(item.track.embedding) for item in items]))
    way = [0]
    for start in range(1, len(items), _TOGETHER):
        stretch = [way[-1], *range(start, min(start + _TOGETHER, len(items)))]
        order = smooth_order(1 - rows[stretch] @ rows[stretch].T, [artists[place] for place in stretch])
        way += [stretch[place] for place in order[1:]]
    return separate_artists(way, artists)  # a stretch may have too few others to keep one apart
