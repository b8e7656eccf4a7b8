from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from genrelens.card import CARD_KEY
from genrelens.errors import InvalidModelError, ModelNotFoundError, NewerCardError
from genrelens.model import Model, sigmoid, softmax
from tests.conftest import make_card, make_model


def mels(windows: int, model: Model, seed: int = 0) -> NDArray[np.float32]:
    shape = (windows, *model.card.input.shape)
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_probabilities_are_the_softmax_of_the_logits_over_the_temperature(tmp_path: Path) -> None:
    for temperature in (1.0, 2.5):
        model = Model(make_model(tmp_path / "a.onnx", make_card(temperature=temperature)))
        batch = mels(5, model)
        expected = np.stack([batch[:, 0, :16].mean(axis=(1, 2)), batch[:, 0, 16:].mean(axis=(1, 2))], axis=1) * 2
        np.testing.assert_allclose(model.logits(batch), expected, atol=1e-6)
        np.testing.assert_allclose(
            model.probabilities(batch), softmax(np.asarray(expected / temperature, np.float32)), atol=1e-6
        )
        np.testing.assert_allclose(model.probabilities(batch).sum(axis=1), 1, atol=1e-6)


def test_softmax_of_large_numbers() -> None:
    np.testing.assert_allclose(
        softmax(np.array([[1000.0, 1000.0], [-1000.0, 0.0]], np.float32)), [[0.5, 0.5], [0.0, 1.0]]
    )


def test_one_session_serves_many_threads(model_file: Path) -> None:
    model = Model(model_file, threads=1)
    batches = [mels(3, model, seed) for seed in range(40)]
    alone = [model.logits(batch) for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(model.logits, batches))
    np.testing.assert_array_equal(np.stack(together), np.stack(alone))


def test_windows_of_another_shape_are_refused(model_file: Path) -> None:
    model = Model(model_file)
    with pytest.raises(ValueError, match=r"takes windows of shape \(1, 32, 22\), not \(1, 31, 22\)"):
        model.logits(np.zeros((1, 1, 31, 22), np.float32))


def test_files_that_are_not_our_models(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("not a model")
    make_model(tmp_path / "foreign.onnx", metadata={"author": "somebody"})
    content = make_model(tmp_path / "cut.onnx").read_bytes()
    (tmp_path / "cut.onnx").write_bytes(content[: len(content) // 2])
    make_model(tmp_path / "newer.onnx", metadata={CARD_KEY: '{"format": 99}'})
    wrong = make_card(labels=("a", "b", "c")).model_dump_json()
    make_model(tmp_path / "misfit.onnx", metadata={CARD_KEY: wrong})
    for name, error, words in (
        ("missing.onnx", ModelNotFoundError, "cannot be read"),
        ("text.onnx", InvalidModelError, "is not an ONNX model, or is damaged"),
        ("cut.onnx", InvalidModelError, "is not an ONNX model, or is damaged"),
        ("foreign.onnx", InvalidModelError, "without a GenreLens card"),
        ("newer.onnx", NewerCardError, "card of format 99"),
        ("misfit.onnx", InvalidModelError, "does not fit its card"),
    ):
        with pytest.raises(error, match=words):
            Model(tmp_path / name)


def test_several_labels_are_each_a_sigmoid_for_themselves(tmp_path: Path) -> None:
    card = make_card(labelling="several", thresholds=(0.5, 0.5), temperature=2.0)
    model = Model(make_model(tmp_path / "a.onnx", card))
    batch = mels(5, model)
    np.testing.assert_allclose(model.probabilities(batch), 1 / (1 + np.exp(-model.logits(batch) / 2)), atol=1e-6)
    np.testing.assert_array_equal(sigmoid(np.array([-1000.0, 0.0, 1000.0], np.float32)), [0.0, 0.5, 1.0])
