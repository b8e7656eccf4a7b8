import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from genrelens.library.albums.albums import Album, Grouping, apply_album_genres, iter_albums, iter_tracks_by
from genrelens.library.catalog.catalog import Catalog, path_to_bytes
from genrelens.library.catalog.tracks import ClassifiedTrack, TrackQuery, save_prediction
from genrelens.library.tags.track_info import AlbumTags
from genrelens.prediction import UNKNOWN
from tests.support.catalog import classified_track


def group(*paths: str, tags: Callable[[Path], AlbumTags] = lambda path: AlbumTags()) -> list[Album]:
    return list(iter_albums((classified_track(path) for path in sorted(paths, key=os.fsencode)), tags))


def paths_by_album(albums: list[Album]) -> dict[str, list[str]]:
    return {album.name: [str(track.path) for track in album.tracks] for album in albums}


def test_folder_is_an_album() -> None:
    assert paths_by_album(group("/m/A/1", "/m/A/2", "/m/B/1", "/m/loose")) == {
        "A": ["/m/A/1", "/m/A/2"],
        "B": ["/m/B/1"],
        "m": ["/m/loose"],
    }


def test_tracks_before_and_after_a_subfolder_stay_together() -> None:
    assert paths_by_album(group("/A/1", "/A/Bonus/1", "/A/c")) == {"Bonus": ["/A/Bonus/1"], "A": ["/A/1", "/A/c"]}


@pytest.mark.parametrize("discs", [("CD1", "CD2"), ("Disc 1 - Live", "disc_02"), ("disk.1", "Disk-2")])
def test_disc_folders_inside_an_album_belong_to_it(discs: tuple[str, str]) -> None:
    paths = [f"/m/A/{discs[0]}/1", f"/m/A/{discs[1]}/1", "/m/A/bonus.mp3"]
    assert [set(tracks) for tracks in paths_by_album(group(*paths)).values()] == [set(paths)]


@pytest.mark.parametrize("discs", [("A CD1", "A CD2"), ("A (Disc 1)", "A (disc 2)"), ("A - [CD 01]", "A")])
def test_adjacent_disc_folders_are_one_album(discs: tuple[str, str]) -> None:
    paths = [f"/m/{discs[0]}/1", f"/m/{discs[1]}/1", "/m/Az/1"]
    assert [set(tracks) for tracks in paths_by_album(group(*paths)).values()] == [set(paths[:2]), {paths[2]}]


def test_year_is_not_a_disc_number() -> None:
    assert len(group("/m/Disc 1999/1", "/m/Disco/1", "/m/1")) == 3


def test_tags_separate_the_albums_of_a_folder() -> None:
    def tags(path: Path) -> AlbumTags:
        return AlbumTags(album=path.name[0].upper(), album_artist="Me")

    assert paths_by_album(group("/m/x1", "/m/x2", "/m/y1", tags=tags)) == {"X": ["/m/x1", "/m/x2"], "Y": ["/m/y1"]}


def test_tags_are_ignored_if_some_tracks_lack_them() -> None:
    def tags(path: Path) -> AlbumTags:
        return AlbumTags(album="" if path.name == "y1" else path.name[0])

    assert paths_by_album(group("/m/A/x1", "/m/A/y1", "/m/A/z1", tags=tags)) == {"A": ["/m/A/x1", "/m/A/y1", "/m/A/z1"]}


def test_disc_numbers_in_tags_are_removed() -> None:
    def tags(path: Path) -> AlbumTags:
        return AlbumTags(album=f"Live (Disc {path.parent.name[-1]})")

    assert list(paths_by_album(group("/m/A/CD1/1", "/m/A/CD2/1", tags=tags))) == ["Live"]


def test_album_is_yielded_as_soon_as_its_folder_is_complete() -> None:
    read = 0

    def tracks() -> Iterator[ClassifiedTrack]:
        nonlocal read
        for folder in range(5):
            for number in range(4):
                read += 1
                yield classified_track(f"/m/{folder}/{number}")

    for number, album in enumerate(iter_albums(tracks(), lambda path: AlbumTags()), 1):
        assert read <= 4 * number + 1
        assert len(album.tracks) == 4
        assert all(not track.prediction.segments for track in album.tracks)


def test_album_has_a_consensus_and_outliers() -> None:
    tracks = [
        classified_track("/A/1"),
        classified_track("/A/2"),
        classified_track("/A/3", "jazz", 0.95),
        classified_track("/A/4", UNKNOWN),
    ]
    (album,) = iter_albums(tracks, lambda path: AlbumTags())
    assert album.consensus is not None
    assert album.consensus.genres == ("rock",)
    assert album.consensus.agreement == pytest.approx(2 / 3)
    assert [track.path.name for track in album.outliers] == ["3"]


def test_compilation_has_no_consensus() -> None:
    (album,) = iter_albums(
        [classified_track("/A/1"), classified_track("/A/2")], lambda path: AlbumTags(album_artist="Various Artists")
    )
    assert (album.is_compilation, album.consensus, album.outliers) == (True, None, ())


def test_tracks_get_the_consensus_of_their_album() -> None:
    tracks = [
        classified_track("/A/1"),
        classified_track("/A/2", "rock", 0.7),
        classified_track("/A/3", UNKNOWN),
        classified_track("/B/1", "jazz"),
    ]
    updated = list(apply_album_genres(tracks, lambda path: AlbumTags()))
    assert [(track.path, track.id, track.stamp) for track in updated] == [
        (track.path, track.id, track.stamp) for track in tracks
    ]
    assert [track.prediction.genres for track in updated] == [("rock",), ("rock",), ("rock",), ("jazz",)]
    assert [round(track.prediction.confidence, 6) for track in updated] == [0.8, 0.8, 0.8, 0.9]
    assert updated[0].prediction.scores == updated[1].prediction.scores


def test_tracks_of_an_album_without_consensus_keep_their_predictions() -> None:
    tracks = [classified_track("/A/1"), classified_track("/A/2", UNKNOWN), classified_track("/A/3", UNKNOWN)]
    updated = list(apply_album_genres(tracks, lambda path: AlbumTags()))
    assert [track.prediction.genre for track in updated] == ["rock", UNKNOWN, UNKNOWN]


def test_query_by_album_applies_to_the_consensus(tmp_path: Path) -> None:
    genres = {"A/1": "rock", "A/2": "rock", "A/3": "jazz", "B/1": "jazz"}
    with Catalog(tmp_path / "library.db") as catalog:
        for track_id, (path, genre) in enumerate(genres.items(), 1):
            track = classified_track(str(tmp_path / path), genre)
            catalog.connection.execute(
                "INSERT INTO tracks (id, path, size, mtime_ns) VALUES (?, ?, 1, 1)",
                (track_id, path_to_bytes(track.path)),
            )
            save_prediction(catalog, track_id, track.stamp, "3", track.prediction, None)

        def names(grouping: Grouping, query: TrackQuery) -> list[str]:
            return [str(track.path.relative_to(tmp_path)) for track in iter_tracks_by(grouping, catalog, query)]

        assert names("track", TrackQuery("jazz")) == ["A/3", "B/1"]
        assert names("album", TrackQuery("jazz")) == ["B/1"]
        assert names("album", TrackQuery("rock")) == ["A/1", "A/2", "A/3"]
        assert names("album", TrackQuery(min_confidence=0.8)) == ["B/1"]
        assert names("album", TrackQuery(path=str(tmp_path / "A"))) == ["A/1", "A/2", "A/3"]
