import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from genrelens.model.session import softmax
from genrelens.train.distillation.probe import Lessons, Linear, fit_probe, scaled
from genrelens.train.recipes.probe_recipe import ProbeTable


def lessons(seed: int, tracks: int, labels: int = 3, noise: float = 0.3) -> Lessons:
    """Tracks of one to four windows around the corners of a simplex."""
    rng = np.random.default_rng(seed)
    truth = np.arange(tracks) % labels
    corners = np.eye(labels, 8, dtype=np.float32)
    own = [corners[label] + noise * rng.standard_normal((rng.integers(1, 5), 8)) for label in truth]
    return Lessons([windows.astype(np.float32) for windows in own], truth)


@pytest.mark.parametrize("labels", [2, 3])
@pytest.mark.parametrize("unit_length", [True, False])
def test_what_can_be_told_apart_is(labels: int, unit_length: bool) -> None:
    table = ProbeTable(penalties=(1e-3, 1e-2), unit_length=unit_length)
    layer, trials = fit_probe(lessons(0, 60, labels), lessons(1, 30, labels), labels, table)
    assert max(trial.accuracy for trial in trials) > 0.9
    assert layer.weights.shape == (8, labels)
    assert layer.logits(np.zeros((2, 8), np.float32)).shape == (2, labels)


def test_the_penalty_is_chosen_by_the_log_loss_on_valid() -> None:
    learn, valid = lessons(0, 30, noise=1.0), lessons(1, 30, noise=1.0)
    table = ProbeTable(penalties=(1e-6, 1e-2, 1e2))
    layer, trials = fit_probe(learn, valid, 3, table)
    answers = np.stack([softmax(layer.logits(windows)).mean(axis=0) for windows in valid.tracks])
    own = -np.log(answers[np.arange(30), valid.truth]).mean()
    assert own == pytest.approx(min(trial.log_loss for trial in trials), abs=1e-6)
    assert [trial.penalty for trial in trials] == [1e-6, 1e-2, 1e2]
    assert trials[2].log_loss == pytest.approx(np.log(3), abs=0.05)  # a heavy one leaves nothing to tell by


def test_each_track_counts_the_same_and_each_genre_if_balanced() -> None:
    """Under a heavy penalty only the bias is left: the share of each genre among the tracks."""
    learn = Lessons([np.zeros((9, 2), np.float32), *[np.ones((1, 2), np.float32)] * 3], np.array([0, 1, 1, 1]))
    for weights, expected in (("none", [0.25, 0.75]), ("balanced", [0.5, 0.5])):
        table = ProbeTable.model_validate({"penalties": [1e3], "class_weights": weights})
        layer, _ = fit_probe(learn, learn, 2, table)
        np.testing.assert_allclose(softmax(layer.bias), expected, atol=0.02)


@given(st.floats(1e-3, 1e3))
def test_at_unit_length_loudness_changes_nothing(gain: float) -> None:
    layer = Linear(True, np.ones((4, 2), np.float32), np.zeros(2, np.float32))
    heard = np.array([[1, 2, 3, 4]], np.float32)
    np.testing.assert_allclose(layer.logits(np.float32(gain) * heard), layer.logits(heard), rtol=1e-5)
    assert not scaled(np.zeros((1, 4), np.float32), True).any()


def test_impossible_tables_are_refused() -> None:
    for penalties in ((), (0.0,), (-1.0,)):
        with pytest.raises(ValidationError):
            ProbeTable(penalties=penalties)
