from pathlib import Path

from genrelens.prediction import Prediction
from tests.support.library import RunLibrary


def test_tracks_are_found_by_genre_and_path(library: RunLibrary, classified_catalog: Path) -> None:
    assert library("search", "--genre", "low").stdout.rstrip().endswith("low.wav")
    predictions = [Prediction.from_json(line) for line in library("search", "--json").stdout.splitlines()]
    assert [prediction.genre for prediction in predictions] == ["high", "low"]
    assert library("search", "--path", classified_catalog.parent / "music" / "high.wav").stdout.startswith("High")
    assert library("search", "--path", "*/low.*").stdout.startswith("Low")


def test_a_search_without_results_is_an_error(library: RunLibrary) -> None:
    nothing = library("search", "--min-confidence", 1)
    assert nothing.exit_code == 1
    assert "no classified track matches" in str(nothing.exception)
