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

OWN_RATE = 22_050  # of the small model


@pytest.fixture(scope="module")
def classifier(model_file: Path) -> Classifier:
    return Classifier(Model(model_file, threads=1))


def heard(
    classifier: Classifier, samples: NDArray[np.floating[Any]], rate: int, sizes: Sequence[int] = (4_800,)
) -> list[LivePrediction]:
    """All answers to samples that come in pieces of these sizes, again and again."""
    listener, answers, at = LiveClassifier(classifier), list[LivePrediction](), 0
    while at < len(samples):
        size = sizes[at % len(sizes)]
        answers += listener.process(samples[at : at + size], rate)
        at += size
    return [*answers, *listener.finish()]


def test_there_are_two_answers_for_each_second_and_one_for_the_rest(classifier: Classifier) -> None:
    answers = heard(classifier, tone(100, 3.2)[0], RATE)
    assert [answer.at for answer in answers] == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.2])
    assert [answer.filling for answer in answers] == [True, *[False] * 6]  # the window is 1 s
    assert {answer.genre for answer in answers} == {"low"}
    assert {answer.level for answer in answers} == {-6.0}
    assert answers[0].music is None
    assert sum(score.score for score in answers[-1].scores) == pytest.approx(1, abs=1e-6)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.integers(50, 30_000), min_size=1, max_size=5),
    st.sampled_from([8_000, OWN_RATE, 48_000]),
    st.integers(1, 2),
)
def test_pieces_change_nothing(classifier: Classifier, sizes: list[int], rate: int, channels: int) -> None:
    rng = np.random.default_rng(0)
    samples = 0.1 * rng.standard_normal((round(2.3 * rate), channels)).astype(np.float32)
    assert heard(classifier, samples, rate, sizes) == heard(classifier, samples, rate, [len(samples)])


def test_nor_do_single_samples(classifier: Classifier) -> None:
    samples = tone(100, 0.6, 8_000)[0]
    assert heard(classifier, samples, 8_000, [1]) == heard(classifier, samples, 8_000)


def test_once_it_is_full_a_window_is_judged_as_in_a_file(classifier: Classifier) -> None:
    samples = tone(900, 1.0, OWN_RATE)[0]
    (_, answer) = heard(classifier, samples, OWN_RATE)
    half = classifier.predict_samples(samples[: len(samples) // 2], OWN_RATE).scores
    whole = classifier.predict_samples(samples, OWN_RATE).scores
    mean = {a.label: (a.score + b.score) / 2 for a, b in zip(half, whole, strict=True)}
    assert {score.label: score.score for score in answer.scores} == pytest.approx(mean, abs=1e-6)


def test_answers_follow_a_change_and_one_odd_window_does_not_turn_them(classifier: Classifier) -> None:
    low, high = tone(100, 6.0, OWN_RATE)[0], tone(6_000, 6.0, OWN_RATE)[0]
    genres = [answer.genre for answer in heard(classifier, np.concatenate([low, high]), OWN_RATE)]
    change = genres.index("high")
    assert genres == ["low"] * change + ["high"] * (len(genres) - change)
    assert 12 < change < 12 + 2 + SMOOTHING_WINDOWS
    click = np.concatenate([low, high[: round(0.4 * OWN_RATE)], low])
    assert {answer.genre for answer in heard(classifier, click, OWN_RATE)} == {"low"}


def test_silence_is_unknown_and_does_not_count_beside_music(classifier: Classifier) -> None:
    silence = np.zeros(4 * OWN_RATE, np.float32)
    first, *_, last = heard(classifier, silence, OWN_RATE)
    assert (first.genre, first.confidence, first.level) == (last.genre, last.confidence, last.level)
    assert (last.genre, last.confidence, last.level) == ("unknown", 0.5, -120.0)
    after = heard(classifier, np.concatenate([silence, tone(6_000, 1.5, OWN_RATE)[0]]), OWN_RATE)
    alone = heard(classifier, np.concatenate([np.zeros(OWN_RATE // 2), tone(6_000, 1.5, OWN_RATE)[0]]), OWN_RATE)
    assert after[-1].genre == "high"
    assert after[-1].confidence == alone[-1].confidence


def test_what_is_no_music_is_unknown(tmp_path: Path) -> None:
    card = make_card(detector=MusicDetector(centre=(9.0, 9.0), axes=(), usual=0.1, limit=0.2))
    classifier = Classifier(Model(make_mapped_model(tmp_path / "m.onnx", card), threads=1))
    (*_, answer) = heard(classifier, tone(100, 2.0, OWN_RATE)[0], OWN_RATE)
    assert answer.genre == "unknown"
    assert answer.music is not None
    assert answer.music < 0.5
    assert answer.scores[0].label == "low"


def test_little_confidence_is_unknown(model_file: Path) -> None:
    strict = Classifier(Model(model_file, threads=1), min_confidence=1.0)
    (*_, answer) = heard(strict, tone(100, 1.0, OWN_RATE)[0], OWN_RATE)
    assert (answer.genre, answer.scores[0].label) == ("unknown", "low")


def test_no_more_is_held_however_long_it_runs(classifier: Classifier) -> None:
    listener = LiveClassifier(classifier)
    second = tone(100, 1.0, 48_000)[0]
    held = []
    tracemalloc.start()
    try:
        for _ in range(4):
            for _ in range(10):
                assert len(listener.process(second, 48_000)) in (1, 2, 3)
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert held[-1] < held[0] + 50_000  # bytes; a second has 88,200


def test_what_is_no_number_is_silence_and_spreads_no_further(classifier: Classifier) -> None:
    samples = tone(100, 2.0)[0]
    samples[1_000:1_010] = [np.nan, np.inf, -np.inf, 1e30, *[np.nan] * 6]
    assert {answer.genre for answer in heard(classifier, samples, RATE)} == {"low"}
    assert heard(classifier, samples, RATE)[-1].level == pytest.approx(-6, abs=0.1)


def test_the_rate_may_change_midway(classifier: Classifier) -> None:
    listener = LiveClassifier(classifier)
    answers = [
        *listener.process(tone(100, 1.0, 48_000)[0], 48_000),
        *listener.process(tone(100, 1.0, OWN_RATE)[0], OWN_RATE),
        *listener.process(tone(100, 1.0, 8_000)[0], 8_000),
        *listener.finish(),
    ]
    assert answers[-1].at == pytest.approx(3.0, abs=1e-3)
    assert {answer.genre for answer in answers} == {"low"}


def test_what_was_missed_is_told_once(classifier: Classifier) -> None:
    listener = LiveClassifier(classifier)
    listener.report_missed(1.5)
    listener.report_missed(0.25)
    answers = listener.process(tone(100, 1.0, OWN_RATE)[0], OWN_RATE)
    assert [answer.missed for answer in answers] == [1.75, 0.0]


def test_hardly_anything_is_too_short(classifier: Classifier) -> None:
    listener = LiveClassifier(classifier, "song")
    assert listener.process(tone(100, 0.05, OWN_RATE)[0], OWN_RATE) == []
    with pytest.raises(TooShortError, match=r"song lasts 0\.05 s"):
        listener.finish()
    assert LiveClassifier(classifier).finish() == []


def test_a_model_of_pictures_cannot_listen() -> None:
    card = make_card(input=PictureInput(kind="picture", width=8, height=8))
    with pytest.raises(WrongInputError):
        LiveClassifier(cast("Classifier", SimpleNamespace(card=card)))


def test_an_answer_is_a_line_of_json(classifier: Classifier) -> None:
    answer = heard(classifier, tone(100, UPDATE_SECONDS, OWN_RATE)[0], OWN_RATE)[0]
    assert LivePrediction.model_validate(json.loads(answer.to_json())) == answer
    assert len(answer.top(1).scores) == 1
    assert answer.filling
