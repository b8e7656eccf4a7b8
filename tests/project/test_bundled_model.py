"""The bundled model on real recordings, where these are available."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from genrelens.classifier import Classifier
from genrelens.prediction import Prediction
from tests.support.paths import DATA

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def recordings() -> dict[str, str]:
    with (DATA / "tracks.csv").open() as lines:
        rows = [row for row in csv.DictReader(lines) if row["audio"] and row["fault_filtered"] == "test"]
    return {str(DATA / row["audio"]): row["genre"] for row in rows}


def test_songs_of_distinct_genres_are_recognised(recordings: dict[str, str]) -> None:
    """Catches what a user would notice at once; scripts/ship.py measures the accuracy."""
    chosen = [path for path, genre in recordings.items() if genre in ("classical", "metal", "hiphop", "jazz")][:24]
    results = list(Classifier().predict_many(chosen, processes=2))
    correct = Counter(
        isinstance(result, Prediction) and result.genre == recordings[path]
        for path, result in zip(chosen, results, strict=True)
    )
    assert correct[True] >= 18


def test_a_real_song_is_classified_from_path_and_bytes(recordings: dict[str, str]) -> None:
    song = Path(next(path for path, genre in recordings.items() if genre == "classical"))
    classifier = Classifier(threads=1)
    prediction = classifier.predict(song, windows="all")
    assert prediction.genre == "classical"
    assert prediction.duration == pytest.approx(30, abs=0.5)
    assert classifier.predict(song.read_bytes()).genre == "classical"
