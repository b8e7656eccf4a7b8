"""A playlist: which tracks of a library, and in what order."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from genrelens.errors import NoTracksError
from genrelens.library.catalog import Catalog
from genrelens.library.names import Name, name_of
from genrelens.library.nearest import nearest
from genrelens.library.ordering import apart, smooth
from genrelens.library.similar import maker_of, ranked
from genrelens.library.tracks import Judged, Query, chosen, numbered
from genrelens.library.vectors import batches, unit, usual_maker

_PATIENCE = 200  # tracks in a row that are passed over, before a playlist counts as full
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
    allowed = chosen(catalog, wish.query)
    items = _filled(_candidates(catalog, wish, allowed), 60 * wish.minutes)
    if not items:
        raise NoTracksError("no track in the catalog is what was asked for; ask for less, or for more minutes")
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
    for number, _ in ranked(like, nearest(catalog, maker_of(like))):
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
    taken: list[Item] = []
    waiting: list[Item] = []  # until there is room between tracks of others
    passed = 0
    for item in candidates:
        passed += 1
        left = seconds - sum(own.seconds for own in taken)
        waiting = [own for own in (*waiting, item) if own.seconds <= left]
        while fit := next((own for own in waiting if own.seconds <= left and _has_room(taken, own)), None):
            waiting.remove(fit)
            taken.append(fit)
            left -= fit.seconds
            passed = 0
        if passed == _PATIENCE:
            break
    for item in waiting:
        if item.seconds <= seconds - sum(own.seconds for own in taken):
            taken.append(item)
    return taken


def _has_room(taken: list[Item], item: Item) -> bool:
    """Whether the list, the first track of which stays the first, can still be ordered with artists kept apart."""
    if item.name.artist is None:
        return True
    count = Counter(own.name.artist for own in taken)[item.name.artist] + 1
    places = len(taken) + 1
    if taken and taken[0].name.artist != item.name.artist:
        places -= 1
    return count <= (places + 1) // 2


def _smoothed(items: list[Item], artists: list[str | None]) -> list[int]:
    rows = unit(np.stack([np.asarray(item.track.embedding) for item in items]))
    return smooth(1 - rows @ rows.T, artists)
