import json
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from genrelens.classifier import Classifier
from genrelens.errors import TooShortError, WrongInputError
from genrelens.live import SMOOTHING_WINDOWS, UPDATE_SECONDS, LiveClassifier, LivePrediction
from genrelens.model.card import MusicDetector
from genrelens.model.input_spec import PictureInput
from genrelens.model.session import Model
from tests.support.audio import RATE, tone
from tests.support.models import make_card, make_mapped_model

MODEL_RATE = 22_050


@pytest.fixture(scope="module")
def classifier(model_file: Path) -> Classifier:
    return Classifier(Model(model_file, threads=1))


def predict_live(
    classifier: Classifier, samples: NDArray[np.floating[Any]], rate: int, sizes: Sequence[int] = (4_800,)
) -> list[LivePrediction]:
    """Return all predictions for samples that are split into chunks of these sizes, cyclically."""
    live, predictions, at = LiveClassifier(classifier), list[LivePrediction](), 0
    while at < len(samples):
        size = sizes[at % len(sizes)]
        predictions += live.process(samples[at : at + size], rate)
        at += size
    return [*predictions, *live.finish()]


def test_there_are_two_predictions_per_second_and_one_for_the_rest(classifier: Classifier) -> None:
    predictions = predict_live(classifier, tone(100, 3.2)[0], RATE)
    assert [prediction.at for prediction in predictions] == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.2])
    assert [prediction.filling for prediction in predictions] == [True, *[False] * 6]  # the window is 1 s
    assert {prediction.genre for prediction in predictions} == {"low"}
    assert {prediction.level for prediction in predictions} == {-6.0}
    assert predictions[0].music is None
    assert sum(score.score for score in predictions[-1].scores) == pytest.approx(1, abs=1e-6)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.integers(50, 30_000), min_size=1, max_size=5),
    st.sampled_from([8_000, MODEL_RATE, 48_000]),
    st.integers(1, 2),
)
def test_predictions_are_independent_of_the_chunks(
    classifier: Classifier, sizes: list[int], rate: int, channels: int
) -> None:
    rng = np.random.default_rng(0)
    samples = 0.1 * rng.standard_normal((round(2.3 * rate), channels)).astype(np.float32)
    assert predict_live(classifier, samples, rate, sizes) == predict_live(classifier, samples, rate, [len(samples)])


def test_single_samples_can_be_processed(classifier: Classifier) -> None:
    samples = tone(100, 0.6, 8_000)[0]
    assert predict_live(classifier, samples, 8_000, [1]) == predict_live(classifier, samples, 8_000)


def test_a_full_window_is_classified_as_in_a_file(classifier: Classifier) -> None:
    samples = tone(900, 1.0, MODEL_RATE)[0]
    (_, prediction) = predict_live(classifier, samples, MODEL_RATE)
    half = classifier.predict_samples(samples[: len(samples) // 2], MODEL_RATE).scores
    whole = classifier.predict_samples(samples, MODEL_RATE).scores
    mean = {a.label: (a.score + b.score) / 2 for a, b in zip(half, whole, strict=True)}
    assert {score.label: score.score for score in prediction.scores} == pytest.approx(mean, abs=1e-6)


def test_predictions_follow_a_change_but_not_a_click(classifier: Classifier) -> None:
    low, high = tone(100, 6.0, MODEL_RATE)[0], tone(6_000, 6.0, MODEL_RATE)[0]
    genres = [prediction.genre for prediction in predict_live(classifier, np.concatenate([low, high]), MODEL_RATE)]
    change = genres.index("high")
    assert genres == ["low"] * change + ["high"] * (len(genres) - change)
    assert 12 < change < 12 + 2 + SMOOTHING_WINDOWS
    click = np.concatenate([low, high[: round(0.4 * MODEL_RATE)], low])
    assert {prediction.genre for prediction in predict_live(classifier, click, MODEL_RATE)} == {"low"}


def test_silence_is_unknown_and_ignored_next_to_music(classifier: Classifier) -> None:
    silence = np.zeros(4 * MODEL_RATE, np.float32)
    first, *_, last = predict_live(classifier, silence, MODEL_RATE)
    assert (first.genre, first.confidence, first.level) == (last.genre, last.confidence, last.level)
    assert (last.genre, last.confidence, last.level) == ("unknown", 0.5, -120.0)
    after = predict_live(classifier, np.concatenate([silence, tone(6_000, 1.5, MODEL_RATE)[0]]), MODEL_RATE)
    alone = predict_live(
        classifier, np.concatenate([np.zeros(MODEL_RATE // 2), tone(6_000, 1.5, MODEL_RATE)[0]]), MODEL_RATE
    )
    assert after[-1].genre == "high"
    assert after[-1].confidence == alone[-1].confidence


def test_audio_that_is_not_music_is_unknown(tmp_path: Path) -> None:
    card = make_card(detector=MusicDetector(centre=(9.0, 9.0), axes=(), usual=0.1, limit=0.2))
    classifier = Classifier(Model(make_mapped_model(tmp_path / "m.onnx", card), threads=1))
    (*_, prediction) = predict_live(classifier, tone(100, 2.0, MODEL_RATE)[0], MODEL_RATE)
    assert prediction.genre == "unknown"
    assert prediction.music is not None
    assert prediction.music < 0.5
    assert prediction.scores[0].label == "low"


def test_low_confidence_is_unknown(model_file: Path) -> None:
    strict = Classifier(Model(model_file, threads=1), min_confidence=1.0)
    (*_, prediction) = predict_live(strict, tone(100, 1.0, MODEL_RATE)[0], MODEL_RATE)
    assert (prediction.genre, prediction.scores[0].label) == ("unknown", "low")


def test_memory_does_not_grow_over_time(classifier: Classifier) -> None:
    live = LiveClassifier(classifier)
    second = tone(100, 1.0, 48_000)[0]
    held = []
    tracemalloc.start()
    try:
        for _ in range(4):
            for _ in range(10):
                assert len(live.process(second, 48_000)) in (1, 2, 3)
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert held[-1] < held[0] + 50_000  # bytes; a second has 88,200


def test_non_finite_samples_count_as_silence(classifier: Classifier) -> None:
    samples = tone(100, 2.0)[0]
    samples[1_000:1_010] = [np.nan, np.inf, -np.inf, 1e30, *[np.nan] * 6]
    assert {prediction.genre for prediction in predict_live(classifier, samples, RATE)} == {"low"}
    assert predict_live(classifier, samples, RATE)[-1].level == pytest.approx(-6, abs=0.1)


def test_the_sampling_rate_can_change(classifier: Classifier) -> None:
    live = LiveClassifier(classifier)
    predictions = [
        *live.process(tone(100, 1.0, 48_000)[0], 48_000),
        *live.process(tone(100, 1.0, MODEL_RATE)[0], MODEL_RATE),
        *live.process(tone(100, 1.0, 8_000)[0], 8_000),
        *live.finish(),
    ]
    assert predictions[-1].at == pytest.approx(3.0, abs=1e-3)
    assert {prediction.genre for prediction in predictions} == {"low"}


def test_missed_audio_is_reported_once(classifier: Classifier) -> None:
    live = LiveClassifier(classifier)
    live.report_missed(1.5)
    live.report_missed(0.25)
    predictions = live.process(tone(100, 1.0, MODEL_RATE)[0], MODEL_RATE)
    assert [prediction.missed for prediction in predictions] == [1.75, 0.0]


def test_very_short_audio_is_too_short(classifier: Classifier) -> None:
    live = LiveClassifier(classifier, "song")
    assert live.process(tone(100, 0.05, MODEL_RATE)[0], MODEL_RATE) == []
    with pytest.raises(TooShortError, match=r"song lasts 0\.05 s"):
        live.finish()
    assert LiveClassifier(classifier).finish() == []


def test_a_picture_model_is_rejected() -> None:
    card = make_card(input=PictureInput(kind="picture", width=8, height=8))
    with pytest.raises(WrongInputError):
        LiveClassifier(cast("Classifier", SimpleNamespace(card=card)))


def test_a_live_prediction_round_trips_through_json(classifier: Classifier) -> None:
    prediction = predict_live(classifier, tone(100, UPDATE_SECONDS, MODEL_RATE)[0], MODEL_RATE)[0]
    assert LivePrediction.model_validate(json.loads(prediction.to_json())) == prediction
    assert len(prediction.top(1).scores) == 1
    assert prediction.filling
