import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from genrelens.classifier import Classifier
from genrelens.errors import TooShortError
from genrelens.library.catalog.tracks import FileStamp
from genrelens.library.classify import results as results_module
from genrelens.library.classify.results import TrackResult, classify_tracks, decode_file, try_decode_file
from genrelens.model.session import Model
from genrelens.prediction import Failure
from tests.support.audio import RATE, encode, tone
from tests.support.models import make_card, make_mapped_model


@pytest.fixture
def classifier(tmp_path: Path) -> Classifier:
    return Classifier(Model(make_mapped_model(tmp_path / "mapped.onnx", make_card()), threads=1))


def test_tracks_classified_together_get_the_same_predictions_as_alone(
    classifier: Classifier, wav: Callable[..., Path]
) -> None:
    songs = [wav(f"{hz}.wav", hz=hz, seconds=seconds) for hz, seconds in ((100, 3), (6000, 0.5), (300, 8), (5000, 20))]
    half_silent = np.concatenate([np.zeros((2, 3 * RATE), np.float32), tone(6000, 2)], axis=1)
    songs.append(encode(songs[0].with_name("half.wav"), half_silent, codec="pcm_s16le"))
    for windows in (3, "all"):
        decoded = [decode_file(song, classifier.card.audio_input, windows) for song in songs]
        results = classify_tracks(classifier, decoded)
        assert [result.result for result in results] == [classifier.predict(song, windows=windows) for song in songs]
        assert [result.stamp for result in results] == [FileStamp.from_path(song) for song in songs]
    assert any("silence" in warning for warning in results[-1].result.warnings)  # type: ignore[union-attr]


def test_the_embedding_is_the_mean_over_windows_that_are_not_silent(classifier: Classifier, tmp_path: Path) -> None:
    half_silent = np.concatenate([np.zeros((1, 3 * RATE), np.float32), tone(440, 3, channels=1)], axis=1)
    song = encode(tmp_path / "half.wav", half_silent, codec="pcm_s16le")
    decoded = decode_file(song, classifier.card.audio_input, 2)
    assert decoded.track.windows.silent == (True, False)
    (result,) = classify_tracks(classifier, [decoded])
    embeddings = classifier.model.run(decoded.track.windows.inputs).embeddings
    assert embeddings is not None
    assert result.embedding is not None
    np.testing.assert_array_equal(result.embedding, embeddings[1])


def test_decoded_files_and_results_can_be_pickled(classifier: Classifier, wav: Callable[..., Path]) -> None:
    decoded = pickle.loads(pickle.dumps(decode_file(wav(), classifier.card.audio_input, 3)))
    (result,) = pickle.loads(pickle.dumps(classify_tracks(classifier, [decoded])))
    assert result.path == decoded.path
    assert classify_tracks(classifier, []) == []


def test_a_bad_file_gives_a_failed_result(classifier: Classifier, wav: Callable[..., Path], tmp_path: Path) -> None:
    short = wav("short.wav", seconds=0.01)
    with pytest.raises(TooShortError):
        decode_file(short, classifier.card.audio_input, 3)
    result = try_decode_file(short, classifier.card.audio_input, 3)
    assert isinstance(result, TrackResult)
    assert isinstance(result.result, Failure)
    assert result.result.error.type == "TooShortError"
    assert result.stamp == FileStamp.from_path(short)
    missing = try_decode_file(tmp_path / "missing.wav", classifier.card.audio_input, 3)
    assert isinstance(missing, TrackResult)
    assert missing.stamp is None


def test_an_unexpected_exception_fails_only_its_file(
    classifier: Classifier, wav: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("no rate")

    monkeypatch.setattr(results_module, "decode_file", fail)
    result = try_decode_file(wav(), classifier.card.audio_input, 3)
    assert isinstance(result, TrackResult)
    assert isinstance(result.result, Failure)
    assert "tone.wav could not be classified (ZeroDivisionError: no rate)" in result.result.error.message
