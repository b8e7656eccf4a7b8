import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from genrelens.errors import InvalidModelError, ModelNotFoundError, NewerCardError
from genrelens.model.card import CARD_KEY, MusicDetector
from genrelens.model.session import Model, music_probability, ood_scores, sigmoid, softmax
from tests.support.models import make_card, make_mapped_model, make_model


def random_windows(windows: int, model: Model, seed: int = 0) -> NDArray[np.float32]:
    shape = (windows, *model.card.input.shape)
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_probabilities_are_the_softmax_of_the_logits_over_the_temperature(tmp_path: Path) -> None:
    for temperature in (1.0, 2.5):
        model = Model(make_model(tmp_path / "a.onnx", make_card(temperature=temperature)))
        batch = random_windows(5, model)
        expected = np.stack([batch[:, 0, :16].mean(axis=(1, 2)), batch[:, 0, 16:].mean(axis=(1, 2))], axis=1) * 2
        np.testing.assert_allclose(model.logits(batch), expected, atol=1e-6)
        np.testing.assert_allclose(
            model.probabilities(batch), softmax(np.asarray(expected / temperature, np.float32)), atol=1e-6
        )
        np.testing.assert_allclose(model.probabilities(batch).sum(axis=1), 1, atol=1e-6)


def test_softmax_of_large_logits() -> None:
    np.testing.assert_allclose(
        softmax(np.array([[1000.0, 1000.0], [-1000.0, 0.0]], np.float32)), [[0.5, 0.5], [0.0, 1.0]]
    )


def test_a_model_can_be_called_from_several_threads(model_file: Path) -> None:
    model = Model(model_file, threads=1)
    batches = [random_windows(3, model, seed) for seed in range(40)]
    alone = [model.logits(batch) for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(model.logits, batches))
    np.testing.assert_array_equal(np.stack(together), np.stack(alone))


def test_windows_of_the_wrong_shape_are_rejected(model_file: Path) -> None:
    model = Model(model_file)
    with pytest.raises(ValueError, match=r"takes windows of shape \(1, 32, 22\), not \(1, 31, 22\)"):
        model.logits(np.zeros((1, 1, 31, 22), np.float32))


def test_files_that_are_not_genrelens_models_are_errors(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("not a model")
    make_model(tmp_path / "foreign.onnx", metadata={"author": "somebody"})
    content = make_model(tmp_path / "cut.onnx").read_bytes()
    (tmp_path / "cut.onnx").write_bytes(content[: len(content) // 2])
    make_model(tmp_path / "newer.onnx", metadata={CARD_KEY: '{"format": 99}'})
    wrong = make_card(labels=("a", "b", "c")).model_dump_json()
    make_model(tmp_path / "misfit.onnx", metadata={CARD_KEY: wrong})
    for name, error, message in (
        ("missing.onnx", ModelNotFoundError, "cannot be read"),
        ("text.onnx", InvalidModelError, "is not an ONNX model, or is damaged"),
        ("cut.onnx", InvalidModelError, "is not an ONNX model, or is damaged"),
        ("foreign.onnx", InvalidModelError, "without a GenreLens card"),
        ("newer.onnx", NewerCardError, "card of format 99"),
        ("misfit.onnx", InvalidModelError, "does not match its card"),
    ):
        with pytest.raises(error, match=message):
            Model(tmp_path / name)


def test_multi_label_probabilities_are_sigmoids(tmp_path: Path) -> None:
    card = make_card(labelling="several", thresholds=(0.5, 0.5), temperature=2.0)
    model = Model(make_model(tmp_path / "a.onnx", card))
    batch = random_windows(5, model)
    np.testing.assert_allclose(model.probabilities(batch), 1 / (1 + np.exp(-model.logits(batch) / 2)), atol=1e-6)
    np.testing.assert_array_equal(sigmoid(np.array([-1000.0, 0.0, 1000.0], np.float32)), [0.0, 0.5, 1.0])


DETECTOR = MusicDetector(centre=(1.0, -1.0), axes=((0.6, 0.8),), usual=0.5, limit=2.0)


def test_a_graph_with_maps_gives_embeddings_and_ood_scores(tmp_path: Path) -> None:
    model = Model(make_mapped_model(tmp_path / "a.onnx", make_card(temperature=2.0, detector=DETECTOR)))
    assert model.embedding_size == 2
    batch = random_windows(3, model)
    output = model.run(batch)
    halves = np.stack([batch[:, 0, :16].mean(axis=(1, 2)), batch[:, 0, 16:].mean(axis=(1, 2))], axis=1)
    assert output.embeddings is not None
    assert output.ood_scores is not None
    np.testing.assert_allclose(output.embeddings, halves, atol=1e-6)
    np.testing.assert_array_equal(output.probabilities, model.probabilities(batch))
    np.testing.assert_allclose(output.ood_scores, ood_scores(DETECTOR, halves), atol=1e-5)


def test_onnxruntime_telemetry_is_disabled() -> None:
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"


def test_a_graph_without_maps_gives_only_probabilities(model_file: Path) -> None:
    model = Model(model_file)
    output = model.run(random_windows(3, model))
    assert (model.embedding_size, output.embeddings, output.ood_scores) == (None, None, None)
    np.testing.assert_array_equal(output.probabilities, model.probabilities(random_windows(3, model)))


def test_a_detector_must_match_the_embeddings(tmp_path: Path) -> None:
    wide = MusicDetector(centre=(0.0,) * 3, axes=(), usual=1.0, limit=2.0)
    for make, detector in ((make_mapped_model, wide), (make_model, DETECTOR)):
        with pytest.raises(InvalidModelError, match=r"a music detector that does not match its graph \(\d channels"):
            Model(make(tmp_path / "a.onnx", make_card(detector=detector)))


def test_ood_scores_are_log_distances_orthogonal_to_the_axes() -> None:
    off_axis, along = np.array([-0.8, 0.6]), np.array([0.6, 0.8])
    embeddings = np.array(DETECTOR.centre) + np.stack([3 * off_axis, 3 * off_axis - 7 * along, 0.5 * off_axis])
    np.testing.assert_allclose(np.exp(ood_scores(DETECTOR, embeddings)), [3, 3, 0.5])
    assert np.isfinite(ood_scores(DETECTOR, np.array([DETECTOR.centre])))  # the centre of music


def test_the_probability_of_music_falls_with_the_ood_score() -> None:
    assert music_probability(DETECTOR, np.log(0.5)) == pytest.approx(0.99, abs=1e-6)
    assert music_probability(DETECTOR, np.log(2.0)) == 0.5
    assert music_probability(DETECTOR, -np.inf) == 1
    assert music_probability(DETECTOR, np.inf) == 0
