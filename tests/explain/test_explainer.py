import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from pydantic import ValidationError

from genrelens.audio.decoder import load
from genrelens.classifier import Classifier
from genrelens.errors import AudioNotFoundError, TooShortError, UntraceableError, WrongInputError
from genrelens.explain.explainer import (
    MAX_COLUMNS,
    Moment,
    explain,
    explainable_genres,
    spectrogram_pixels,
    strongest_moments,
    window_attribution,
)
from genrelens.explain.explanation import Explanation, Method, TrackExplanation
from genrelens.model.card import Card
from genrelens.model.input_spec import PictureInput
from genrelens.model.session import Model
from tests.support.audio import RATE, encode, encode_with_event, tone
from tests.support.models import make_card, make_traceable_model
from tests.support.paths import DATA

MakeWav = Callable[..., Path]
METHODS: tuple[Method, ...] = ("cam", "occlusion")


@pytest.fixture
def classifier(tmp_path: Path) -> Classifier:
    return Classifier(make_traceable_model(tmp_path / "model.onnx", make_card()), threads=1)


def made(tmp_path: Path, card: Card) -> Classifier:
    return Classifier(make_traceable_model(tmp_path / "made.onnx", card), threads=1)


def share_within(explanation: Explanation, start: float, end: float) -> float:
    """Of so much time as lies between, with the most evidence, how much does."""
    times = np.array(explanation.times[:-1])
    within = (times >= start) & (times < end)
    return float(within[np.argsort(-np.array(explanation.over_time()))[: within.sum()]].mean())


@pytest.mark.parametrize("method", METHODS)
def test_planted_evidence_is_found(tmp_path: Path, method: Method) -> None:
    sound = make_card().audio_input
    classifier = made(tmp_path, make_card(input=sound.model_copy(update={"window": 5.0, "hop": 2.5})))
    track = encode_with_event(tmp_path / "planted.wav", 6, 9, seconds=14)
    explained = explain(classifier, track, method=method)
    high = next(one for one in explained.explanations if one.genre == "high")
    assert share_within(high, 6, 9) > 0.95
    (moment, *_) = strongest_moments(high, 1)
    assert moment.start == pytest.approx(6, abs=0.3)
    assert moment.end == pytest.approx(9, abs=0.3)
    assert moment.evidence > 0
    assert high.method == method


def test_occlusion_finds_the_band_too(classifier: Classifier, tmp_path: Path) -> None:
    track = encode_with_event(tmp_path / "planted.wav", 2.2, 2.7, seconds=5)
    (high,) = explain(classifier, track, genres=["high"], method="occlusion").explanations
    row, column = np.unravel_index(np.argmax(high.evidence), np.shape(high.evidence))
    assert high.bands[row] < 6_000 < high.bands[row + 1]
    assert 2.0 < high.times[column] < 2.8


def test_class_activation_averages_to_the_logits(classifier: Classifier) -> None:
    model = classifier.model
    heard = np.random.default_rng(0).standard_normal((3, *model.card.input.shape)).astype(np.float32)
    evidence = window_attribution(model, heard, "cam")
    np.testing.assert_allclose(evidence.mean(axis=(2, 3)), model.logits(heard), atol=1e-5)  # which have no bias


@pytest.mark.parametrize("method", METHODS)
def test_evidence_of_all_labels_adds_up_to_nothing(classifier: Classifier, tmp_path: Path, method: Method) -> None:
    explained = explain(classifier, encode_with_event(tmp_path / "a.wav", 1, 2, seconds=3), method=method)
    low, high = (np.array(one.evidence) for one in explained.explanations)
    assert np.abs(low).max() > 0.01
    np.testing.assert_allclose(low, -high, atol=2e-4)


def test_several_labels_each_have_evidence_of_their_own(tmp_path: Path) -> None:
    classifier = made(tmp_path, make_card(labelling="several", thresholds=(0.5, 0.5)))
    track = encode_with_event(tmp_path / "a.wav", 1, 2, seconds=3)
    low, high = (np.array(one.evidence) for one in explain(classifier, track).explanations)
    assert np.abs(low + high).max() > 0.5
    one_label = explain(made(tmp_path, make_card()), track).explanations[0]
    np.testing.assert_allclose(one_label.evidence, (low - high) / 2, atol=2e-4)


def test_a_genre_of_a_tree_speaks_as_its_leaves_do(tmp_path: Path) -> None:
    graph = make_traceable_model(tmp_path / "m.onnx", make_card(labels=("Tone---Low", "Tone---High"), labelling="tree"))
    classifier = Classifier(graph, threads=1)
    assert explainable_genres(classifier.card) == ("Tone", "Tone---Low", "Tone---High")
    explained = explain(
        classifier, encode_with_event(tmp_path / "a.wav", 1, 2, seconds=3), genres=explainable_genres(classifier.card)
    )
    tone_, low, high = (np.array(one.evidence) for one in explained.explanations)
    probable = {score.label: score.score for score in explained.prediction.scores}
    expected = probable["Tone---Low"] * low + probable["Tone---High"] * high
    np.testing.assert_allclose(tone_, expected, atol=2e-4)


def test_genres_come_in_the_order_that_they_are_asked_for(classifier: Classifier, wav: MakeWav) -> None:
    explained = explain(classifier, wav(), genres=("high", "low"))
    assert [one.genre for one in explained.explanations] == ["high", "low"]
    with pytest.raises(ValueError, match=r"tilt does not know 'polka'; it tells low, high"):
        explain(classifier, "nowhere.wav", genres=["low", "polka"])


def test_the_prediction_is_that_of_the_classifier(classifier: Classifier, wav: MakeWav) -> None:
    file = wav(seconds=4)
    assert explain(classifier, file).prediction == classifier.predict(file, windows="all")
    assert explain(classifier, file, windows=2).prediction == classifier.predict(file, windows=2)


def test_the_spectrogram_shows_the_sound_on_the_same_columns(classifier: Classifier, tmp_path: Path) -> None:
    explained = explain(classifier, encode_with_event(tmp_path / "a.wav", 2, 4, seconds=6))
    spectrogram = explained.spectrogram
    shown = spectrogram_pixels(spectrogram)
    assert shown.shape == (32, len(spectrogram.times) - 1)
    assert shown.max() == 255
    assert all(one.times == spectrogram.times for one in explained.explanations)
    row, column = np.unravel_index(shown.argmax(), shown.shape)
    assert spectrogram.bands[row - 1] < 6_000 < spectrogram.bands[row + 2]
    assert 2 <= spectrogram.times[column] < 4
    assert shown[row, 0] < 60 < shown[:4, 0].max()  # the faint low tone alone
    assert spectrogram.bands[0] == 0
    assert spectrogram.bands[-1] == pytest.approx(11_025)
    assert np.all(np.diff(spectrogram.bands) > 0)


@pytest.mark.parametrize("seconds", [0.4, 1.0, 3.21, 40.0])
def test_the_time_axis_ends_with_the_track(classifier: Classifier, wav: MakeWav, seconds: float) -> None:
    explained = explain(classifier, wav(seconds=seconds, rate=22_050), genres=["low"])
    times = explained.spectrogram.times
    assert times[0] == 0
    assert times[-1] == pytest.approx(seconds, abs=0.001)
    assert np.all(np.diff(times) > 0)
    assert len(times) - 1 == min(MAX_COLUMNS, np.ceil(round(seconds, 3) / (1024 / 22_050)))
    assert np.shape(explained.explanations[0].evidence) == (1, len(times) - 1)
    assert np.all(np.array(explained.explanations[0].evidence) != 0)


def test_what_is_not_heard_says_nothing(classifier: Classifier, wav: MakeWav) -> None:
    explained = explain(classifier, wav(seconds=8), windows=2)
    times = np.array(explained.spectrogram.times)
    heard = np.zeros(len(times) - 1, bool)
    for segment in explained.prediction.segments:
        heard |= (times[1:] > segment.start) & (times[:-1] < segment.end)
    assert 0.2 < heard.mean() < 0.35
    np.testing.assert_array_equal(np.array(explained.explanations[0].evidence)[0] != 0, heard)
    np.testing.assert_array_equal(spectrogram_pixels(explained.spectrogram).max(axis=0) > 0, heard)


@pytest.mark.parametrize("method", METHODS)
def test_silence_says_nothing(classifier: Classifier, tmp_path: Path, method: Method) -> None:
    samples = tone(6_000, seconds=6)
    samples[:, 2 * RATE :] = 0
    explained = explain(classifier, encode(tmp_path / "a.wav", samples, codec="pcm_s16le"), method=method)
    for one in explained.explanations:
        over_time = np.array(one.over_time())
        assert not over_time[np.array(one.times[:-1]) > 3.1].any()
        assert over_time.any()
    nothing = explain(classifier, encode(tmp_path / "b.wav", 0 * samples, codec="pcm_s16le"), method=method)
    assert {score.score for score in nothing.prediction.scores} == {0.5}
    assert not any(np.any(one.evidence) for one in nothing.explanations)
    assert strongest_moments(nothing.explanations[0], 3) == []
    assert spectrogram_pixels(nothing.spectrogram).max() == 0


def test_any_source_can_be_explained(classifier: Classifier, wav: MakeWav) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    file = wav(seconds=2)
    expected = explain(classifier, file)
    content = file.read_bytes()
    for source in (str(file), content, io.BytesIO(content), Pipe(content)):
        explained = explain(classifier, source)
        assert explained.explanations == expected.explanations
        assert explained.spectrogram == expected.spectrogram


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes on Windows")
def test_a_pipe_is_explained_as_the_file_that_it_brings(classifier: Classifier, wav: MakeWav, tmp_path: Path) -> None:
    file, pipe = wav(), tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(file.read_bytes()))
    writer.start()
    explained = explain(classifier, pipe)
    writer.join()
    expected = explain(classifier, file)
    assert explained.prediction == expected.prediction.model_copy(update={"path": str(pipe)})
    assert explained.explanations == expected.explanations


def test_json_there_and_back_whatever_the_path_is_made_of(classifier: Classifier, wav: MakeWav, tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"\xff\xfe.wav")
    wav(seconds=1).rename(odd)
    explained = explain(classifier, odd, method="occlusion")
    text = explained.to_json()
    assert text.isascii()
    assert TrackExplanation.from_json(text) == explained
    assert "-0.0," not in text
    with pytest.raises(ValidationError):
        TrackExplanation.from_json(text.replace('"bands"', '"tapes"'))


def test_a_model_without_maps_is_explained_by_occlusion(model_file: Path, wav: MakeWav) -> None:
    classifier = Classifier(model_file, threads=1)
    assert not classifier.model.traceable
    explained = explain(classifier, wav(seconds=1))
    assert {one.method for one in explained.explanations} == {"occlusion"}
    with pytest.raises(UntraceableError, match=r"tilt does not tell where .* explain it by occlusion"):
        explain(classifier, wav(seconds=1), method="cam")


def test_the_trace_of_a_model(classifier: Classifier) -> None:
    model = classifier.model
    heard = np.random.default_rng(1).standard_normal((2, *model.card.input.shape)).astype(np.float32)
    maps, weights = model.trace(heard)
    assert (maps.shape, weights.shape) == ((2, 2, 1, heard.shape[-1]), (2, 2))
    assert model.traceable
    np.testing.assert_array_equal(maps.mean(axis=(2, 3)), model.run(heard).embeddings)


def test_rows_that_are_more_than_mel_bands_tell_of_time_alone() -> None:
    sound = make_card().audio_input
    maps = np.arange(12.0).reshape(1, 1, 2, 6)
    for features, rows in ((("mel",), 2), (("mel", "chroma"), 1)):
        model = pretended(
            card=make_card(input=sound.model_copy(update={"features": features})),
            trace=lambda _: (maps, np.ones((2, 1))),
            logits=lambda heard: heard.sum(axis=(2, 3)),
        )
        heard = np.random.default_rng(0).standard_normal((1, 2, 32, 22)).astype(np.float32)
        traced = window_attribution(model, heard, "cam")
        assert traced.shape == (1, 2, rows, 6)
        np.testing.assert_allclose(traced.mean(axis=2)[0, 0], maps.mean(axis=2)[0, 0])
        assert window_attribution(model, heard, "occlusion").shape == (1, 2, 8 if rows == 2 else 1, 4)


def test_inputs_that_cannot_be_explained(classifier: Classifier, wav: MakeWav, tmp_path: Path) -> None:
    with pytest.raises(AudioNotFoundError):
        explain(classifier, tmp_path / "missing.wav")
    with pytest.raises(TooShortError):
        explain(classifier, wav(seconds=0.05))
    looking = SimpleNamespace(card=make_card(input=PictureInput(kind="picture", width=8, height=8)))
    with pytest.raises(WrongInputError, match="looks at pictures"):
        explain(cast("Classifier", looking), wav())


def pretended(**parts: Any) -> Model:
    return cast("Model", SimpleNamespace(**parts))


def described(evidence: list[float], seconds: float) -> Explanation:
    edges = tuple(np.linspace(0, seconds, len(evidence) + 1).tolist())
    return Explanation(genre="any", method="cam", times=edges, bands=(0, 1), evidence=(tuple(evidence),))


def test_the_strongest_moments_do_not_overlap_and_come_in_order() -> None:
    evidence = [0.0] * 20
    evidence[3:6], evidence[12:15], evidence[16] = [2, 2, 2], [5, 5, 5], 1
    found = strongest_moments(described(evidence, 20), 9)
    assert found[:2] == [Moment(12, 15, 5), Moment(3, 6, 2)]
    assert [round(moment.evidence, 6) for moment in found[2:]] == [pytest.approx(1 / 3)]
    assert strongest_moments(described(evidence, 20), 1) == found[:1]
    assert strongest_moments(described([-1.0] * 5, 5), 3) == []
    assert strongest_moments(described([0.5], 1.5), 3) == [Moment(0, 1.5, 0.5)]
    assert len(strongest_moments(described([1.0] * 30, 30), 99)) == 10


@pytest.mark.data
def test_real_metal_in_silence_is_pointed_at(tmp_path: Path) -> None:
    classifier = Classifier(threads=1)
    songs = sorted((DATA / "audio" / "metal").iterdir())[:3]
    assert songs
    for song in songs:
        silence = np.zeros((1, 20 * 22_050), np.float32)
        silence[0, 8 * 22_050 : 11 * 22_050] = load(song, 22_050)[5 * 22_050 : 8 * 22_050]
        track = encode(tmp_path / "pasted.wav", silence, codec="pcm_s16le", rate=22_050)
        (metal,) = explain(classifier, track, genres=["metal"], method="cam").explanations
        assert share_within(metal, 8, 11) > 0.8
        assert strongest_moments(metal, 1)[0].start == pytest.approx(8, abs=0.5)
