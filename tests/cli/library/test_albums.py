import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from genrelens.cli.main import app
from genrelens.errors import NoTracksError
from genrelens.library.catalog.catalog import Catalog, path_to_bytes
from genrelens.library.catalog.tracks import FileStamp, save_prediction
from tests.support.catalog import classified_track

Library = Callable[..., str]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Return a function that runs the command: library({"A/1": ("rock", 0.9)}, "--json") returns its output."""

    def run(genres: dict[str, tuple[str, float]], *options: str) -> str:
        with Catalog(tmp_path / "library.db") as catalog, catalog.transaction() as connection:
            for path, (genre, sure) in genres.items():
                classified = classified_track(str(tmp_path / path), genre, sure)
                track = connection.execute(
                    "INSERT INTO tracks (path, size, mtime_ns) VALUES (?, 1, 1)", (path_to_bytes(classified.path),)
                ).lastrowid
                assert track
                save_prediction(catalog, track, FileStamp(1, 1), "3", classified.prediction, None)
        result = CliRunner().invoke(app, ["library", "--catalog", str(tmp_path / "library.db"), "albums", *options])
        if result.exception:
            raise result.exception
        return result.stdout

    return run


GENRES = {
    "A/1": ("rock", 0.9),
    "A/2": ("rock", 0.8),
    "A/3": ("jazz", 0.95),
    "B/1": ("rock", 0.9),
    "B/2": ("unknown", 1),
}
GENRES |= {"B/3": ("unknown", 1)}


def test_shows_albums_and_outliers(library: Library) -> None:
    first, outlier, second = library(GENRES).splitlines()
    assert first.split()[:6] == ["Rock", "58", "%", "67", "%", "agree"]
    assert "3 tracks  A" in first
    assert outlier.split()[:4] == ["!", "Jazz", "95", "%"]
    assert outlier.endswith("A/3")
    assert second.startswith("no consensus")


def test_prints_json(library: Library, tmp_path: Path) -> None:
    first, second = (json.loads(line) for line in library(GENRES, "--json").splitlines())
    assert (first["album"], first["genre"], first["genres"], len(first["tracks"])) == ("A", "rock", ["rock"], 3)
    assert first["confidence"] == pytest.approx((0.9 + 0.8 + 0.05) / 3)
    assert first["outliers"] == [{"path": str(tmp_path / "A/3"), "genres": ["jazz"], "confidence": 0.95}]
    assert (second["genre"], second["genres"], second["scores"]) == (None, [], [])


def test_path_selects_albums(library: Library, tmp_path: Path) -> None:
    assert "Rock" not in library(GENRES, "--path", str(tmp_path / "B"))


def test_a_library_without_predictions_is_an_error(library: Library) -> None:
    with pytest.raises(NoTracksError):
        library({})
