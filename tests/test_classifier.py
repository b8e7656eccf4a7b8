import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import genrelens
from genrelens.audio.decoder import AudioReader
from genrelens.classifier import Classifier, mean_over_windows, predicted_labels, window_batches
from genrelens.errors import AudioNotFoundError, ModelNotFoundError, TooShortError
from genrelens.model.card import MusicDetector
from genrelens.model.session import Model
from genrelens.prediction import Failure, Prediction
from tests.support.audio import RATE, encode, tone
from tests.support.models import make_card, make_mapped_model, make_model

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
    assert (prediction.genre, prediction.genres, prediction.confidence) == ("unknown", ("unknown",), 0.5)
    assert prediction.music is None  # the model cannot tell
    assert prediction.warnings == ("3 of 3 windows are digital silence and say nothing of a genre",)
    half = np.concatenate([np.zeros((2, 3 * RATE)), tone(6_000, 3)], axis=1)
    prediction = classifier.predict(encode(tmp_path / "b.wav", half, codec="pcm_s16le"), windows=2)
    assert prediction.genre == "high"
    assert prediction.confidence == prediction.segments[1].scores[0].score
    assert [score.score for score in prediction.segments[0].scores] == [0.5, 0.5]


def test_what_is_told_with_too_little_confidence_is_unknown(model_file: Path, wav: MakeWav) -> None:
    file = wav(hz=100)
    sure = Classifier(Model(model_file)).predict(file)
    for least, genre in ((0.0, "low"), (sure.confidence, "low"), (sure.confidence + 1e-6, "unknown"), (1.0, "unknown")):
        told_so = Classifier(Model(model_file), min_confidence=least).predict(file)
        assert told_so == sure.model_copy(update={"genre": genre, "genres": (genre,)})


def test_the_least_confidence_holds_in_other_processes_too(model_file: Path, wav: MakeWav) -> None:
    strict = Classifier(Model(model_file), min_confidence=1.0)
    results = list(strict.predict_many([wav("a.wav"), wav("b.wav")], processes=2))
    assert [result.genre for result in results if isinstance(result, Prediction)] == ["unknown", "unknown"]


@pytest.mark.parametrize("least", [-0.1, 1.1, float("nan")])
def test_a_least_confidence_that_is_none(model_file: Path, least: float) -> None:
    with pytest.raises(ValueError, match=f"min_confidence must be within 0 and 1, not {least}"):
        Classifier(Model(model_file), min_confidence=least)


def test_a_place_in_a_tree_and_several_labels_can_be_unknown(tmp_path: Path, wav: MakeWav) -> None:
    tree = make_card(labels=("all---low", "all---high"), labelling="tree", certainty=1.0)
    several = make_card(labelling="several", thresholds=(0.1, 0.1))
    for card, least, genres in ((tree, 0.99, ("all",)), (several, 0.5, ("low", "high")), (several, 1.0, ("unknown",))):
        classifier = Classifier(Model(make_model(tmp_path / "m.onnx", card)), min_confidence=least)
        assert classifier.predict(wav(hz=100)).genres == genres


@pytest.fixture
def knowing(tmp_path: Path, wav: MakeWav) -> Classifier:
    """A model that takes low tones for music, and nothing else."""
    plain = Model(make_mapped_model(tmp_path / "plain.onnx", make_card()))
    with AudioReader(wav("usual.wav", hz=100), 22_050) as track:
        (heard,) = window_batches(track, plain.card.audio_input, 1)
    usual = plain.judge(heard.planes).embeddings
    assert usual is not None
    detector = MusicDetector(centre=tuple(usual[0].tolist()), axes=(), usual=0.05, limit=0.2)
    return Classifier(Model(make_mapped_model(tmp_path / "knowing.onnx", make_card(detector=detector))))


def test_what_is_no_music_is_unknown(knowing: Classifier, wav: MakeWav) -> None:
    low, high = knowing.predict(wav("low.wav", hz=100)), knowing.predict(wav("high.wav", hz=6_000))
    assert low.music is not None
    assert high.music is not None
    assert low.music > 0.99
    assert high.music < 0.05
    assert (low.genre, high.genre) == ("low", "unknown")
    assert high.scores[0].label == "high"
    assert high.confidence == high.scores[0].score  # what would have been told


def test_segments_tell_where_the_music_ends(knowing: Classifier, tmp_path: Path) -> None:
    samples = np.concatenate([tone(100, 4), tone(6_000, 4), np.zeros((2, 4 * RATE), np.float32)], axis=1)
    prediction = knowing.predict(encode(tmp_path / "a.wav", samples, codec="pcm_s16le"), windows=6)
    music = [segment.music for segment in prediction.segments]
    assert all(share is not None for share in music)
    assert [round(share or 0) for share in music] == [1, 1, 0, 0, 0, 0]
    assert music[-1] == 0  # silence


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


def test_uniform_answers_name_the_first_label() -> None:
    assert predicted_labels(make_card(labels=("a", "b")), np.array([0.5, 0.5], np.float32)) == ("a",)


def test_vote_leaves_silence_out() -> None:
    rows = np.array([[1, 0], [0, 1], [0, 1]], np.float32)
    np.testing.assert_array_equal(mean_over_windows(rows, np.array([True, False, False])), [0, 1])
    np.testing.assert_allclose(mean_over_windows(rows, np.array([True, True, True])), [1 / 3, 2 / 3])


def test_the_public_names() -> None:
    for name in genrelens.__all__:
        assert getattr(genrelens, name).__module__.startswith("genrelens.")
    with pytest.raises(AttributeError):
        genrelens.nonsense  # noqa: B018
    assert json.loads(genrelens.Score(label="x", score=0.5).to_json()) == {"label": "x", "score": 0.5}
