import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from genrelens.train.evaluation.multilabel_metrics import (
    MultilabelMetrics,
    best_thresholds,
    mean_average_precision,
    multilabel_metrics,
)
from genrelens.train.evaluation.rankings import Ranking

LABELS = ("a", "b", "c")


def make_predictions(tracks: int = 80, seed: int = 0, steps: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Predictions better than chance, with many tied probabilities."""
    rng = np.random.default_rng(seed)
    truth = (rng.random((tracks, 3)) < (0.5, 0.3, 0.2)).astype(np.float32)
    truth[~truth.any(axis=1), 0] = 1
    return truth, np.round(np.clip(0.3 * truth + 0.7 * rng.random((tracks, 3)), 0, 1) * steps) / steps


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(4, 40), st.integers(1, 20), st.booleans())
def test_rankings_are_scored_like_scikit_learn(seed: int, count: int, steps: int, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    truth = np.append(rng.random(count) < 0.4, [True, False])
    probabilities = rng.integers(0, steps, count + 2) / steps
    weights = rng.integers(0, 3, count + 2) if weighted else np.ones(count + 2, int)
    weights[-2:] = 1
    ranking = Ranking.build(truth, probabilities, weights[None].astype(float))
    expected = average_precision_score(truth, probabilities, sample_weight=weights)
    assert ranking.average_precision() == pytest.approx([expected])
    assert ranking.roc_auc() == pytest.approx([roc_auc_score(truth, probabilities, sample_weight=weights)])


def test_metrics_agree_with_scikit_learn() -> None:
    truth, probabilities = make_predictions()
    metrics = multilabel_metrics(LABELS, truth, probabilities, (0.5, 0.4, 0.3))
    for average, ap, auc in (
        ("macro", metrics.mean_ap, metrics.mean_auc),
        ("micro", metrics.micro_ap, metrics.micro_auc),
    ):
        assert auc is not None
        assert ap.value == pytest.approx(average_precision_score(truth, probabilities, average=average))
        assert auc.value == pytest.approx(roc_auc_score(truth, probabilities, average=average))
        assert ap.low < ap.value < ap.high
        assert auc.low < auc.value < auc.high
    predicted = probabilities >= (0.5, 0.4, 0.3)
    assert [row.f1 for row in metrics.labels] == pytest.approx(f1_score(truth, predicted, average=None))
    assert metrics.macro_f1 == pytest.approx(f1_score(truth, predicted, average="macro"))
    assert [row.support for row in metrics.labels] == truth.sum(axis=0).tolist()
    assert MultilabelMetrics.model_validate_json(metrics.model_dump_json()) == metrics


def test_more_tracks_narrow_the_intervals() -> None:
    few, many = (multilabel_metrics(LABELS, *make_predictions(tracks), (0.5,) * 3).mean_ap for tracks in (40, 640))
    assert many.high - many.low < (few.high - few.low) / 2


def test_labels_without_a_ranking_have_no_ranking_metrics() -> None:
    truth, probabilities = make_predictions()
    truth[:, 1], truth[:, 2] = 0, 1
    metrics = multilabel_metrics(LABELS, truth, probabilities, (0.5,) * 3)
    rows = {row.label: row for row in metrics.labels}
    assert rows["b"].average_precision is None
    assert rows["b"].roc_auc is rows["c"].roc_auc is None
    assert rows["c"].average_precision == 1
    assert metrics.mean_auc is not None
    assert metrics.mean_auc.value == rows["a"].roc_auc
    constant = multilabel_metrics(LABELS, np.ones((2, 3)), probabilities[:2], (0.5,) * 3)
    assert constant.mean_auc is constant.micro_auc is None
    assert MultilabelMetrics.model_validate_json(constant.model_dump_json()) == constant


def test_mean_average_precision_covers_only_labels_that_occur() -> None:
    truth, probabilities = np.array([[1, 0, 0], [0, 1, 0]]), np.array([[0.9, 0.6, 0.5], [0.2, 0.3, 0.5]])
    assert mean_average_precision(truth, probabilities) == pytest.approx((1 + 0.5) / 2)


def test_best_thresholds_maximise_f1() -> None:
    truth, probabilities = make_predictions()
    thresholds = best_thresholds(truth, probabilities)
    for target, scores, threshold in zip(truth.T, probabilities.T, thresholds, strict=True):
        grid = [f1_score(target, scores >= tried, zero_division=0) for tried in np.linspace(0, 1, 201)]
        assert f1_score(target, scores >= threshold) == pytest.approx(max(grid))
        assert np.abs(scores - threshold).min() > 1e-3  # between two probabilities, not at one
    truth[:, 2] = 0
    assert best_thresholds(truth, probabilities)[2] == 0.5
