from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genrelens.audio.decoder import load
from genrelens.classifier import Classifier
from genrelens.errors import ManifestError
from genrelens.features.frontend import log_mel, mel_decibels, normalise
from genrelens.features.spectral import extract_features
from genrelens.model.session import Model
from genrelens.train.data.label_map import LabelMap
from genrelens.train.data.manifest import LabelledTrack
from genrelens.train.data.windows import network_inputs, sliding_frames
from genrelens.train.evaluation.evaluate import build_evaluation, evaluate, predict_log_mels
from tests.support.audio import encode, tone
from tests.support.models import make_card


@pytest.fixture
def classifier(model_file: Path) -> Classifier:
    return Classifier(Model(model_file, threads=1))


def items(folder: Path) -> list[LabelledTrack]:
    made = []
    for name, hz, label in (("a", 100, "low"), ("b", 200, "low"), ("c", 6_000, "high"), ("d", 150, "high")):
        file = encode(folder / f"{name}.wav", tone(hz, 3), codec="pcm_s16le")
        made.append(LabelledTrack(str(file), name, label))
    return made


@pytest.mark.parametrize("processes", [1, 2])
def test_measures_and_answers(classifier: Classifier, tmp_path: Path, processes: int) -> None:
    tracks = items(tmp_path)
    calls: list[int] = []
    result = evaluate(classifier, tracks, processes, lambda: calls.append(1))
    assert result.metrics.accuracy.value == 0.75
    assert [answer.truth for answer in result.answers] == ["low", "low", "high", "high"]
    assert result.metrics.confusion == ((2, 0), (1, 1))
    assert len(calls) == 4
    alone = classifier.predict(tracks[0].path, windows="all")
    assert max(result.answers[0].probabilities) == pytest.approx(alone.confidence, abs=1e-6)


def test_unreadable_tracks_are_listed(classifier: Classifier, tmp_path: Path) -> None:
    missing = LabelledTrack(str(tmp_path / "missing.wav"), "missing", "low")
    result = evaluate(classifier, [*items(tmp_path), missing], 1)
    assert result.metrics.tracks == 4
    assert [failure.path for failure in result.failures] == [missing.path]
    with pytest.raises(ManifestError, match="none of the tracks could be read"):
        evaluate(classifier, [missing], 1)


def test_labels_that_the_model_lacks(classifier: Classifier, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"label .polka., which the model lacks.*known are low, high"):
        evaluate(classifier, [LabelledTrack("a.wav", "a", "polka")], 1)


def test_windows_are_measured_too(classifier: Classifier, tmp_path: Path) -> None:
    result = evaluate(classifier, items(tmp_path), 1)
    assert result.windows.tracks == 4
    assert result.windows.confusion == ((10, 0), (5, 5))  # five windows a track, all alike
    assert result.windows.accuracy == result.metrics.accuracy


def test_labels_are_brought_together(classifier: Classifier, tmp_path: Path) -> None:
    tracks = [replace(item, label={"low": "bass", "high": "treble"}[item.label]) for item in items(tmp_path)]
    label_map = LabelMap(data={"bass": "low", "treble": "ignore"}, model={"low": "deep"})
    result = evaluate(classifier, tracks, 1, label_map=label_map)
    assert result.labels == ("deep", "high")
    assert [answer.truth for answer in result.answers] == ["deep", "deep"]
    assert result.metrics.confusion == ((2, 0), (0, 0))


def test_rows_of_an_array_give_what_their_audio_gives(classifier: Classifier, tmp_path: Path) -> None:
    front_end = make_card().audio_input.front_end
    rng = np.random.default_rng(0)
    waves = [0.3 * rng.standard_normal(30 * 22_050) * np.hanning(30 * 22_050) ** power for power in (0, 1)]
    levels = np.stack([log_mel(wave, front_end) for wave in waves])
    array = tmp_path / "mels.npy"
    np.save(array, np.round((levels + 80) / 80 * 255).astype(np.uint8))
    rows = [LabelledTrack(f"{array}#{n}", str(n), "low") for n in range(2)]
    result = evaluate(classifier, rows, 1)
    for wave, answer in zip(waves, result.answers, strict=True):
        expected = classifier.predict_samples(wave, 22_050)
        scores = {score.label: score.score for score in expected.scores}
        assert answer.probabilities == pytest.approx([scores["low"], scores["high"]], abs=0.02)


def test_windows_of_a_log_mel_are_those_of_its_audio() -> None:
    """Without centring, the frames of a window are the same whether cut before or after the transform."""
    front_end = make_card().audio_input.front_end.model_copy(update={"center": False})
    samples = np.random.default_rng(0).standard_normal(3 * 22_050)
    frames, hop = 20, 10
    windows = sliding_frames(mel_decibels(samples, front_end), frames, hop)
    size, step = front_end.samples(frames), hop * front_end.hop
    for number in range(3):
        expected = normalise(log_mel(samples[number * step : number * step + size], front_end), front_end)
        ours = windows[number]
        ours = np.maximum(ours - ours.max(), -80)
        np.testing.assert_allclose(normalise(ours, front_end), expected, atol=1e-4)


def test_levels_at_hand_give_what_their_audio_gives(classifier: Classifier, tmp_path: Path) -> None:
    tracks = items(tmp_path)
    sound = classifier.card.audio_input
    levels = {item.path: extract_features(load(item.path, 22_050), sound.features, sound.front_end) for item in tracks}
    judge = classifier.model.probabilities
    answers = predict_log_mels(judge, sound, tracks, levels)
    result = build_evaluation("tilt", "1", classifier.card.labels, tracks, answers.judged)
    assert result.metrics.confusion == evaluate(classifier, tracks, 1).metrics.confusion
    assert network_inputs(levels[tracks[0].path], sound).shape[1:] == sound.shape
