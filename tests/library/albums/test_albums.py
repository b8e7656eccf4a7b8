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


def found(*paths: str, tags: Callable[[Path], AlbumTags] = lambda path: AlbumTags()) -> list[Album]:
    return list(iter_albums((classified_track(path) for path in sorted(paths, key=os.fsencode)), tags))


def shape(found: list[Album]) -> dict[str, list[str]]:
    return {album.name: [str(track.path) for track in album.tracks] for album in found}


def test_a_folder_is_an_album() -> None:
    assert shape(found("/m/A/1", "/m/A/2", "/m/B/1", "/m/loose")) == {
        "A": ["/m/A/1", "/m/A/2"],
        "B": ["/m/B/1"],
        "m": ["/m/loose"],
    }


def test_the_tracks_of_a_folder_stay_together_around_its_folders() -> None:
    assert shape(found("/A/1", "/A/Bonus/1", "/A/c")) == {"Bonus": ["/A/Bonus/1"], "A": ["/A/1", "/A/c"]}


@pytest.mark.parametrize("discs", [("CD1", "CD2"), ("Disc 1 - Live", "disc_02"), ("disk.1", "Disk-2")])
def test_discs_within_an_album_belong_to_it(discs: tuple[str, str]) -> None:
    paths = [f"/m/A/{discs[0]}/1", f"/m/A/{discs[1]}/1", "/m/A/bonus.mp3"]
    assert [set(tracks) for tracks in shape(found(*paths)).values()] == [set(paths)]


@pytest.mark.parametrize("discs", [("A CD1", "A CD2"), ("A (Disc 1)", "A (disc 2)"), ("A - [CD 01]", "A")])
def test_discs_beside_each_other_are_one_album(discs: tuple[str, str]) -> None:
    paths = [f"/m/{discs[0]}/1", f"/m/{discs[1]}/1", "/m/Az/1"]
    assert [set(tracks) for tracks in shape(found(*paths)).values()] == [set(paths[:2]), {paths[2]}]


def test_a_year_is_no_disc() -> None:
    assert len(found("/m/Disc 1999/1", "/m/Disco/1", "/m/1")) == 3


def test_tags_tell_the_albums_of_a_folder_apart() -> None:
    def tags(path: Path) -> AlbumTags:
        return AlbumTags(album=path.name[0].upper(), album_artist="Me")

    assert shape(found("/m/x1", "/m/x2", "/m/y1", tags=tags)) == {"X": ["/m/x1", "/m/x2"], "Y": ["/m/y1"]}


def test_tags_tell_nothing_where_some_lack_them() -> None:
    def tags(path: Path) -> AlbumTags:
        return AlbumTags(album="" if path.name == "y1" else path.name[0])

    assert shape(found("/m/A/x1", "/m/A/y1", "/m/A/z1", tags=tags)) == {"A": ["/m/A/x1", "/m/A/y1", "/m/A/z1"]}


def test_tags_that_number_the_discs_name_one_album() -> None:
    def tags(path: Path) -> AlbumTags:
        return AlbumTags(album=f"Live (Disc {path.parent.name[-1]})")

    assert list(shape(found("/m/A/CD1/1", "/m/A/CD2/1", tags=tags))) == ["Live"]


def test_an_album_is_told_as_soon_as_its_folder_is_left() -> None:
    read = 0

    def tracks() -> Iterator[ClassifiedTrack]:
        nonlocal read
        for folder in range(5):
            for number in range(4):
                read += 1
                yield classified_track(f"/m/{folder}/{number}")

    for place, album in enumerate(iter_albums(tracks(), lambda path: AlbumTags()), 1):
        assert read <= 4 * place + 1
        assert len(album.tracks) == 4
        assert all(not track.prediction.segments for track in album.tracks)


def test_an_album_tells_what_it_is_and_who_stands_out() -> None:
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


def test_a_compilation_has_no_consensus() -> None:
    (album,) = iter_albums(
        [classified_track("/A/1"), classified_track("/A/2")], lambda path: AlbumTags(album_artist="Various Artists")
    )
    assert (album.is_compilation, album.consensus, album.outliers) == (True, None, ())


def test_by_album_every_track_of_an_album_that_agrees_gets_its_answer() -> None:
    tracks = [
        classified_track("/A/1"),
        classified_track("/A/2", "rock", 0.7),
        classified_track("/A/3", UNKNOWN),
        classified_track("/B/1", "jazz"),
    ]
    told = list(apply_album_genres(tracks, lambda path: AlbumTags()))
    assert [(one.path, one.id, one.stamp) for one in told] == [(one.path, one.id, one.stamp) for one in tracks]
    assert [one.prediction.genres for one in told] == [("rock",), ("rock",), ("rock",), ("jazz",)]
    assert [round(one.prediction.confidence, 6) for one in told] == [0.8, 0.8, 0.8, 0.9]
    assert told[0].prediction.scores == told[1].prediction.scores


def test_by_album_the_tracks_of_one_that_does_not_agree_keep_their_own() -> None:
    tracks = [classified_track("/A/1"), classified_track("/A/2", UNKNOWN), classified_track("/A/3", UNKNOWN)]
    told = list(apply_album_genres(tracks, lambda path: AlbumTags()))
    assert [one.prediction.genre for one in told] == ["rock", UNKNOWN, UNKNOWN]


def test_by_album_a_query_is_about_what_albums_are(tmp_path: Path) -> None:
    genres = {"A/1": "rock", "A/2": "rock", "A/3": "jazz", "B/1": "jazz"}
    with Catalog(tmp_path / "library.db") as catalog:
        for number, (path, genre) in enumerate(genres.items(), 1):
            one = classified_track(str(tmp_path / path), genre)
            catalog.connection.execute(
                "INSERT INTO tracks (id, path, size, mtime_ns) VALUES (?, ?, 1, 1)", (number, path_to_bytes(one.path))
            )
            save_prediction(catalog, number, one.stamp, "3", one.prediction, None)

        def names(by: Grouping, query: TrackQuery) -> list[str]:
            return [str(one.path.relative_to(tmp_path)) for one in iter_tracks_by(by, catalog, query)]

        assert names("track", TrackQuery("jazz")) == ["A/3", "B/1"]
        assert names("album", TrackQuery("jazz")) == ["B/1"]
        assert names("album", TrackQuery("rock")) == ["A/1", "A/2", "A/3"]
        assert names("album", TrackQuery(min_confidence=0.8)) == ["B/1"]
        assert names("album", TrackQuery(path=str(tmp_path / "A"))) == ["A/1", "A/2", "A/3"]
