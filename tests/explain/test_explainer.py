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


def make_classifier(tmp_path: Path, card: Card) -> Classifier:
    return Classifier(make_traceable_model(tmp_path / "made.onnx", card), threads=1)


def share_within(explanation: Explanation, start: float, end: float) -> float:
    """Return the fraction of the strongest columns that lie between `start` and `end`, for as many columns."""
    times = np.array(explanation.times[:-1])
    within = (times >= start) & (times < end)
    return float(within[np.argsort(-np.array(explanation.over_time()))[: within.sum()]].mean())


@pytest.mark.parametrize("method", METHODS)
def test_a_planted_event_is_found(tmp_path: Path, method: Method) -> None:
    spec = make_card().audio_input
    classifier = make_classifier(tmp_path, make_card(input=spec.model_copy(update={"window": 5.0, "hop": 2.5})))
    track = encode_with_event(tmp_path / "planted.wav", 6, 9, seconds=14)
    explanation = explain(classifier, track, method=method)
    high = next(each for each in explanation.explanations if each.genre == "high")
    assert share_within(high, 6, 9) > 0.95
    (moment, *_) = strongest_moments(high, 1)
    assert moment.start == pytest.approx(6, abs=0.3)
    assert moment.end == pytest.approx(9, abs=0.3)
    assert moment.evidence > 0
    assert high.method == method


def test_occlusion_finds_the_band_of_an_event(classifier: Classifier, tmp_path: Path) -> None:
    track = encode_with_event(tmp_path / "planted.wav", 2.2, 2.7, seconds=5)
    (high,) = explain(classifier, track, genres=["high"], method="occlusion").explanations
    row, column = np.unravel_index(np.argmax(high.evidence), np.shape(high.evidence))
    assert high.bands[row] < 6_000 < high.bands[row + 1]
    assert 2.0 < high.times[column] < 2.8


def test_window_attribution_by_cam_averages_to_the_logits(classifier: Classifier) -> None:
    model = classifier.model
    inputs = np.random.default_rng(0).standard_normal((3, *model.card.input.shape)).astype(np.float32)
    evidence = window_attribution(model, inputs, "cam")
    np.testing.assert_allclose(evidence.mean(axis=(2, 3)), model.logits(inputs), atol=1e-5)  # the layer has no bias


@pytest.mark.parametrize("method", METHODS)
def test_attributions_of_all_labels_sum_to_zero(classifier: Classifier, tmp_path: Path, method: Method) -> None:
    explanation = explain(classifier, encode_with_event(tmp_path / "a.wav", 1, 2, seconds=3), method=method)
    low, high = (np.array(each.evidence) for each in explanation.explanations)
    assert np.abs(low).max() > 0.01
    np.testing.assert_allclose(low, -high, atol=2e-4)


def test_multi_label_attributions_are_independent(tmp_path: Path) -> None:
    classifier = make_classifier(tmp_path, make_card(labelling="several", thresholds=(0.5, 0.5)))
    track = encode_with_event(tmp_path / "a.wav", 1, 2, seconds=3)
    low, high = (np.array(each.evidence) for each in explain(classifier, track).explanations)
    assert np.abs(low + high).max() > 0.5
    one_label = explain(make_classifier(tmp_path, make_card()), track).explanations[0]
    np.testing.assert_allclose(one_label.evidence, (low - high) / 2, atol=2e-4)


def test_the_attribution_of_a_tree_genre_is_the_weighted_mean_of_its_leaves(tmp_path: Path) -> None:
    graph = make_traceable_model(tmp_path / "m.onnx", make_card(labels=("Tone---Low", "Tone---High"), labelling="tree"))
    classifier = Classifier(graph, threads=1)
    assert explainable_genres(classifier.card) == ("Tone", "Tone---Low", "Tone---High")
    explanation = explain(
        classifier, encode_with_event(tmp_path / "a.wav", 1, 2, seconds=3), genres=explainable_genres(classifier.card)
    )
    tone_, low, high = (np.array(each.evidence) for each in explanation.explanations)
    probable = {score.label: score.score for score in explanation.prediction.scores}
    expected = probable["Tone---Low"] * low + probable["Tone---High"] * high
    np.testing.assert_allclose(tone_, expected, atol=2e-4)


def test_genres_are_explained_in_the_requested_order(classifier: Classifier, wav: MakeWav) -> None:
    explanation = explain(classifier, wav(), genres=("high", "low"))
    assert [each.genre for each in explanation.explanations] == ["high", "low"]
    with pytest.raises(ValueError, match=r"tilt does not know 'polka'; use one of low, high"):
        explain(classifier, "nowhere.wav", genres=["low", "polka"])


def test_the_prediction_equals_that_of_the_classifier(classifier: Classifier, wav: MakeWav) -> None:
    file = wav(seconds=4)
    assert explain(classifier, file).prediction == classifier.predict(file, windows="all")
    assert explain(classifier, file, windows=2).prediction == classifier.predict(file, windows=2)


def test_the_spectrogram_has_the_columns_of_the_explanations(classifier: Classifier, tmp_path: Path) -> None:
    explanation = explain(classifier, encode_with_event(tmp_path / "a.wav", 2, 4, seconds=6))
    spectrogram = explanation.spectrogram
    pixels = spectrogram_pixels(spectrogram)
    assert pixels.shape == (32, len(spectrogram.times) - 1)
    assert pixels.max() == 255
    assert all(each.times == spectrogram.times for each in explanation.explanations)
    row, column = np.unravel_index(pixels.argmax(), pixels.shape)
    assert spectrogram.bands[row - 1] < 6_000 < spectrogram.bands[row + 2]
    assert 2 <= spectrogram.times[column] < 4
    assert pixels[row, 0] < 60 < pixels[:4, 0].max()  # the faint low tone alone
    assert spectrogram.bands[0] == 0
    assert spectrogram.bands[-1] == pytest.approx(11_025)
    assert np.all(np.diff(spectrogram.bands) > 0)


@pytest.mark.parametrize("seconds", [0.4, 1.0, 3.21, 40.0])
def test_the_time_axis_ends_with_the_track(classifier: Classifier, wav: MakeWav, seconds: float) -> None:
    explanation = explain(classifier, wav(seconds=seconds, rate=22_050), genres=["low"])
    times = explanation.spectrogram.times
    assert times[0] == 0
    assert times[-1] == pytest.approx(seconds, abs=0.001)
    assert np.all(np.diff(times) > 0)
    assert len(times) - 1 == min(MAX_COLUMNS, np.ceil(round(seconds, 3) / (1024 / 22_050)))
    assert np.shape(explanation.explanations[0].evidence) == (1, len(times) - 1)
    assert np.all(np.array(explanation.explanations[0].evidence) != 0)


def test_audio_that_was_not_analysed_has_no_attribution(classifier: Classifier, wav: MakeWav) -> None:
    explanation = explain(classifier, wav(seconds=8), windows=2)
    times = np.array(explanation.spectrogram.times)
    analysed = np.zeros(len(times) - 1, bool)
    for segment in explanation.prediction.segments:
        analysed |= (times[1:] > segment.start) & (times[:-1] < segment.end)
    assert 0.2 < analysed.mean() < 0.35
    np.testing.assert_array_equal(np.array(explanation.explanations[0].evidence)[0] != 0, analysed)
    np.testing.assert_array_equal(spectrogram_pixels(explanation.spectrogram).max(axis=0) > 0, analysed)


@pytest.mark.parametrize("method", METHODS)
def test_silence_has_no_attribution(classifier: Classifier, tmp_path: Path, method: Method) -> None:
    samples = tone(6_000, seconds=6)
    samples[:, 2 * RATE :] = 0
    explanation = explain(classifier, encode(tmp_path / "a.wav", samples, codec="pcm_s16le"), method=method)
    for each in explanation.explanations:
        over_time = np.array(each.over_time())
        assert not over_time[np.array(each.times[:-1]) > 3.1].any()
        assert over_time.any()
    silent = explain(classifier, encode(tmp_path / "b.wav", 0 * samples, codec="pcm_s16le"), method=method)
    assert {score.score for score in silent.prediction.scores} == {0.5}
    assert not any(np.any(each.evidence) for each in silent.explanations)
    assert strongest_moments(silent.explanations[0], 3) == []
    assert spectrogram_pixels(silent.spectrogram).max() == 0


def test_any_source_can_be_explained(classifier: Classifier, wav: MakeWav) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    file = wav(seconds=2)
    expected = explain(classifier, file)
    content = file.read_bytes()
    for source in (str(file), content, io.BytesIO(content), Pipe(content)):
        explanation = explain(classifier, source)
        assert explanation.explanations == expected.explanations
        assert explanation.spectrogram == expected.spectrogram


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes on Windows")
def test_a_named_pipe_is_explained_like_a_file(classifier: Classifier, wav: MakeWav, tmp_path: Path) -> None:
    file, pipe = wav(), tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(file.read_bytes()))
    writer.start()
    explanation = explain(classifier, pipe)
    writer.join()
    expected = explain(classifier, file)
    assert explanation.prediction == expected.prediction.model_copy(update={"path": str(pipe)})
    assert explanation.explanations == expected.explanations


def test_explanations_with_any_path_round_trip_through_json(
    classifier: Classifier, wav: MakeWav, tmp_path: Path
) -> None:
    odd = tmp_path / os.fsdecode(b"\xff\xfe.wav")
    wav(seconds=1).rename(odd)
    explanation = explain(classifier, odd, method="occlusion")
    text = explanation.to_json()
    assert text.isascii()
    assert TrackExplanation.from_json(text) == explanation
    assert "-0.0," not in text
    with pytest.raises(ValidationError):
        TrackExplanation.from_json(text.replace('"bands"', '"tapes"'))


def test_a_model_without_maps_is_explained_by_occlusion(model_file: Path, wav: MakeWav) -> None:
    classifier = Classifier(model_file, threads=1)
    assert not classifier.model.traceable
    explanation = explain(classifier, wav(seconds=1))
    assert {each.method for each in explanation.explanations} == {"occlusion"}
    with pytest.raises(
        UntraceableError, match=r"tilt does not support class activation maps .* explain it by occlusion"
    ):
        explain(classifier, wav(seconds=1), method="cam")


def test_trace_returns_maps_that_average_to_the_embeddings(classifier: Classifier) -> None:
    model = classifier.model
    inputs = np.random.default_rng(1).standard_normal((2, *model.card.input.shape)).astype(np.float32)
    maps, weights = model.trace(inputs)
    assert (maps.shape, weights.shape) == ((2, 2, 1, inputs.shape[-1]), (2, 2))
    assert model.traceable
    np.testing.assert_array_equal(maps.mean(axis=(2, 3)), model.run(inputs).embeddings)


def test_inputs_with_other_rows_than_mel_bands_are_explained_over_time_only() -> None:
    spec = make_card().audio_input
    maps = np.arange(12.0).reshape(1, 1, 2, 6)
    for features, rows in ((("mel",), 2), (("mel", "chroma"), 1)):
        model = fake_model(
            card=make_card(input=spec.model_copy(update={"features": features})),
            trace=lambda _: (maps, np.ones((2, 1))),
            logits=lambda inputs: inputs.sum(axis=(2, 3)),
        )
        inputs = np.random.default_rng(0).standard_normal((1, 2, 32, 22)).astype(np.float32)
        traced = window_attribution(model, inputs, "cam")
        assert traced.shape == (1, 2, rows, 6)
        np.testing.assert_allclose(traced.mean(axis=2)[0, 0], maps.mean(axis=2)[0, 0])
        assert window_attribution(model, inputs, "occlusion").shape == (1, 2, 8 if rows == 2 else 1, 4)


def test_inputs_that_cannot_be_explained_are_errors(classifier: Classifier, wav: MakeWav, tmp_path: Path) -> None:
    with pytest.raises(AudioNotFoundError):
        explain(classifier, tmp_path / "missing.wav")
    with pytest.raises(TooShortError):
        explain(classifier, wav(seconds=0.05))
    picture_classifier = SimpleNamespace(card=make_card(input=PictureInput(kind="picture", width=8, height=8)))
    with pytest.raises(WrongInputError, match="takes pictures"):
        explain(cast("Classifier", picture_classifier), wav())


def fake_model(**parts: Any) -> Model:
    return cast("Model", SimpleNamespace(**parts))


def make_explanation(evidence: list[float], seconds: float) -> Explanation:
    edges = tuple(np.linspace(0, seconds, len(evidence) + 1).tolist())
    return Explanation(genre="any", method="cam", times=edges, bands=(0, 1), evidence=(tuple(evidence),))


def test_the_strongest_moments_are_disjoint_and_sorted() -> None:
    evidence = [0.0] * 20
    evidence[3:6], evidence[12:15], evidence[16] = [2, 2, 2], [5, 5, 5], 1
    found = strongest_moments(make_explanation(evidence, 20), 9)
    assert found[:2] == [Moment(12, 15, 5), Moment(3, 6, 2)]
    assert [round(moment.evidence, 6) for moment in found[2:]] == [pytest.approx(1 / 3)]
    assert strongest_moments(make_explanation(evidence, 20), 1) == found[:1]
    assert strongest_moments(make_explanation([-1.0] * 5, 5), 3) == []
    assert strongest_moments(make_explanation([0.5], 1.5), 3) == [Moment(0, 1.5, 0.5)]
    assert len(strongest_moments(make_explanation([1.0] * 30, 30), 99)) == 10


@pytest.mark.data
def test_metal_between_silence_is_found(tmp_path: Path) -> None:
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
