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


def noise_examples(count: int, seed: int = 0, labels: int = 2) -> Examples:
    """Log-mels of noise for the recipe of `make_recipe`, with alternating labels."""
    rng = np.random.default_rng(seed)
    log_mels = [-rng.uniform(0, 80, (128, 90)).astype(np.float32) for _ in range(count)]
    return Examples(log_mels, np.eye(labels, dtype=np.float32)[np.arange(count) % labels])


def draw_logits(temperature: float, count: int = 1000) -> tuple[list[NDArray[np.float32]], NDArray[np.float32]]:
    """Logits of single windows, and true labels drawn from their softmax at a temperature."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (count, 4)).astype(np.float32)
    chances = softmax(np.asarray(logits / temperature, np.float32)).cumsum(axis=1)
    truth = (rng.random((count, 1)) > chances).sum(axis=1).clip(max=3)
    return list(logits[:, None]), np.eye(4, dtype=np.float32)[truth]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_temperature_of_the_drawn_labels_is_recovered(temperature: float) -> None:
    logits, targets = draw_logits(temperature)
    assert fit_temperature(logits, targets, "tree") == pytest.approx(temperature, rel=0.1)


def test_temperature_is_fitted_to_the_mean_over_windows() -> None:
    """If windows disagree at random, each is calibrated, but their mean is underconfident."""
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 500)
    logits = [np.array([2.0, 0.0] if label == 0 else [0.0, 2.0]) + rng.normal(0, 3, (8, 2)) for label in truth]
    by_track = fit_temperature(logits, np.eye(2, dtype=np.float32)[truth], "one")
    by_window = fit_temperature([windows[:1] for windows in logits], np.eye(2, dtype=np.float32)[truth], "one")
    assert by_track < 0.7 * by_window


def test_temperature_of_a_multilabel_model_is_recovered() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 3, (1000, 1, 3)).astype(np.float32)
    targets = (rng.random((1000, 3)) < 1 / (1 + np.exp(-logits[:, 0] / 2))).astype(np.float32)
    assert fit_temperature(list(logits), targets, "several") == pytest.approx(2, rel=0.1)


def test_temperature_is_bounded_if_all_predictions_are_correct() -> None:
    logits = [np.array([[9.0, 0.0]]), np.array([[0.0, 9.0]])]
    assert fit_temperature(logits, np.eye(2, dtype=np.float32), "one") == 0.25


def test_log_loss_of_known_probabilities() -> None:
    probabilities = np.array([[0.5, 0.5], [0.9, 0.1]])
    targets = np.array([[1, 0], [0, 1]], np.float32)
    assert log_loss(probabilities, targets, "one") == pytest.approx(-(np.log(0.5) + np.log(0.1)) / 2)
    log_likelihood = (np.log(0.5) * 2 + np.log(0.1) * 2) / 4
    assert log_loss(probabilities, targets, "several") == pytest.approx(-log_likelihood)
    assert np.isfinite(log_loss(np.array([[0.0, 1.0]]), np.array([[1, 0]], np.float32), "one"))


def test_track_probabilities_are_the_mean_over_windows() -> None:
    logits = [np.array([[2.0, 0.0], [0.0, 4.0]])]
    expected = softmax(np.array([[1.0, 0.0], [0.0, 2.0]], np.float32)).mean(axis=0)
    np.testing.assert_allclose(track_probabilities(logits, "one", 2.0), [expected], rtol=1e-6)


def draw_embeddings(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Embeddings near a plane in 16 dimensions: high variance along two axes, low along the others."""
    return np.concatenate([rng.normal(3, 5, (count, 2)), rng.normal(1, 0.3, (count, 14))], axis=1)


def test_detector_accepts_embeddings_near_the_subspace_of_music() -> None:
    rng = np.random.default_rng(3)
    detector = fit_detector(draw_embeddings(2000, rng), [draw_embeddings(5, rng) for _ in range(100)])
    assert len(detector.axes) == 4
    assert np.linalg.norm(detector.axes, axis=1) == pytest.approx(1, abs=0.01)

    def probability(embeddings: NDArray[np.float64]) -> float:
        return music_probability(detector, float(ood_scores(detector, embeddings).mean()))

    unseen = [probability(draw_embeddings(5, rng)) for _ in range(200)]
    assert np.median(unseen) == pytest.approx(0.99, abs=0.01)
    assert np.mean(np.array(unseen) < 0.5) <= 0.02
    assert probability(draw_embeddings(5, rng) + np.eye(16)[0] * 50) > 0.5  # far, but in the subspace
    assert probability(draw_embeddings(5, rng) + np.eye(16)[9] * 5) < 0.01  # closer, but outside the subspace


def test_run_network_returns_embeddings_where_there_are_any() -> None:
    recipe, examples = make_recipe(), noise_examples(2)
    cam_network = build(recipe.net, 2, recipe.input.shape).eval()
    outputs = run_network(cam_network, examples, recipe)
    assert [track.embeddings.shape[1] for track in outputs if track.embeddings is not None] == [8, 8]
    plain = build(NetworkTable(name="cnn3"), 2, recipe.input.shape).eval()
    assert run_network(plain, examples, recipe)[0].embeddings is None


@pytest.mark.parametrize("labels", ["one", "several"])
def test_calibrate_outputs(labels: str) -> None:
    recipe = make_recipe(data={"labels": labels})
    torch.manual_seed(0)
    network = build(recipe.net, 2, recipe.input.shape).eval()
    messages: list[str] = []
    outputs = calibrate_outputs(network, recipe, noise_examples(12), noise_examples(50, seed=1), messages.append)
    assert outputs.calibration is not None
    assert outputs.calibration.tracks == 50
    before, after = outputs.calibration.log_loss
    assert after <= before
    assert (outputs.calibration.error is None) == (labels == "several")
    assert len(outputs.thresholds) == (2 if labels == "several" else 0)
    assert outputs.detector is not None
    assert len(outputs.detector.centre) == 8
    assert messages[0].startswith(
        f"Calibrated on valid: temperature {outputs.temperature:.2f}, log loss {before:.3f} to"
    )
    assert len(messages) == 1


def test_too_few_validation_tracks_for_a_detector_are_reported() -> None:
    recipe = make_recipe()
    messages: list[str] = []
    network = build(recipe.net, 2, recipe.input.shape).eval()
    calibrate_outputs(network, recipe, noise_examples(4), noise_examples(6), messages.append)
    assert messages[1] == (
        "The model will not detect sounds other than music: that needs 50 tracks in valid, which has 6"
    )
