"""The order of a playlist: neighbours that are similar, and artists that do not follow themselves."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Distances = NDArray[np.floating]

_SAME_ARTIST = 1e3  # what it costs, in distances between tracks, which are 2 at most
_SWEEPS = 50  # over all tracks, after which the order is good enough
_GAIN = 1e-6  # below which a change is none


def smooth_order(distances: Distances, artists: Sequence[str | None]) -> list[int]:
    """An order of tracks, the first of which stays the first, in which neighbours are near to each other.

    From each track to the nearest one left, then improved by turning stretches round as long as that makes the way
    shorter (2-opt; Croes, 1958).

    Args:
        distances: between all tracks (n, n), symmetrical, 0 to 2.
        artists: of each; None where it is not known.
    """
    cost = distances + _SAME_ARTIST * _same(artists)
    return _two_opt(separate_artists(_greedy(distances), artists), cost)


def separate_artists(order: Sequence[int], artists: Sequence[str | None]) -> list[int]:
    """The order, changed where an artist would follow himself, as far as that can be avoided; the first stays."""
    left, result = list(order), list[int]()
    counts = Counter(artists[place] for place in order if artists[place] is not None)
    while left:
        place = left[0] if not result else _next(left, artists, counts, artists[result[-1]])
        left.remove(place)
        result.append(place)
        if artists[place] is not None:
            counts[artists[place]] -= 1
    return result


def path_length(order: Sequence[int], distances: Distances) -> float:
    """How long the way through all tracks is."""
    return float(distances[order[:-1], order[1:]].sum())


def _next(left: list[int], artists: Sequence[str | None], counts: Counter[str | None], last: str | None) -> int:
    """The first of another artist; or of one who takes more than half of what is left, who must not wait."""
    urgent = next((artist for artist, count in counts.items() if 2 * count > len(left)), None)
    for place in left:
        artist = artists[place]
        if (artist is None or artist != last) and (urgent in (None, last) or artist == urgent):
            return place
    return left[0]


def _same(artists: Sequence[str | None]) -> NDArray[np.bool_]:
    codes = {artist: code for code, artist in enumerate(dict.fromkeys(artists))}
    own = np.array([-place - 1 if artist is None else codes[artist] for place, artist in enumerate(artists)])
    return np.asarray(own[:, None] == own)


def _greedy(distances: Distances) -> list[int]:
    order, left = [0], np.ones(len(distances), bool)
    left[0] = False
    while left.any():
        order.append(int(np.argmin(np.where(left, distances[order[-1]], np.inf))))
        left[order[-1]] = False
    return order


def _two_opt(order: list[int], cost: Distances) -> list[int]:
    """Turn round the stretch from one place to another wherever that makes the way cheaper; its end is free."""
    way = np.array(order)
    for _ in range(_SWEEPS):
        improved = False
        for start in range(1, len(way) - 1):
            gains = _gains(way, cost, start)
            best = int(np.argmax(gains))
            if gains[best] > _GAIN:
                way[start : start + best + 1] = way[start : start + best + 1][::-1].copy()
                improved = True
        if not improved:
            break
    return [int(place) for place in way]


def _gains(way: NDArray[np.int_], cost: Distances, start: int) -> NDArray[np.floating]:
    """What is saved by turning round the stretch from `start` up to each place from there on."""
    before, first, ends = way[start - 1], way[start], way[start:]
    gains = cost[before, first] - cost[before, ends]
    gains[:-1] += cost[ends[:-1], ends[1:]] - cost[first, ends[1:]]
    return np.asarray(gains)
