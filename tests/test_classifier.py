import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import genrelens
from genrelens.classifier import Classifier, vote
from genrelens.errors import AudioNotFoundError, ModelNotFoundError, TooShortError
from genrelens.model import Model
from genrelens.prediction import Failure, Prediction
from tests.conftest import RATE, encode, make_card, make_model, tone

MakeWav = Callable[..., Path]


@pytest.fixture(scope="module")
def classifier(model_file: Path) -> Classifier:
    return Classifier(Model(model_file, threads=1))


def test_low_and_high_are_told_apart(classifier: Classifier, wav: MakeWav) -> None:
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
    told = [segment.scores[0].label for segment in prediction.segments]
    assert told[:7] == ["low"] * 7
    assert told[8:] == ["high"] * 7


def test_the_answer_is_the_mean_of_the_segments(classifier: Classifier, wav: MakeWav) -> None:
    prediction = classifier.predict(wav(hz=900, seconds=20), windows="all")
    assert len(prediction.segments) > 32  # more than one batch
    low = [score.score for segment in prediction.segments for score in segment.scores if score.label == "low"]
    assert {score.label: score.score for score in prediction.scores}["low"] == pytest.approx(np.mean(low))


def test_a_number_of_windows(classifier: Classifier, wav: MakeWav) -> None:
    file = wav(seconds=20)
    assert [s.start for s in classifier.predict(file, windows=2).segments] == pytest.approx([4.5, 14.5])
    assert len(classifier.predict(file).segments) == 3


def test_samples_in_memory_give_what_their_file_gives(classifier: Classifier, wav: MakeWav) -> None:
    file = wav(seconds=5)
    from_file = classifier.predict(file, windows="all")
    from_samples = classifier.predict_samples(tone(seconds=5).T, RATE)
    assert from_samples.path == "<samples>"
    assert from_samples.confidence == pytest.approx(from_file.confidence, abs=1e-3)
    assert len(from_samples.segments) == len(from_file.segments)


def test_bytes_and_open_files(classifier: Classifier, wav: MakeWav) -> None:
    file = wav()
    expected = classifier.predict(file)
    assert classifier.predict(file.read_bytes()) == expected.model_copy(update={"path": "<bytes>"})
    with file.open("rb") as opened:
        assert classifier.predict(opened) == expected


def test_silence_is_no_genre(classifier: Classifier, tmp_path: Path) -> None:
    silent = encode(tmp_path / "a.wav", np.zeros((2, 3 * RATE)), codec="pcm_s16le")
    prediction = classifier.predict(silent)
    assert prediction.confidence == 0.5
    assert prediction.warnings == ("3 of 3 windows are digital silence and say nothing of a genre",)
    half = np.concatenate([np.zeros((2, 3 * RATE)), tone(6_000, 3)], axis=1)
    prediction = classifier.predict(encode(tmp_path / "b.wav", half, codec="pcm_s16le"), windows=2)
    assert prediction.genre == "high"
    assert prediction.confidence == prediction.segments[1].scores[0].score
    assert [score.score for score in prediction.segments[0].scores] == [0.5, 0.5]


def test_short_audio(classifier: Classifier, wav: MakeWav) -> None:
    prediction = classifier.predict(wav(seconds=0.4))
    assert prediction.warnings == ("only 0.4 s of audio, repeated to fill a window of 1.0 s",)
    assert [(segment.start, segment.end) for segment in prediction.segments] == [(0, 0.4)]
    with pytest.raises(TooShortError):
        classifier.predict(wav(seconds=0.05))


@pytest.mark.parametrize("processes", [1, 2])
def test_many_files_in_order_and_past_bad_ones(classifier: Classifier, wav: MakeWav, processes: int) -> None:
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


def test_one_bad_file_raises(classifier: Classifier, tmp_path: Path) -> None:
    with pytest.raises(AudioNotFoundError):
        classifier.predict(tmp_path / "missing.wav")


def test_a_model_by_path_and_by_wrong_name(model_file: Path) -> None:
    assert Classifier(model_file).card == Classifier(str(model_file), threads=2).card == make_card()
    with pytest.raises(ModelNotFoundError):
        Classifier("nosuch")


def test_uniform_answers_name_the_first_label(tmp_path: Path) -> None:
    card = make_card(labels=("a", "b"))
    silent = np.zeros(22_050, np.float32)
    assert Classifier(Model(make_model(tmp_path / "m.onnx", card))).predict_samples(silent, 22_050).genre == "a"


def test_vote_leaves_silence_out() -> None:
    rows = np.array([[1, 0], [0, 1], [0, 1]], np.float32)
    np.testing.assert_array_equal(vote(rows, np.array([True, False, False])), [0, 1])
    np.testing.assert_allclose(vote(rows, np.array([True, True, True])), [1 / 3, 2 / 3])


def test_the_public_names() -> None:
    for name in genrelens.__all__:
        assert getattr(genrelens, name).__module__.startswith("genrelens.")
    with pytest.raises(AttributeError):
        genrelens.nonsense  # noqa: B018
    assert json.loads(genrelens.Score(label="x", score=0.5).to_json()) == {"label": "x", "score": 0.5}
