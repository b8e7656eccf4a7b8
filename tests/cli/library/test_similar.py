import json

import pytest

from tests.support.library import RunLibrary

pytestmark = pytest.mark.usefixtures("embedded_tracks")


def test_similar_tracks_are_listed(run: RunLibrary) -> None:
    rows = run("similar", "1", "-n", "3").stdout.splitlines()
    assert len(rows) == 3
    assert all(" Jazz " in row and "80 %" in row and row.endswith(".mp3") for row in rows)


def test_similar_tracks_of_a_genre_are_printed_as_json(run: RunLibrary) -> None:
    tracks = [json.loads(line) for line in run("similar", "1", "--genre", "rock", "--json").stdout.splitlines()]
    assert len(tracks) == 10
    assert {tuple(track["genres"]) for track in tracks} == {("rock",)}
    assert set(tracks[0]) == {"id", "path", "similarity", "genres", "confidence", "duration"}
