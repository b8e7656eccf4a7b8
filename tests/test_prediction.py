import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from genrelens.errors import AudioNotFoundError
from genrelens.prediction import Failure, Prediction, Score, Segment, display_genre, is_not_music, rank_scores

ANY_TEXT = st.text(st.characters(codec=None, categories=None))  # lone surrogates, as in odd file names, included
SCORES = st.lists(st.builds(Score, label=st.text(min_size=1), score=st.floats(0, 1)), max_size=4).map(tuple)
PREDICTIONS = st.builds(
    Prediction,
    path=ANY_TEXT,
    genre=st.text(),
    genres=st.lists(st.text()).map(tuple),
    confidence=st.floats(0, 1),
    scores=SCORES,
    segments=st.lists(
        st.builds(Segment, start=st.floats(0, 1e4), end=st.floats(0, 1e4), scores=SCORES), max_size=3
    ).map(tuple),
    music=st.none() | st.floats(0, 1),
    duration=st.floats(0, 1e6),
    model=st.text(),
    version=st.text(),
    warnings=st.lists(st.text()).map(tuple),
)


@given(PREDICTIONS)
def test_a_prediction_round_trips_through_json(prediction: Prediction) -> None:
    line = prediction.to_json()
    assert line.isascii()
    assert "\n" not in line
    assert Prediction.from_json(line) == prediction


def test_the_json_of_a_prediction() -> None:
    scores = rank_scores(("jazz", "rock"), [0.25, 0.75])
    prediction = Prediction(
        path="a\udcff.mp3",
        genre="rock",
        genres=("rock",),
        confidence=0.75,
        scores=scores,
        segments=(Segment(start=0, end=10, scores=scores),),
        music=0.9,
        duration=10,
        model="lens",
        version="1",
    )
    expected = [{"label": "rock", "score": 0.75}, {"label": "jazz", "score": 0.25}]
    assert json.loads(prediction.to_json()) == {
        "path": "a\udcff.mp3",
        "genre": "rock",
        "genres": ["rock"],
        "confidence": 0.75,
        "scores": expected,
        "segments": [{"start": 0, "end": 10, "scores": expected, "music": None}],
        "music": 0.9,
        "duration": 10,
        "model": "lens",
        "version": "1",
        "warnings": [],
    }


def test_the_json_of_a_failure() -> None:
    failure = Failure.from_error("x.mp3", AudioNotFoundError("x.mp3 does not exist"))
    assert json.loads(failure.to_json()) == {
        "path": "x.mp3",
        "error": {"type": "AudioNotFoundError", "message": "x.mp3 does not exist"},
    }


@given(PREDICTIONS, st.integers(1, 5))
def test_top_keeps_the_most_probable_labels(prediction: Prediction, k: int) -> None:
    top = prediction.top(k)
    assert top.scores == prediction.scores[:k]
    assert [segment.scores for segment in top.segments] == [segment.scores[:k] for segment in prediction.segments]


def test_a_music_probability_below_one_half_is_not_music() -> None:
    assert [is_not_music(music) for music in (None, 0.0, 0.49, 0.5, 1.0)] == [False, True, True, False, False]


def test_ties_keep_the_order_of_the_labels() -> None:
    assert [score.label for score in rank_scores(("b", "a", "c"), [0.2, 0.2, 0.6])] == ["c", "b", "a"]


def test_invalid_json_and_mutation_are_rejected() -> None:
    with pytest.raises(ValidationError):
        Prediction.from_json('{"path": "x"}')
    with pytest.raises(ValidationError):
        Score(label="x", score=1).label = "y"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("hiphop", "Hip-hop"),
        ("rnb", "R&B"),
        ("jazz", "Jazz"),
        ("drum and bass", "Drum And Bass"),
        ("new_wave", "New Wave"),
        ("EDM", "EDM"),
        ("rock/metal", "Rock / Metal"),
        ("Rock---Rock'n'Roll---50s", "Rock / Rock'n'Roll / 50s"),
        ("unknown", "Unknown"),
    ],
)
def test_genres_are_displayed_with_their_ordinary_names(label: str, name: str) -> None:
    assert display_genre(label) == name
