from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genrelens.audio.decoder import load
from genrelens.classifier import Classifier
from genrelens.errors import ManifestError
from genrelens.features.frontend import log_mel
from genrelens.features.spectral import extract_features
from genrelens.model.session import Model
from genrelens.train.data.label_map import LabelMap
from genrelens.train.data.log_mels import network_inputs
from genrelens.train.data.manifest import LabelledTrack
from genrelens.train.evaluation.evaluate import build_evaluation, evaluate, predict_log_mels
from tests.support.audio import encode, tone
from tests.support.models import make_card


@pytest.fixture
def classifier(model_file: Path) -> Classifier:
    return Classifier(Model(model_file, threads=1))


def make_tracks(folder: Path) -> list[LabelledTrack]:
    tracks = []
    for name, hz, label in (("a", 100, "low"), ("b", 200, "low"), ("c", 6_000, "high"), ("d", 150, "high")):
        file = encode(folder / f"{name}.wav", tone(hz, 3), codec="pcm_s16le")
        tracks.append(LabelledTrack(str(file), name, label))
    return tracks


@pytest.mark.parametrize("processes", [1, 2])
def test_evaluation_by_track(classifier: Classifier, tmp_path: Path, processes: int) -> None:
    tracks = make_tracks(tmp_path)
    calls: list[int] = []
    result = evaluate(classifier, tracks, processes, lambda advance=1, total=None: calls.append(advance))
    assert result.metrics.accuracy.value == 0.75
    assert [answer.truth for answer in result.answers] == ["low", "low", "high", "high"]
    assert result.metrics.confusion == ((2, 0), (1, 1))
    assert len(calls) == 4
    expected = classifier.predict(tracks[0].path, windows="all")
    assert max(result.answers[0].probabilities) == pytest.approx(expected.confidence, abs=1e-6)


def test_unreadable_tracks_are_listed_as_failures(classifier: Classifier, tmp_path: Path) -> None:
    missing = LabelledTrack(str(tmp_path / "missing.wav"), "missing", "low")
    result = evaluate(classifier, [*make_tracks(tmp_path), missing], 1)
    assert result.metrics.tracks == 4
    assert [failure.path for failure in result.failures] == [missing.path]
    with pytest.raises(ManifestError, match="none of the tracks could be read"):
        evaluate(classifier, [missing], 1)


def test_labels_that_the_model_lacks_are_rejected(classifier: Classifier, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"label .polka., which the model lacks.*use one of low, high"):
        evaluate(classifier, [LabelledTrack("a.wav", "a", "polka")], 1)


def test_evaluation_by_window(classifier: Classifier, tmp_path: Path) -> None:
    result = evaluate(classifier, make_tracks(tmp_path), 1)
    assert result.windows.tracks == 4
    assert result.windows.confusion == ((10, 0), (5, 5))  # five identical windows per track
    assert result.windows.accuracy == result.metrics.accuracy


def test_label_map_merges_and_ignores_labels(classifier: Classifier, tmp_path: Path) -> None:
    tracks = [replace(item, label={"low": "bass", "high": "treble"}[item.label]) for item in make_tracks(tmp_path)]
    label_map = LabelMap(data={"bass": "low", "treble": "ignore"}, model={"low": "deep"})
    result = evaluate(classifier, tracks, 1, label_map=label_map)
    assert result.labels == ("deep", "high")
    assert [answer.truth for answer in result.answers] == ["deep", "deep"]
    assert result.metrics.confusion == ((2, 0), (0, 0))


def test_rows_of_an_array_are_classified_like_their_audio(classifier: Classifier, tmp_path: Path) -> None:
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


def test_computed_log_mels_are_classified_like_their_audio(classifier: Classifier, tmp_path: Path) -> None:
    tracks = make_tracks(tmp_path)
    sound = classifier.card.audio_input
    log_mels = {
        track.path: extract_features(load(track.path, 22_050), sound.features, sound.front_end) for track in tracks
    }
    predictions = predict_log_mels(classifier.model.probabilities, sound, tracks, log_mels)
    result = build_evaluation("tilt", "1", classifier.card.labels, tracks, predictions)
    assert result.metrics.confusion == evaluate(classifier, tracks, 1).metrics.confusion
    assert network_inputs(log_mels[tracks[0].path], sound).shape[1:] == sound.shape
