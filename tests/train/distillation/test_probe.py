from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from genrelens.model.session import softmax
from genrelens.train.distillation.backbone import Embedder, count_weights, embedding_graph
from genrelens.train.distillation.probe import (
    EmbeddedTracks,
    LinearProbe,
    attach_linear_head,
    fit_probe,
    scale_embeddings,
)
from genrelens.train.recipes.recipe import ProbeTable
from tests.support.backbones import FRAMES, ROWS, make_backbone

WINDOWS = np.random.default_rng(0).standard_normal((3, 1, ROWS, FRAMES)).astype(np.float32)


def embedded_tracks(seed: int, tracks: int, labels: int = 3, noise: float = 0.3) -> EmbeddedTracks:
    """Return tracks of one to four windows around the corners of a simplex."""
    rng = np.random.default_rng(seed)
    truth = np.arange(tracks) % labels
    corners = np.eye(labels, 8, dtype=np.float32)
    tracks_windows = [corners[label] + noise * rng.standard_normal((rng.integers(1, 5), 8)) for label in truth]
    return EmbeddedTracks([windows.astype(np.float32) for windows in tracks_windows], truth)


@pytest.mark.parametrize("labels", [2, 3])
@pytest.mark.parametrize("unit_length", [True, False])
def test_separates_separable_genres(labels: int, unit_length: bool) -> None:
    table = ProbeTable(penalties=(1e-3, 1e-2), unit_length=unit_length)
    probe, trials = fit_probe(embedded_tracks(0, 60, labels), embedded_tracks(1, 30, labels), labels, table)
    assert max(trial.accuracy for trial in trials) > 0.9
    assert probe.weights.shape == (8, labels)
    assert probe.logits(np.zeros((2, 8), np.float32)).shape == (2, labels)


def test_selects_the_penalty_by_log_loss_on_valid() -> None:
    train, valid = embedded_tracks(0, 30, noise=1.0), embedded_tracks(1, 30, noise=1.0)
    table = ProbeTable(penalties=(1e-6, 1e-2, 1e2))
    probe, trials = fit_probe(train, valid, 3, table)
    probabilities = np.stack([softmax(probe.logits(windows)).mean(axis=0) for windows in valid.tracks])
    log_loss = -np.log(probabilities[np.arange(30), valid.truth]).mean()
    assert log_loss == pytest.approx(min(trial.log_loss for trial in trials), abs=1e-6)
    assert [trial.penalty for trial in trials] == [1e-6, 1e-2, 1e2]
    assert trials[2].log_loss == pytest.approx(np.log(3), abs=0.05)  # a high penalty leaves only chance


def test_tracks_or_genres_have_equal_weight() -> None:
    """A high penalty leaves only the bias, which is the proportion of each genre."""
    train = EmbeddedTracks([np.zeros((9, 2), np.float32), *[np.ones((1, 2), np.float32)] * 3], np.array([0, 1, 1, 1]))
    for weights, expected in (("none", [0.25, 0.75]), ("balanced", [0.5, 0.5])):
        table = ProbeTable.model_validate({"penalties": [1e3], "class_weights": weights})
        probe, _ = fit_probe(train, train, 2, table)
        np.testing.assert_allclose(softmax(probe.bias), expected, atol=0.02)


@given(st.floats(1e-3, 1e3))
def test_unit_length_makes_embeddings_invariant_to_gain(gain: float) -> None:
    probe = LinearProbe(True, np.ones((4, 2), np.float32), np.zeros(2, np.float32))
    embedding = np.array([[1, 2, 3, 4]], np.float32)
    np.testing.assert_allclose(probe.logits(np.float32(gain) * embedding), probe.logits(embedding), rtol=1e-5)
    assert not scale_embeddings(np.zeros((1, 4), np.float32), True).any()


def test_rejects_invalid_penalties() -> None:
    for penalties in ((), (0.0,), (-1.0,)):
        with pytest.raises(ValidationError):
            ProbeTable(penalties=penalties)


def test_graph_computes_the_logits_of_the_probe(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    backbone = embedding_graph(make_backbone(tmp_path, [FRAMES, ROWS], rank=3))
    for unit_length in (False, True):
        probe = LinearProbe(unit_length, rng.standard_normal((ROWS, 4)).astype(np.float32), np.ones(4, np.float32))
        model = attach_linear_head(backbone, probe)
        onnx.checker.check_model(model)
        logits = _run(model)
        np.testing.assert_allclose(logits, probe.logits(Embedder(backbone)(WINDOWS)), atol=1e-5)
        assert count_weights(model) == ROWS * 4 + 4


def _run(model: onnx.ModelProto) -> Any:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"windows": WINDOWS})[0]
