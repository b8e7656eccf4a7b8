"""A playlist: which tracks of a library, and in what order."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from genrelens.errors import NoTracksError
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.catalog.lookup import wanted
from genrelens.library.catalog.tracks import Judged, Query, numbered
from genrelens.library.playlists.ordering import apart, smooth
from genrelens.library.similarity.nearest import nearest
from genrelens.library.similarity.similar import maker_of, ranked
from genrelens.library.similarity.vectors import batches, unit, usual_maker
from genrelens.library.tags.names import Name, name_of

_PATIENCE = 200  # tracks that are longer than what is left, since the last one taken: a playlist counts as full then
_TOGETHER = 1000  # tracks that are ordered at once: all distances between them are needed
_BATCH = 64  # tracks looked up at a time


@dataclass(frozen=True)
class Wish:
    """What a playlist should be.

    Attributes:
        query: which tracks may be on it.
        minutes: that it lasts at most.
        like: what it should sound like; with its embedding. Without it, tracks are drawn.
        smooth: whether neighbours should be similar.
        seed: of the draw; None for another one each time.
    """

    query: Query
    minutes: float
    like: Judged | None = None
    smooth: bool = False
    seed: int | None = None


@dataclass(frozen=True)
class Item:
    """A track on a playlist."""

    track: Judged
    name: Name

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.track.prediction.duration


def make_playlist(catalog: Catalog, wish: Wish) -> list[Item]:
    """The playlist of a wish.

    Tracks are taken from the most similar on, or as they are drawn, as long as they fit into the minutes; one that
    does not fit is passed over for the next that does. So it never lasts longer than was asked for. `like` is the
    first, if the query lets it. Of one artist there are only so many that no two need to follow each other, unless
    there is nothing else.

    Raises:
        NoTracksError: no track is what was asked for.
    """
    allowed = wanted(catalog, wish.query)
    items = _filled(_candidates(catalog, wish, allowed), 60 * wish.minutes)
    if not items:
        raise NoTracksError("no track that was asked for is short enough; ask for more minutes")
    artists = [item.name.artist for item in items]
    order = _smoothed(items, artists) if wish.smooth else apart(list(range(len(items))), artists)
    return [items[place] for place in order]


def _candidates(catalog: Catalog, wish: Wish, allowed: list[int]) -> Iterator[Item]:
    """From the one that fits best on; tags are read only as far as tracks are asked for."""
    numbers = iter(_by_likeness(catalog, wish.like, set(allowed)) if wish.like else _drawn(catalog, wish, allowed))
    while batch := [number for number, _ in zip(numbers, range(_BATCH), strict=False)]:
        for track in numbered(catalog, batch, embeddings=wish.smooth):
            yield Item(track, name_of(track.path))


def _by_likeness(catalog: Catalog, like: Judged, allowed: set[int]) -> Iterator[int]:
    if like.id in allowed:
        yield like.id
    left = allowed - {like.id}
    for number, _ in ranked(like, nearest(catalog, maker_of(like), allowed | {like.id})):
        if number in left:
            left.remove(number)
            yield number
        if not left:
            return


def _drawn(catalog: Catalog, wish: Wish, allowed: list[int]) -> Iterable[int]:
    """In an order that the seed decides; for a smooth list, only those that can be compared."""
    if wish.smooth:
        comparable = {int(track) for tracks, _ in batches(catalog, usual_maker(catalog)) for track in tracks}
        allowed = [number for number in allowed if number in comparable]
    return [int(number) for number in np.random.default_rng(wish.seed).permutation(allowed)]


def _filled(candidates: Iterable[Item], seconds: float) -> list[Item]:
    """What is taken of the candidates; those of an artist wait until there is room between tracks of others."""
    filling = _Filling(seconds)
    waiting: list[Item] = []
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
        self.taken: list[Item] = []
        self._left = seconds
        self._counts = Counter[str | None]()

    def take(self, item: Item) -> None:
        self.taken.append(item)
        self._left -= item.seconds
        self._counts[item.name.artist] += 1

    def fits(self, item: Item) -> bool:
        return item.seconds <= self._left

    def has_room(self, item: Item) -> bool:
        """Whether the list, the first track of which stays the first, can still be ordered with artists kept apart."""
        artist = item.name.artist
        if artist is None:
            return True
        places = len(self.taken) + 1
        if self.taken and self.taken[0].name.artist != artist:
            places -= 1
        return self._counts[artist] + 1 <= (places + 1) // 2


def _smoothed(items: list[Item], artists: list[str | None]) -> list[int]:
    """A smooth way through all; a long one is made of stretches, each of which goes on where the last one ended."""
    rows = unit(np.stack([np.asarray(item.track.embedding) for item in items]))
    way = [0]
    for start in range(1, len(items), _TOGETHER):
        stretch = [way[-1], *range(start, min(start + _TOGETHER, len(items)))]
        order = smooth(1 - rows[stretch] @ rows[stretch].T, [artists[place] for place in stretch])
        way += [stretch[place] for place in order[1:]]
    return apart(way, artists)  # a stretch may have too few others to keep one apart
