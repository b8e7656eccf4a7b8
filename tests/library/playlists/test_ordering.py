from itertools import pairwise, permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from genrelens.library.playlists.ordering import separate_artists, smooth_order

ARTISTS = st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=7)


def path_length(order: list[int], distances: NDArray[np.floating]) -> float:
    return float(distances[order[:-1], order[1:]].sum())


def count_repeats(order: list[int], artists: list[str | None]) -> int:
    return sum(artists[first] is not None and artists[first] == artists[second] for first, second in pairwise(order))


@given(ARTISTS)
def test_no_artist_appears_twice_in_a_row_if_possible(artists: list[str | None]) -> None:
    order = separate_artists(list(range(len(artists))), artists)
    assert order[0] == 0
    assert sorted(order) == list(range(len(artists)))
    possible = ([0, *rest] for rest in permutations(range(1, len(artists))))
    if any(count_repeats(other, artists) == 0 for other in possible):
        assert count_repeats(order, artists) == 0


@given(ARTISTS, st.integers(0, 100))
def test_smooth_order_separates_artists_too(artists: list[str | None], seed: int) -> None:
    points = np.random.default_rng(seed).standard_normal((len(artists), 2))
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    order = smooth_order(distances, artists)
    assert order[0] == 0
    assert sorted(order) == list(range(len(artists)))
    assert count_repeats(order, artists) <= count_repeats(separate_artists(list(range(len(artists))), artists), artists)


def test_two_opt_finds_the_shortest_path() -> None:
    positions = np.array([0.0, 1.0, -1.5, 3.0, -5.0, 8.0, -12.0])  # the greedy order alternates between both ends
    distances = np.abs(positions[:, None] - positions)
    order = smooth_order(distances, [None] * 7)
    best = min(path_length([0, *rest], distances) for rest in permutations(range(1, 7)))
    assert path_length(order, distances) == best == 28.0


def test_order_is_kept_where_artists_allow_it() -> None:
    assert separate_artists([0, 1, 2, 3], ["a", "b", "a", "b"]) == [0, 1, 2, 3]
    assert separate_artists([0, 1, 2, 3], ["a", "a", "b", None]) == [0, 2, 1, 3]
    assert separate_artists([0, 1, 2], ["a", "a", "a"]) == [0, 1, 2]
