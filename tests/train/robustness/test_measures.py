import numpy as np
import pytest

from genrelens.train.data.manifest import LabelledTrack
from genrelens.train.robustness.measures import family_extremes, perturbation_rows, rank_by_accuracy, track_rows
from genrelens.train.robustness.perturbations import Mp3, Noise, Perturbation, Polarity, Shuffle
from genrelens.train.robustness.runner import PerturbedPredictions

LABELS = ("jazz", "rock")
PERTURBATIONS: list[Perturbation] = [Polarity(), Mp3(64), Mp3(32), Noise(10), Shuffle(0)]
TRUTH = np.array([0, 0, 0, 1])


def probabilities(jazz: list[list[float]]) -> np.ndarray:
    """Add the probabilities of rock to those of jazz."""
    table = np.array(jazz, np.float32)
    return np.stack([table, 1 - table], axis=-1)


@pytest.fixture
def predictions() -> PerturbedPredictions:
    """Probabilities of jazz; three of four tracks are correct without perturbation."""
    tracks = tuple(LabelledTrack(f"{n}.wav", f"track {n}", LABELS[label]) for n, label in enumerate(TRUTH))
    clean = probabilities([[0.9], [0.8], [0.6], [0.7]])[:, 0]
    perturbed = probabilities(
        [  # polarity, mp3:64, mp3:32, noise, shuffle
            [0.9, 0.9, 0.8, 0.7, 0.1],
            [0.8, 0.8, 0.3, 0.2, 0.1],
            [0.6, 0.4, 0.7, 0.1, 0.1],
            [0.7, 0.7, 0.7, 0.4, 0.1],
        ]
    )
    return PerturbedPredictions(tracks, clean, perturbed, ())


def test_perturbation_rows(predictions: PerturbedPredictions) -> None:
    accuracy, (polarity, fine, coarse, noise, _) = perturbation_rows(predictions, TRUTH, PERTURBATIONS, seed=0)
    assert accuracy.value == 0.75
    assert (polarity.difference.low, polarity.difference.value, polarity.difference.high) == (0, 0, 0)
    assert (polarity.flips, polarity.confidence, polarity.passed) == (0, 0, True)
    assert (fine.accuracy, fine.flips, fine.allowed, fine.passed) == (0.5, 0.25, 0.02, False)
    assert fine.difference.value == -0.25
    assert fine.difference.low < -0.25 < fine.difference.high == 0
    assert fine.confidence == pytest.approx(0, abs=1e-6)  # from 0.6 for jazz to 0.6 for rock
    assert (coarse.allowed, coarse.passed) == (None, None)
    assert (noise.accuracy, noise.flips) == (0.5, 0.75)
    assert noise.confidence == pytest.approx((0.7 + 0.8 + 0.9 + 0.6) / 4 - 0.75, abs=1e-6)


def test_loss_equal_to_the_target_passes() -> None:
    tracks = tuple(LabelledTrack(f"{n}", f"{n}", "jazz") for n in range(50))
    clean, perturbed = probabilities([[0.9]] * 50), probabilities([[0.9]] * 49 + [[0.1]])
    _, (row,) = perturbation_rows(
        PerturbedPredictions(tracks, clean[:, 0], perturbed, ()), np.zeros(50, int), [Mp3(64)], 0
    )
    assert row.passed


def test_family_extremes(predictions: PerturbedPredictions) -> None:
    extremes = {
        row.family: (row.changes, row.worst, row.best) for row in family_extremes(predictions, TRUTH, PERTURBATIONS)
    }
    assert extremes == {
        "all": (4, 0.25, 1.0),
        "polarity": (1, 0.75, 0.75),
        "mp3": (2, 0.25, 0.75),
        "noise": (1, 0.25, 1.0),
        "shuffle": (1, 0.0, 1.0),
    }


def test_track_rows_ignore_shuffles(predictions: PerturbedPredictions) -> None:
    rows = track_rows(predictions, TRUTH, PERTURBATIONS, LABELS)
    assert [row.wrong for row in rows] == [0, 2, 2, 3]
    last = rows[3]
    assert (last.truth, last.predicted, last.worst.change, last.best.change) == ("rock", "jazz", "polarity", "noise:10")
    assert last.best.probability == pytest.approx(0.6)
    assert track_rows(predictions, TRUTH, [Shuffle(0)] * 5, LABELS) == ()


def test_ranking_by_accuracy_breaks_ties_by_probability(predictions: PerturbedPredictions) -> None:
    assert [PERTURBATIONS[index].name for index in rank_by_accuracy(predictions, TRUTH)] == [
        "shuffle:0", "noise:10", "mp3:32", "mp3:64", "polarity"
    ]  # fmt: skip
