from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genrelens.audio.decoder import AudioReader, load
from genrelens.classifier import BATCH_WINDOWS, Classifier, mean_over_windows
from genrelens.defaults import DEFAULT_WINDOWS
from genrelens.errors import AudioNotFoundError, ModelNotFoundError, TooShortError
from genrelens.model.card import MusicDetector
from genrelens.model.session import Model
from genrelens.model.windows import decode_track, window_batches
from genrelens.prediction import Failure, Prediction
from tests.support.audio import RATE, encode, tone
from tests.support.models import make_card, make_mapped_model, make_model

MakeWav = Callable[..., Path]


@pytest.fixture(scope="module")
def classifier(model_file: Path) -> Classifier:
    return Classifier(Model(model_file, threads=1))


def test_low_and_high_tones_are_distinguished(classifier: Classifier, wav: MakeWav) -> None:
    for hz, genre in ((100, "low"), (6_000, "high")):
        file = wav(hz=hz)
        prediction = classifier.predict(file)
        assert (prediction.path, prediction.genre) == (str(file), genre)
        assert prediction.confidence == prediction.scores[0].score > 0.5
        assert sum(score.score for score in prediction.scores) == pytest.approx(1, abs=1e-6)
        assert prediction.duration == pytest.approx(3, abs=0.01)
        assert (prediction.model, prediction.version, prediction.warnings) == ("tilt", "1", ())


def test_segments_show_a_change_midway(classifier: Classifier, tmp_path: Path) -> None:
    samples = np.concatenate([tone(100, 4), tone(6_000, 4)], axis=1)
    prediction = classifier.predict(encode(tmp_path / "a.wav", samples, codec="pcm_s16le"), windows="all")
    assert [segment.start for segment in prediction.segments] == pytest.approx(np.arange(15) * 0.5)
    assert [segment.end for segment in prediction.segments] == pytest.approx(np.arange(15) * 0.5 + 1)
    labels = [segment.scores[0].label for segment in prediction.segments]
    assert labels[:7] == ["low"] * 7
    assert labels[8:] == ["high"] * 7


def test_the_prediction_is_the_mean_of_the_segments(classifier: Classifier, wav: MakeWav) -> None:
    prediction = classifier.predict(wav(hz=900, seconds=20), windows="all")
    assert len(prediction.segments) > 32  # more than one batch
    low = [score.score for segment in prediction.segments for score in segment.scores if score.label == "low"]
    assert {score.label: score.score for score in prediction.scores}["low"] == pytest.approx(np.mean(low))


def test_a_number_of_windows_is_evenly_spaced(classifier: Classifier, wav: MakeWav) -> None:
    file = wav(seconds=20)
    assert [s.start for s in classifier.predict(file, windows=2).segments] == pytest.approx([4.5, 14.5])
    assert len(classifier.predict(file).segments) == 3


@pytest.mark.parametrize("options", [{}, {"windows": 2}, {"windows": "all"}], ids=str)
def test_decoded_samples_give_the_same_prediction_as_their_file(
    classifier: Classifier, wav: MakeWav, options: dict[str, Any]
) -> None:
    file = wav(hz=900, seconds=20)
    from_file = classifier.predict(file, **options)
    rate = classifier.card.audio_input.front_end.rate
    from_samples = classifier.predict_samples(load(file, rate), rate, **options)
    assert from_samples.path == "<samples>"
    assert from_samples.genre == from_file.genre
    assert from_samples.confidence == pytest.approx(from_file.confidence, abs=0.005)  # resampled per window
    segments = [segment.start for segment in from_file.segments]
    assert [segment.start for segment in from_samples.segments] == pytest.approx(segments, abs=1e-3)


def test_every_entry_point_analyses_the_same_number_of_windows_by_default(classifier: Classifier, wav: MakeWav) -> None:
    file = wav(seconds=20)
    (from_many,) = classifier.predict_many([file], processes=1)
    assert isinstance(from_many, Prediction)
    samples = load(file, RATE)
    for prediction in (classifier.predict(file), from_many, classifier.predict_samples(samples, RATE)):
        assert len(prediction.segments) == DEFAULT_WINDOWS == 3


def test_tracks_classified_together_equal_single_predictions(classifier: Classifier, wav: MakeWav) -> None:
    files = [wav(f"{hz}.wav", hz=hz, seconds=seconds) for hz, seconds in ((100, 9), (6_000, 0.4), (900, 4))]
    tracks = []
    for file in files:
        with AudioReader(file, classifier.card.audio_input.front_end.rate) as reader:
            tracks.append(decode_track(str(file), reader, classifier.card.audio_input, "all"))
    assert sum(len(track.windows) for track in tracks) > BATCH_WINDOWS
    classifications = classifier.classify(tracks)
    assert [prediction for prediction, _ in classifications] == [
        classifier.predict(file, windows="all") for file in files
    ]
    assert classifications[0][1] is None  # the model does not output feature maps
    assert classifier.classify([]) == []


def test_bytes_and_open_files_give_the_same_prediction(classifier: Classifier, wav: MakeWav) -> None:
    file = wav()
    expected = classifier.predict(file)
    assert classifier.predict(file.read_bytes()) == expected.model_copy(update={"path": "<bytes>"})
    with file.open("rb") as open_file:
        assert classifier.predict(open_file) == expected


def test_silence_is_unknown(classifier: Classifier, tmp_path: Path) -> None:
    silent = encode(tmp_path / "a.wav", np.zeros((2, 3 * RATE)), codec="pcm_s16le")
    prediction = classifier.predict(silent)
    assert (prediction.genre, prediction.genres, prediction.confidence) == ("unknown", ("unknown",), 0.5)
    assert prediction.music is None  # the model has no detector
    assert prediction.warnings == ("3 of 3 windows are digital silence and were not classified",)
    half_silent = np.concatenate([np.zeros((2, 3 * RATE)), tone(6_000, 3)], axis=1)
    prediction = classifier.predict(encode(tmp_path / "b.wav", half_silent, codec="pcm_s16le"), windows=2)
    assert prediction.genre == "high"
    assert prediction.confidence == prediction.segments[1].scores[0].score
    assert [score.score for score in prediction.segments[0].scores] == [0.5, 0.5]


def test_predictions_below_the_minimum_confidence_are_unknown(model_file: Path, wav: MakeWav) -> None:
    file = wav(hz=100)
    unlimited = Classifier(Model(model_file)).predict(file)
    for minimum, genre in (
        (0.0, "low"),
        (unlimited.confidence, "low"),
        (unlimited.confidence + 1e-6, "unknown"),
        (1.0, "unknown"),
    ):
        limited = Classifier(Model(model_file), min_confidence=minimum).predict(file)
        assert limited == unlimited.model_copy(update={"genre": genre, "genres": (genre,)})


def test_the_minimum_confidence_applies_in_worker_processes(model_file: Path, wav: MakeWav) -> None:
    strict = Classifier(Model(model_file), min_confidence=1.0)
    results = list(strict.predict_many([wav("a.wav"), wav("b.wav")], processes=2))
    assert [result.genre for result in results if isinstance(result, Prediction)] == ["unknown", "unknown"]


@pytest.mark.parametrize("minimum", [-0.1, 1.1, float("nan")])
def test_an_invalid_minimum_confidence_is_rejected(model_file: Path, minimum: float) -> None:
    with pytest.raises(ValueError, match=f"min_confidence must be between 0 and 1, not {minimum}"):
        Classifier(Model(model_file), min_confidence=minimum)


def test_tree_and_multi_label_predictions_can_be_unknown(tmp_path: Path, wav: MakeWav) -> None:
    tree = make_card(labels=("all---low", "all---high"), labelling="tree", certainty=1.0)
    several = make_card(labelling="several", thresholds=(0.1, 0.1))
    for card, minimum, genres in (
        (tree, 0.99, ("all",)),
        (several, 0.5, ("low", "high")),
        (several, 1.0, ("unknown",)),
    ):
        classifier = Classifier(Model(make_model(tmp_path / "m.onnx", card)), min_confidence=minimum)
        assert classifier.predict(wav(hz=100)).genres == genres


@pytest.fixture
def music_classifier(tmp_path: Path, wav: MakeWav) -> Classifier:
    """Return a classifier that detects low tones as music, and nothing else."""
    plain = Model(make_mapped_model(tmp_path / "plain.onnx", make_card()))
    with AudioReader(wav("usual.wav", hz=100), 22_050) as reader:
        (batch,) = window_batches(reader, plain.card.audio_input, 1)
    usual = plain.run(batch.inputs).embeddings
    assert usual is not None
    detector = MusicDetector(centre=tuple(usual[0].tolist()), axes=(), usual=0.05, limit=0.2)
    return Classifier(Model(make_mapped_model(tmp_path / "detector.onnx", make_card(detector=detector))))


def test_audio_that_is_not_music_is_unknown(music_classifier: Classifier, wav: MakeWav) -> None:
    low, high = music_classifier.predict(wav("low.wav", hz=100)), music_classifier.predict(wav("high.wav", hz=6_000))
    assert low.music is not None
    assert high.music is not None
    assert low.music > 0.99
    assert high.music < 0.05
    assert (low.genre, high.genre) == ("low", "unknown")
    assert high.scores[0].label == "high"
    assert high.confidence == high.scores[0].score  # of the genre that would have been predicted


def test_segments_show_where_the_music_ends(music_classifier: Classifier, tmp_path: Path) -> None:
    samples = np.concatenate([tone(100, 4), tone(6_000, 4), np.zeros((2, 4 * RATE), np.float32)], axis=1)
    prediction = music_classifier.predict(encode(tmp_path / "a.wav", samples, codec="pcm_s16le"), windows=6)
    music = [segment.music for segment in prediction.segments]
    assert all(probability is not None for probability in music)
    assert [round(probability or 0) for probability in music] == [1, 1, 0, 0, 0, 0]
    assert music[-1] == 0  # silence


def test_short_audio_is_repeated_or_rejected(classifier: Classifier, wav: MakeWav) -> None:
    prediction = classifier.predict(wav(seconds=0.4))
    assert prediction.warnings == ("only 0.4 s of audio, repeated to fill a window of 1.0 s",)
    assert [(segment.start, segment.end) for segment in prediction.segments] == [(0, 0.4)]
    with pytest.raises(TooShortError):
        classifier.predict(wav(seconds=0.05))


@pytest.mark.parametrize("processes", [1, 2])
def test_predict_many_keeps_the_order_and_continues_after_bad_files(
    classifier: Classifier, wav: MakeWav, processes: int
) -> None:
    good = [wav(f"{hz}.wav", hz=hz) for hz in (100, 6_000, 150, 5_000)]
    missing = good[0].with_name("missing.wav")
    sources = [good[0], missing, *good[1:], good[0]]
    results = list(classifier.predict_many(sources, processes=processes))
    assert [result.path for result in results] == [str(source) for source in sources]
    failure = results[1]
    assert isinstance(failure, Failure)
    assert failure.error.type == "AudioNotFoundError"
    for source, result in zip(sources, results, strict=True):
        if source != missing:
            assert isinstance(result, Prediction)
            alone = classifier.predict(source)
            assert result.genre == alone.genre
            assert result.confidence == pytest.approx(alone.confidence, abs=1e-6)
            assert result.segments[0].start == alone.segments[0].start


def test_predict_raises_for_a_missing_file(classifier: Classifier, tmp_path: Path) -> None:
    with pytest.raises(AudioNotFoundError):
        classifier.predict(tmp_path / "missing.wav")


def test_a_model_is_given_by_path_or_name(model_file: Path) -> None:
    assert Classifier(model_file).card == Classifier(str(model_file), threads=2).card == make_card()
    with pytest.raises(ModelNotFoundError):
        Classifier("nosuch")


def test_the_mean_over_windows_ignores_silent_ones() -> None:
    rows = np.array([[1, 0], [0, 1], [0, 1]], np.float32)
    np.testing.assert_array_equal(mean_over_windows(rows, (True, False, False)), [0, 1])
    np.testing.assert_allclose(mean_over_windows(rows, (True, True, True)), [1 / 3, 2 / 3])
