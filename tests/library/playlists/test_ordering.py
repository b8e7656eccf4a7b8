"""The order of playlists."""

from itertools import pairwise, permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from genrelens.library.playlists.ordering import path_length, separate_artists, smooth_order

ARTISTS = st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=7)


def repeats(order: list[int], artists: list[str | None]) -> int:
    return sum(artists[one] is not None and artists[one] == artists[next_] for one, next_ in pairwise(order))


@given(ARTISTS)
def test_no_artist_follows_himself_if_that_can_be_avoided(artists: list[str | None]) -> None:
    order = separate_artists(list(range(len(artists))), artists)
    assert order[0] == 0
    assert sorted(order) == list(range(len(artists)))
    possible = ([0, *rest] for rest in permutations(range(1, len(artists))))
    if any(repeats(other, artists) == 0 for other in possible):
        assert repeats(order, artists) == 0


@given(ARTISTS, st.integers(0, 100))
def test_a_smooth_way_keeps_that_and_is_no_longer_than_the_greedy_one(artists: list[str | None], seed: int) -> None:
    points = np.random.default_rng(seed).standard_normal((len(artists), 2))
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    order = smooth_order(distances, artists)
    assert order[0] == 0
    assert sorted(order) == list(range(len(artists)))
    assert repeats(order, artists) <= repeats(separate_artists(list(range(len(artists))), artists), artists)


def test_crossings_are_undone() -> None:
    places = np.array([0.0, 1.0, -1.5, 3.0, -5.0, 8.0, -12.0])  # where the nearest one left leads to and fro
    distances = np.abs(places[:, None] - places)
    order = smooth_order(distances, [None] * 7)
    best = min(path_length([0, *rest], distances) for rest in permutations(range(1, 7)))
    assert path_length(order, distances) == best == 28.0


def test_artists_keep_the_order_where_they_can() -> None:
    assert separate_artists([0, 1, 2, 3], ["a", "b", "a", "b"]) == [0, 1, 2, 3]
    assert separate_artists([0, 1, 2, 3], ["a", "a", "b", None]) == [0, 2, 1, 3]
    assert separate_artists([0, 1, 2], ["a", "a", "a"]) == [0, 1, 2]
