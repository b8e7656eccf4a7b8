"""The order of a playlist: similar neighbours, and no artist twice in a row."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Distances = NDArray[np.floating]

_SAME_ARTIST_COST = 1e3  # added to the distance of two tracks, which is 2 at most
_MAX_SWEEPS = 50  # of 2-opt over all tracks; more improve the order little
_MIN_GAIN = 1e-6  # smaller improvements count as rounding errors


def smooth_order(distances: Distances, artists: Sequence[str | None]) -> list[int]:
    """Return an order of tracks in which neighbours are similar; the first track stays first.

    Starts with the nearest remaining track at each step, then reverses sections as long as that shortens the path
    (2-opt; Croes, 1958).

    Args:
        distances: distances between all tracks, shape (n, n), symmetric, 0 to 2.
        artists: artist of each track; None if unknown.
    """
    cost = distances + _SAME_ARTIST_COST * _same_artist(artists)
    return _two_opt(separate_artists(_greedy_order(distances), artists), cost)


def separate_artists(order: Sequence[int], artists: Sequence[str | None]) -> list[int]:
    """Return the order, changed so that no artist appears twice in a row if possible; the first track stays first."""
    remaining, result = list(order), list[int]()
    counts = Counter(artists[track] for track in order if artists[track] is not None)
    while remaining:
        track = remaining[0] if not result else _next_track(remaining, artists, counts, artists[result[-1]])
        remaining.remove(track)
        result.append(track)
        if artists[track] is not None:
            counts[artists[track]] -= 1
    return result


def _next_track(
    remaining: list[int], artists: Sequence[str | None], counts: Counter[str | None], last: str | None
) -> int:
    """Return the first track by another artist; or by one with more than half of the remaining tracks, if any."""
    dominant = next((artist for artist, count in counts.items() if 2 * count > len(remaining)), None)
    for track in remaining:
        artist = artists[track]
        if (artist is None or artist != last) and (dominant in (None, last) or artist == dominant):
            return track
    return remaining[0]


def _same_artist(artists: Sequence[str | None]) -> NDArray[np.bool_]:
    """Return whether each pair of tracks has the same artist, shape (n, n); unknown artists all differ."""
    codes = {artist: code for code, artist in enumerate(dict.fromkeys(artists))}
    track_codes = np.array([-index - 1 if artist is None else codes[artist] for index, artist in enumerate(artists)])
    return np.asarray(track_codes[:, None] == track_codes)


def _greedy_order(distances: Distances) -> list[int]:
    order, remaining = [0], np.ones(len(distances), bool)
    remaining[0] = False
    while remaining.any():
        order.append(int(np.argmin(np.where(remaining, distances[order[-1]], np.inf))))
        remaining[order[-1]] = False
    return order


def _two_opt(order: list[int], cost: Distances) -> list[int]:
    """Reverse sections wherever that reduces the cost of the path; its last track may change."""
    path = np.array(order)
    for _ in range(_MAX_SWEEPS):
        improved = False
        for start in range(1, len(path) - 1):
            gains = _reversal_gains(path, cost, start)
            best = int(np.argmax(gains))
            if gains[best] > _MIN_GAIN:
                path[start : start + best + 1] = path[start : start + best + 1][::-1].copy()
                improved = True
        if not improved:
            break
    return [int(track) for track in path]


def _reversal_gains(path: NDArray[np.int_], cost: Distances, start: int) -> NDArray[np.floating]:
    """Return the cost saved by reversing the section from `start` to each position from there on."""
    before, first, ends = path[start - 1], path[start], path[start:]
    gains = cost[before, first] - cost[before, ends]
    gains[:-1] += cost[ends[:-1], ends[1:]] - cost[first, ends[1:]]
    return np.asarray(gains)
