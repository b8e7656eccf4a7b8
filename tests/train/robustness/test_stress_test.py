import pickle
from pathlib import Path

import numpy as np
import pytest

from genrelens.classifier import Classifier
from genrelens.errors import ManifestError, WrongInputError
from genrelens.model.input_spec import PictureInput
from genrelens.train.data.manifest import LabelledTrack, Manifest
from genrelens.train.robustness.battery import perturbation_battery, select_perturbations
from genrelens.train.robustness.equaliser import NEIGHBOURING_FILTERS, RANDOM_FILTERS
from genrelens.train.robustness.measures import StressReport
from genrelens.train.robustness.perturbations import Gain, LowPass, Perturbation, Polarity, Shuffle
from genrelens.train.robustness.runner import predict_track
from genrelens.train.robustness.stress_test import StressSettings, run_stress_test
from tests.support.audio import encode, tone
from tests.support.models import make_card

SETTINGS = StressSettings(seed=1, processes=1)


@pytest.fixture
def data(tmp_path: Path) -> Manifest:
    """Two low tracks and two high ones."""
    tracks = []
    for name, hz in (("a", 100), ("b", 150), ("c", 5_000), ("d", 7_000)):
        label = "low" if hz < 1000 else "high"
        file = encode(tmp_path / f"{name}.wav", tone(hz, 2), codec="pcm_s16le")
        tracks.append(LabelledTrack(str(file), name, label, split="valid"))
    return Manifest("tones", tuple(tracks))


def run(model: Path, data: Manifest, perturbations: list[Perturbation]) -> StressReport:
    return run_stress_test(Classifier(model), data, "given", "valid", perturbations, SETTINGS)


def test_report_shows_what_the_model_relies_on(model_file: Path, data: Manifest) -> None:
    report = run(model_file, data, [Polarity(), Gain(-20), LowPass(500), Shuffle(0)])
    polarity, gain, low_pass, shuffle = report.rows
    assert (report.tested, report.accuracy.value) == (4, 1.0)
    assert (polarity.difference.value, polarity.flips) == (0, 0)
    assert (gain.difference.value, gain.passed) == (0, True)
    assert low_pass.difference.value < 0
    assert shuffle.confidence == pytest.approx(0, abs=1e-6)  # the model averages over time
    assert report.search is None
    assert [row.family for row in report.extremes] == ["all", "polarity", "gain", "lowpass", "shuffle"]
    assert StressReport.model_validate_json(report.model_dump_json()) == report


def test_all_random_filters_start_a_search(model_file: Path, data: Manifest) -> None:
    filters = select_perturbations(perturbation_battery(np.random.default_rng(1)), ["equaliser"])
    report = run(model_file, Manifest("tones", data.tracks[1:3]), filters)
    assert report.search is not None
    assert len(report.rows) == len(report.search.filters) == RANDOM_FILTERS + 2 * NEIGHBOURING_FILTERS
    confidence = {
        row.name: row.confidence for row in report.rows
    }  # all predictions stay correct, so this sets the ranking
    assert min(confidence, key=lambda name: confidence[name]) == report.search.deflating
    assert [row.name for row in report.reported_rows] == [
        name for name in confidence if name in (report.search.deflating, report.search.inflating)
    ]


def test_some_filters_do_not_start_a_search(model_file: Path, data: Manifest) -> None:
    filters = select_perturbations(perturbation_battery(np.random.default_rng(1)), ["equaliser:1", "equaliser:2"])
    assert run(model_file, data, filters).search is None


def test_perturbations_can_be_pickled() -> None:
    perturbations = perturbation_battery(np.random.default_rng(1))
    assert pickle.loads(pickle.dumps(perturbations)) == perturbations


def test_prediction_does_not_depend_on_other_perturbations(model_file: Path, data: Manifest) -> None:
    noises = select_perturbations(perturbation_battery(np.random.default_rng(1)), ["noise"])
    together = predict_track(data.tracks[0], model_file, tuple(noises), seed=1)
    alone = predict_track(data.tracks[0], model_file, (noises[-1],), seed=1)
    np.testing.assert_array_equal(together[[0, -1]], alone)


def test_unreadable_and_short_tracks_are_failures(model_file: Path, data: Manifest, tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_bytes(b"no audio")
    encode(tmp_path / "short.wav", tone(100, 0.5), codec="pcm_s16le")
    bad = tuple(LabelledTrack(str(tmp_path / name), name, "low", split="valid") for name in ("broken.wav", "short.wav"))
    report = run(model_file, Manifest("tones", (*bad, *data.tracks)), [Polarity()])
    assert report.tested == 4
    broken, short = (failure.error.message for failure in report.failures)
    assert "broken.wav" in broken
    assert "short.wav lasts 0.50 s" in short
    with pytest.raises(ManifestError, match="none of the tracks"):
        run(model_file, Manifest("tones", bad), [Polarity()])


def test_log_mels_are_rejected(model_file: Path) -> None:
    with pytest.raises(ManifestError, match=r"array\.npy#0 is a log-mel.*pass the folder of the recordings"):
        run(model_file, Manifest("GTZAN", (LabelledTrack("array.npy#0", "a", "low", split="valid"),)), [Polarity()])


def test_picture_and_multilabel_models_are_rejected(model_file: Path, data: Manifest, tmp_path: Path) -> None:
    pictures, multilabel = Classifier(model_file), Classifier(model_file)
    pictures.model.card = make_card(input=PictureInput(kind="picture", width=32, height=32))
    multilabel.model.card = make_card(labelling="several", thresholds=(0.5, 0.5))
    for classifier, message in ((pictures, "takes pictures"), (multilabel, "predicts several labels")):
        with pytest.raises(WrongInputError, match=message):
            run_stress_test(classifier, data, "given", "valid", [Polarity()], SETTINGS)


def test_labels_that_the_model_lacks_are_rejected(model_file: Path) -> None:
    with pytest.raises(ManifestError, match="the data has the label 'middle'"):
        run(model_file, Manifest("tones", (LabelledTrack("a.wav", "a", "middle", split="valid"),)), [Polarity()])
