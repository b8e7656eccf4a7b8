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

GENRES = ["jazz", "rock"] * 15  # 200 s each
EMBEDDING = np.arange(8, dtype=np.float32)


def track_ids(catalog: Catalog, request: PlaylistRequest) -> list[int]:
    return [item.track.id for item in make_playlist(catalog, request)]


def test_playlist_starts_with_the_track_and_continues_with_similar_ones(catalog: Catalog, tmp_path: Path) -> None:
    fill_catalog(catalog, tmp_path, GENRES)
    for smooth in (False, True):
        items = make_playlist(catalog, PlaylistRequest(TrackQuery(), 60, find_track(catalog, "3"), smooth))
        assert items[0].track.id == 3
        assert len(items) == 18  # 200 s each
        assert {item.track.prediction.genre for item in items[:10]} == {"jazz"}


def test_track_that_does_not_match_the_query_is_only_the_reference(catalog: Catalog, tmp_path: Path) -> None:
    fill_catalog(catalog, tmp_path, GENRES)
    items = make_playlist(catalog, PlaylistRequest(TrackQuery(genre="rock"), 600, find_track(catalog, "3")))
    assert sorted(item.track.id for item in items) == list(range(2, 31, 2))


def test_long_playlist_has_every_track(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playlist, "_BATCH_TRACKS", 4)
    fill_catalog(catalog, tmp_path, GENRES)
    assert sorted(track_ids(catalog, PlaylistRequest(TrackQuery(), 600))) == list(range(1, 31))


def test_seed_determines_the_selection(catalog: Catalog, tmp_path: Path) -> None:
    fill_catalog(catalog, tmp_path, GENRES)
    first, again, other = (track_ids(catalog, PlaylistRequest(TrackQuery(), 20, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert len(set(first)) == 6


def test_tracks_that_do_not_fit_are_skipped(catalog: Catalog, tmp_path: Path) -> None:
    for number, seconds in enumerate((200.0, 500.0, 90.0, 60.0, 40.0)):
        insert_track(catalog, simple_prediction(tmp_path / f"{number}.mp3", seconds=seconds), EMBEDDING * number)
    items = make_playlist(catalog, PlaylistRequest(TrackQuery(), 5, seed=0))
    total = sum(item.seconds for item in items)
    assert total <= 300
    left = [s for s in (200.0, 500.0, 90.0, 60.0, 40.0) if s not in [item.seconds for item in items]]
    assert all(total + seconds > 300 for seconds in left)


def test_empty_playlist_is_an_error(catalog: Catalog, tmp_path: Path) -> None:
    fill_catalog(catalog, tmp_path, GENRES)
    for request, message in (
        (PlaylistRequest(TrackQuery(genre="polka"), 60), "genres are jazz, rock$"),
        (PlaylistRequest(TrackQuery(), 1), "allow more minutes$"),
        (PlaylistRequest(TrackQuery(min_confidence=0.9), 60, smooth=True), "relax the conditions$"),
    ):
        with pytest.raises(NoTracksError, match=message):
            make_playlist(catalog, request)


def test_smooth_random_playlist_has_only_tracks_with_embeddings(catalog: Catalog, tmp_path: Path) -> None:
    fill_catalog(catalog, tmp_path, GENRES)
    without_embedding = insert_track(catalog, simple_prediction(tmp_path / "a.mp3"), None)
    assert without_embedding not in track_ids(catalog, PlaylistRequest(TrackQuery(), 1000, smooth=True))
    assert without_embedding in track_ids(catalog, PlaylistRequest(TrackQuery(), 1000))


@pytest.mark.parametrize("smooth", [False, True])
def test_frequent_artist_does_not_crowd_out_others(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, smooth: bool
) -> None:
    fill_catalog(catalog, tmp_path, GENRES)  # all jazz is by one artist, and most similar
    artists = {tmp_path / f"{number}.mp3": "Ella" if genre == "jazz" else None for number, genre in enumerate(GENRES)}
    monkeypatch.setattr(playlist, "read_track_name", lambda path: TrackName(path.stem, artists[path]))
    request = PlaylistRequest(TrackQuery(), 40, find_track(catalog, "1"), smooth)
    items = make_playlist(catalog, request)
    assert len(items) == 12
    assert all(not (first.name.artist == second.name.artist == "Ella") for first, second in pairwise(items))
    assert sum(item.name.artist == "Ella" for item in items) == 6
    only_artist = make_playlist(
        catalog, PlaylistRequest(TrackQuery(genre="jazz"), 40, find_track(catalog, "1"), smooth)
    )
    assert len(only_artist) == 12  # better the same artist than a shorter playlist


def test_long_smooth_playlist_is_ordered_in_sections(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_catalog(catalog, tmp_path, GENRES)
    monkeypatch.setattr(playlist, "_MAX_ORDERED", 7)
    monkeypatch.setattr(playlist, "read_track_name", lambda path: TrackName(path.stem, f"artist {int(path.stem) % 3}"))
    sizes: list[int] = []

    def record_size(distances: np.ndarray, artists: list[str | None]) -> list[int]:
        sizes.append(len(distances))
        return ordering.smooth_order(distances, artists)

    monkeypatch.setattr(playlist, "smooth_order", record_size)
    items = make_playlist(catalog, PlaylistRequest(TrackQuery(), 1000, find_track(catalog, "1"), smooth=True))
    assert sorted(item.track.id for item in items) == list(range(1, 31))
    assert items[0].track.id == 1
    assert max(sizes) == 8
    assert all(first.name.artist != second.name.artist for first, second in pairwise(items))


def test_tracks_of_one_artist_are_postponed_until_distant_others(
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
    assert all(not (first.name.artist == second.name.artist == "Ella") for first, second in pairwise(items))


def test_single_artist_can_fill_a_day(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(500):
        insert_track(catalog, simple_prediction(tmp_path / f"{number}.mp3"), None)
    monkeypatch.setattr(playlist, "read_track_name", lambda path: TrackName(path.stem, "Ella"))
    assert len(make_playlist(catalog, PlaylistRequest(TrackQuery(), 24 * 60))) == 24 * 60 * 60 // 200
