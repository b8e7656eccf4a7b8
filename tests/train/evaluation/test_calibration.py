import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from genrelens.model.session import music_probability, ood_scores, softmax
from genrelens.train.data.dataset import Examples
from genrelens.train.evaluation.calibration import (
    calibrate_outputs,
    fit_detector,
    fit_temperature,
    log_loss,
    run_network,
    track_probabilities,
)
from genrelens.train.networks import build
from genrelens.train.recipes.recipe import NetworkTable
from tests.support.recipes import make_recipe


def tracks(count: int, seed: int = 0, labels: int = 2) -> Examples:
    """Levels of noise for the recipe of `make_recipe`; labels in turn."""
    rng = np.random.default_rng(seed)
    levels = [-rng.uniform(0, 80, (128, 90)).astype(np.float32) for _ in range(count)]
    return Examples(levels, np.eye(labels, dtype=np.float32)[np.arange(count) % labels])


def drawn(temperature: float, count: int = 1000) -> tuple[list[NDArray[np.float32]], NDArray[np.float32]]:
    """Logits of single windows, and truths that are drawn from their softmax at that temperature."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (count, 4)).astype(np.float32)
    chances = softmax(np.asarray(logits / temperature, np.float32)).cumsum(axis=1)
    truth = (rng.random((count, 1)) > chances).sum(axis=1).clip(max=3)
    return list(logits[:, None]), np.eye(4, dtype=np.float32)[truth]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_the_temperature_that_the_truth_was_drawn_at_is_found(temperature: float) -> None:
    logits, targets = drawn(temperature)
    assert fit_temperature(logits, targets, "tree") == pytest.approx(temperature, rel=0.1)


def test_the_vote_counts_in_choosing() -> None:
    """Windows that disagree at random: each is as sure as it should be, and their mean is too unsure."""
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 500)
    logits = [np.array([2.0, 0.0] if own == 0 else [0.0, 2.0]) + rng.normal(0, 3, (8, 2)) for own in truth]
    voted = fit_temperature(logits, np.eye(2, dtype=np.float32)[truth], "one")
    alone = fit_temperature([own[:1] for own in logits], np.eye(2, dtype=np.float32)[truth], "one")
    assert voted < 0.7 * alone


def test_several_labels_have_a_temperature_too() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 3, (1000, 1, 3)).astype(np.float32)
    targets = (rng.random((1000, 3)) < 1 / (1 + np.exp(-logits[:, 0] / 2))).astype(np.float32)
    assert fit_temperature(list(logits), targets, "several") == pytest.approx(2, rel=0.1)


def test_a_temperature_stays_within_reason_where_all_is_right() -> None:
    sure = [np.array([[9.0, 0.0]]), np.array([[0.0, 9.0]])]
    assert fit_temperature(sure, np.eye(2, dtype=np.float32), "one") == 0.25


def test_log_loss_by_hand() -> None:
    probabilities = np.array([[0.5, 0.5], [0.9, 0.1]])
    targets = np.array([[1, 0], [0, 1]], np.float32)
    assert log_loss(probabilities, targets, "one") == pytest.approx(-(np.log(0.5) + np.log(0.1)) / 2)
    every = (np.log(0.5) * 2 + np.log(0.1) * 2) / 4
    assert log_loss(probabilities, targets, "several") == pytest.approx(-every)
    assert np.isfinite(log_loss(np.array([[0.0, 1.0]]), np.array([[1, 0]], np.float32), "one"))


def test_a_track_is_the_mean_of_its_windows() -> None:
    logits = [np.array([[2.0, 0.0], [0.0, 4.0]])]
    expected = softmax(np.array([[1.0, 0.0], [0.0, 2.0]], np.float32)).mean(axis=0)
    np.testing.assert_allclose(track_probabilities(logits, "one", 2.0), [expected], rtol=1e-6)


def flat(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Embeddings near a plane in 16 dimensions: much of two, little of the others."""
    return np.concatenate([rng.normal(3, 5, (count, 2)), rng.normal(1, 0.3, (count, 14))], axis=1)


def test_a_detector_knows_music_by_its_flat() -> None:
    rng = np.random.default_rng(3)
    detector = fit_detector(flat(2000, rng), [flat(5, rng) for _ in range(100)])
    assert len(detector.axes) == 4
    assert np.linalg.norm(detector.axes, axis=1) == pytest.approx(1, abs=0.01)

    def music(embeddings: NDArray[np.float64]) -> float:
        return music_probability(detector, float(ood_scores(detector, embeddings).mean()))

    others = [music(flat(5, rng)) for _ in range(200)]
    assert np.median(others) == pytest.approx(0.99, abs=0.01)
    assert np.mean(np.array(others) < 0.5) <= 0.02
    assert music(flat(5, rng) + np.eye(16)[0] * 50) > 0.5  # far, but where music goes
    assert music(flat(5, rng) + np.eye(16)[9] * 5) < 0.01  # less far, and where it never goes


def test_a_net_is_heard_as_it_answers() -> None:
    recipe, few = make_recipe(), tracks(2)
    mapped = build(recipe.net, 2, recipe.input.shape).eval()
    heard = run_network(mapped, few, recipe)
    assert [one.embeddings.shape[1] for one in heard if one.embeddings is not None] == [8, 8]
    plain = build(NetworkTable(name="cnn3"), 2, recipe.input.shape).eval()
    assert run_network(plain, few, recipe)[0].embeddings is None


@pytest.mark.parametrize("labels", ["one", "several"])
def test_what_is_settled(labels: str) -> None:
    recipe = make_recipe(data={"labels": labels})
    torch.manual_seed(0)
    net = build(recipe.net, 2, recipe.input.shape).eval()
    said: list[str] = []
    confidence = calibrate_outputs(net, recipe, tracks(12), tracks(50, seed=1), said.append)
    assert confidence.calibration is not None
    assert confidence.calibration.tracks == 50
    before, after = confidence.calibration.log_loss
    assert after <= before
    assert (confidence.calibration.error is None) == (labels == "several")
    assert len(confidence.thresholds) == (2 if labels == "several" else 0)
    assert confidence.detector is not None
    assert len(confidence.detector.centre) == 8
    assert said[0].startswith(
        f"Calibrated on valid: temperature {confidence.temperature:.2f}, log loss {before:.3f} to"
    )
    assert len(said) == 1


def test_what_cannot_be_settled_is_said() -> None:
    recipe = make_recipe()
    said: list[str] = []
    calibrate_outputs(build(recipe.net, 2, recipe.input.shape).eval(), recipe, tracks(4), tracks(6), said.append)
    assert said[1] == "What is no music will not be noticed: that needs 50 tracks in valid, and there are 6."
