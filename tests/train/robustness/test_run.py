"""A stress test of a model that tells low tones from high ones, on a few tracks."""

import pickle
from contextlib import nullcontext
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
from genrelens.train.robustness.run import StressSettings, run_stress_test
from genrelens.train.robustness.runner import predict_track
from tests.support.audio import encode, tone
from tests.support.models import make_card

MANNER = StressSettings(seed=1, processes=1, bar=lambda _what, _total: nullcontext(lambda: None))


@pytest.fixture
def data(tmp_path: Path) -> Manifest:
    """Two low tracks and two high ones."""
    items = []
    for name, hz in (("a", 100), ("b", 150), ("c", 5_000), ("d", 7_000)):
        label = "low" if hz < 1000 else "high"
        file = encode(tmp_path / f"{name}.wav", tone(hz, 2), codec="pcm_s16le")
        items.append(LabelledTrack(str(file), name, label, split="valid"))
    return Manifest("tones", tuple(items))


def run(model: Path, data: Manifest, changes: list[Perturbation], manner: StressSettings = MANNER) -> StressReport:
    return run_stress_test(Classifier(model), data, "given", "valid", changes, manner)


def test_what_matters_to_the_model_shows(model_file: Path, data: Manifest) -> None:
    report = run(model_file, data, [Polarity(), Gain(-20), LowPass(500), Shuffle(0)])
    polarity, gain, low_pass, shuffle = report.rows
    assert (report.tested, report.accuracy.value) == (4, 1.0)
    assert (polarity.difference.value, polarity.flips) == (0, 0)
    assert (gain.difference.value, gain.passed) == (0, True)
    assert low_pass.difference.value < 0
    assert shuffle.confidence == pytest.approx(0, abs=1e-6)  # it hears the mean over time
    assert report.search is None
    assert [row.family for row in report.extremes] == ["all", "polarity", "gain", "lowpass", "shuffle"]
    assert StressReport.model_validate_json(report.model_dump_json()) == report


def test_filters_are_searched_for(model_file: Path, data: Manifest) -> None:
    filters = select_perturbations(perturbation_battery(np.random.default_rng(1)), ["equaliser"])
    report = run(model_file, Manifest("tones", data.tracks[1:3]), filters)
    assert report.search is not None
    assert len(report.rows) == len(report.search.filters) == RANDOM_FILTERS + 2 * NEIGHBOURING_FILTERS
    odds = {row.name: row.confidence for row in report.rows}  # all answers stay right, so that tells the score
    assert min(odds, key=lambda name: odds[name]) == report.search.deflating
    assert [row.name for row in report.reported_rows] == [
        name for name in odds if name in (report.search.deflating, report.search.inflating)
    ]


def test_some_filters_are_no_search(model_file: Path, data: Manifest) -> None:
    filters = select_perturbations(perturbation_battery(np.random.default_rng(1)), ["equaliser:1", "equaliser:2"])
    assert run(model_file, data, filters).search is None


def test_changes_can_be_sent_to_processes() -> None:
    changes = perturbation_battery(np.random.default_rng(1))
    assert pickle.loads(pickle.dumps(changes)) == changes


def test_an_answer_does_not_hang_on_what_else_is_asked(model_file: Path, data: Manifest) -> None:
    changes = select_perturbations(perturbation_battery(np.random.default_rng(1)), ["noise"])
    together = predict_track(data.tracks[0], model_file, tuple(changes), seed=1)
    alone = predict_track(data.tracks[0], model_file, (changes[-1],), seed=1)
    np.testing.assert_array_equal(together[[0, -1]], alone)


def test_a_bad_track_is_left_out(model_file: Path, data: Manifest, tmp_path: Path) -> None:
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


def test_log_mels_cannot_be_changed(model_file: Path) -> None:
    with pytest.raises(ManifestError, match=r"array\.npy#0 is a log-mel.*give the folder of the recordings"):
        run(model_file, Manifest("GTZAN", (LabelledTrack("array.npy#0", "a", "low", split="valid"),)), [Polarity()])


def test_what_the_model_must_be(model_file: Path, data: Manifest, tmp_path: Path) -> None:
    pictures, several = Classifier(model_file), Classifier(model_file)
    pictures.model.card = make_card(input=PictureInput(kind="picture", width=32, height=32))
    several.model.card = make_card(labelling="several", thresholds=(0.5, 0.5))
    for classifier, why in ((pictures, "looks at pictures"), (several, "tells several labels")):
        with pytest.raises(WrongInputError, match=why):
            run_stress_test(classifier, data, "given", "valid", [Polarity()], MANNER)


def test_labels_that_the_model_lacks(model_file: Path) -> None:
    with pytest.raises(ManifestError, match="the data has the label 'middle'"):
        run(model_file, Manifest("tones", (LabelledTrack("a.wav", "a", "middle", split="valid"),)), [Polarity()])
