"""Playlists: what is on them."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from genrelens.errors import NoTracksError
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.catalog.lookup import find_track
from genrelens.library.catalog.tracks import TrackQuery
from genrelens.library.playlists import ordering, playlist
from genrelens.library.playlists.playlist import PlaylistRequest, make_playlist
from genrelens.library.tags.track_info import TrackName
from tests.support.catalog import fill_catalog, insert_track, simple_prediction

GENRES = ["jazz", "rock"] * 15  # of 200 s each
EMBEDDING = np.arange(8, dtype=np.float32)


def numbers(catalog: Catalog, wish: PlaylistRequest) -> list[int]:
    return [item.track.id for item in make_playlist(catalog, wish)]


def test_it_begins_with_the_track_and_goes_on_alike(catalog: Catalog, tmp_path: Path) -> None:
    fill_catalog(catalog, tmp_path, GENRES)
    for smooth in (False, True):
        items = make_playlist(catalog, PlaylistRequest(TrackQuery(), 60, find_track(catalog, "3"), smooth))
        assert items[0].track.id == 3
        assert len(items) == 18  # of 200 s
        assert {item.track.prediction.genre for item in items[:10]} == {"jazz"}


def test_a_track_that_the_query_does_not_let_in_is_only_the_model_for_others(catalog: Catalog, tmp_path: Path) -> None:
    fill_catalog(catalog, tmp_path, GENRES)
    items = make_playlist(catalog, PlaylistRequest(TrackQuery(genre="rock"), 600, find_track(catalog, "3")))
    assert sorted(item.track.id for item in items) == list(range(2, 31, 2))


def test_draws_depend_on_the_seed_alone(catalog: Catalog, tmp_path: Path) -> None:
    fill_catalog(catalog, tmp_path, GENRES)
    first, again, other = (numbers(catalog, PlaylistRequest(TrackQuery(), 20, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert len(set(first)) == 6


def test_what_does_not_fit_is_passed_over(catalog: Catalog, tmp_path: Path) -> None:
    for number, seconds in enumerate((200.0, 500.0, 90.0, 60.0, 40.0)):
        insert_track(catalog, simple_prediction(tmp_path / f"{number}.mp3", seconds=seconds), EMBEDDING * number)
    items = make_playlist(catalog, PlaylistRequest(TrackQuery(), 5, seed=0))
    total = sum(item.seconds for item in items)
    assert total <= 300
    left = [s for s in (200.0, 500.0, 90.0, 60.0, 40.0) if s not in [item.seconds for item in items]]
    assert all(total + seconds > 300 for seconds in left)


def test_nothing_is_an_error(catalog: Catalog, tmp_path: Path) -> None:
    fill_catalog(catalog, tmp_path, GENRES)
    for wish, sentence in (
        (PlaylistRequest(TrackQuery(genre="polka"), 60), "genres are jazz, rock$"),
        (PlaylistRequest(TrackQuery(), 1), "ask for more minutes$"),
        (PlaylistRequest(TrackQuery(min_confidence=0.9), 60, smooth=True), "ask for less$"),
    ):
        with pytest.raises(NoTracksError, match=sentence):
            make_playlist(catalog, wish)


def test_a_smooth_draw_has_only_tracks_that_can_be_compared(catalog: Catalog, tmp_path: Path) -> None:
    fill_catalog(catalog, tmp_path, GENRES)
    mute = insert_track(catalog, simple_prediction(tmp_path / "mute.mp3"), None)
    assert mute not in numbers(catalog, PlaylistRequest(TrackQuery(), 1000, smooth=True))
    assert mute in numbers(catalog, PlaylistRequest(TrackQuery(), 1000))


@pytest.mark.parametrize("smooth", [False, True])
def test_one_artist_does_not_fill_it_while_there_are_others(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, smooth: bool
) -> None:
    fill_catalog(catalog, tmp_path, GENRES)  # all jazz is by one, and most like the track
    artists = {tmp_path / f"{place}.mp3": "Ella" if genre == "jazz" else None for place, genre in enumerate(GENRES)}
    monkeypatch.setattr(playlist, "read_track_name", lambda path: TrackName(path.stem, artists[path]))
    wish = PlaylistRequest(TrackQuery(), 40, find_track(catalog, "1"), smooth)
    items = make_playlist(catalog, wish)
    assert len(items) == 12
    assert all(not (one.name.artist == next_.name.artist == "Ella") for one, next_ in pairwise(items))
    assert sum(item.name.artist == "Ella" for item in items) == 6
    alone = make_playlist(catalog, PlaylistRequest(TrackQuery(genre="jazz"), 40, find_track(catalog, "1"), smooth))
    assert len(alone) == 12  # where there is no one else, the same artist is better than silence


def test_a_long_smooth_list_is_ordered_in_stretches(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_catalog(catalog, tmp_path, GENRES)
    monkeypatch.setattr(playlist, "_TOGETHER", 7)
    monkeypatch.setattr(playlist, "read_track_name", lambda path: TrackName(path.stem, f"artist {int(path.stem) % 3}"))
    sizes: list[int] = []

    def watched(distances: np.ndarray, artists: list[str | None]) -> list[int]:
        sizes.append(len(distances))
        return ordering.smooth_order(distances, artists)

    monkeypatch.setattr(playlist, "smooth", watched)
    items = make_playlist(catalog, PlaylistRequest(TrackQuery(), 1000, find_track(catalog, "1"), smooth=True))
    assert sorted(item.track.id for item in items) == list(range(1, 31))
    assert items[0].track.id == 1
    assert max(sizes) == 8
    assert all(one.name.artist != next_.name.artist for one, next_ in pairwise(items))


def test_many_tracks_of_one_artist_wait_for_others_however_far(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = np.random.default_rng(0).normal([[4.0]] * 300 + [[-4.0]] * 300, 1.0, (600, 8)).astype(np.float32)
    for number, row in enumerate(rows):
        insert_track(catalog, simple_prediction(tmp_path / f"{number}.mp3"), row)
    monkeypatch.setattr(
        playlist, "read_track_name", lambda path: TrackName(path.stem, "Ella" if int(path.stem) < 300 else path.stem)
    )
    items = make_playlist(catalog, PlaylistRequest(TrackQuery(), 100, find_track(catalog, "1")))
    assert len(items) == 30
    assert sum(item.name.artist == "Ella" for item in items) == 15
    assert all(not (one.name.artist == next_.name.artist == "Ella") for one, next_ in pairwise(items))


def test_a_library_of_one_artist_fills_a_day(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(500):
        insert_track(catalog, simple_prediction(tmp_path / f"{number}.mp3"), None)
    monkeypatch.setattr(playlist, "read_track_name", lambda path: TrackName(path.stem, "Ella"))
    assert len(make_playlist(catalog, PlaylistRequest(TrackQuery(), 24 * 60))) == 24 * 60 * 60 // 200
