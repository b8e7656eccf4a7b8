import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from genrelens.classifier import Classifier
from genrelens.errors import TooShortError
from genrelens.library.catalog.tracks import FileStamp
from genrelens.library.classify import outcome as outcome_module
from genrelens.library.classify.decoding import heard_track
from genrelens.library.classify.outcome import heard_or_failed, judge_tracks
from genrelens.model.session import Model
from genrelens.prediction import Failure
from tests.support.audio import RATE, encode, tone
from tests.support.models import make_card, make_mapped_model


@pytest.fixture
def classifier(tmp_path: Path) -> Classifier:
    return Classifier(Model(make_mapped_model(tmp_path / "mapped.onnx", make_card()), threads=1))


def test_tracks_judged_together_are_as_judged_alone(classifier: Classifier, wav: Callable[..., Path]) -> None:
    songs = [wav(f"{hz}.wav", hz=hz, seconds=seconds) for hz, seconds in ((100, 3), (6000, 0.5), (300, 8), (5000, 20))]
    half = np.concatenate([np.zeros((2, 3 * RATE), np.float32), tone(6000, 2)], axis=1)
    songs.append(encode(songs[0].with_name("half.wav"), half, codec="pcm_s16le"))
    for windows in (3, "all"):
        heard = [heard_track(song, classifier.card.audio_input, windows) for song in songs]
        outcomes = judge_tracks(classifier, heard)
        assert [outcome.result for outcome in outcomes] == [classifier.predict(s, windows=windows) for s in songs]
        assert [outcome.stamp for outcome in outcomes] == [FileStamp.from_path(song) for song in songs]
    assert any("silence" in warning for warning in outcomes[-1].result.warnings)  # type: ignore[union-attr]


def test_the_embedding_is_the_mean_over_what_can_be_heard(classifier: Classifier, tmp_path: Path) -> None:
    half = np.concatenate([np.zeros((1, 3 * RATE), np.float32), tone(440, 3, channels=1)], axis=1)
    song = encode(tmp_path / "half.wav", half, codec="pcm_s16le")
    heard = heard_track(song, classifier.card.audio_input, 2)
    assert heard.silent == (True, False)
    (outcome,) = judge_tracks(classifier, [heard])
    embeddings = classifier.model.run(heard.planes).embeddings
    assert embeddings is not None
    assert outcome.embedding is not None
    np.testing.assert_array_equal(outcome.embedding, embeddings[1])


def test_what_was_heard_and_what_came_of_it_can_be_sent(classifier: Classifier, wav: Callable[..., Path]) -> None:
    heard = pickle.loads(pickle.dumps(heard_track(wav(), classifier.card.audio_input, 3)))
    (outcome,) = pickle.loads(pickle.dumps(judge_tracks(classifier, [heard])))
    assert outcome.path == heard.path
    assert judge_tracks(classifier, []) == []


def test_a_bad_file_is_an_outcome(classifier: Classifier, wav: Callable[..., Path], tmp_path: Path) -> None:
    short = wav("short.wav", seconds=0.01)
    with pytest.raises(TooShortError):
        heard_track(short, classifier.card.audio_input, 3)
    outcome = heard_or_failed(short, classifier.card.audio_input, 3)
    assert isinstance(outcome, outcome_module.TrackResult)
    assert isinstance(outcome.result, Failure)
    assert outcome.result.error.type == "TooShortError"
    assert outcome.stamp == FileStamp.from_path(short)
    missing = heard_or_failed(tmp_path / "missing.wav", classifier.card.audio_input, 3)
    assert isinstance(missing, outcome_module.TrackResult)
    assert missing.stamp is None


def test_a_fault_that_nobody_foresaw_costs_one_file(
    classifier: Classifier, wav: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("no rate")

    monkeypatch.setattr(outcome_module, "heard_track", fail)
    outcome = heard_or_failed(wav(), classifier.card.audio_input, 3)
    assert isinstance(outcome, outcome_module.TrackResult)
    assert isinstance(outcome.result, Failure)
    assert "tone.wav could not be judged (ZeroDivisionError: no rate)" in outcome.result.error.message
