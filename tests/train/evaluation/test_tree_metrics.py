import numpy as np
import pytest

from genrelens.model.labels import GenreTree
from genrelens.train.evaluation.tree_metrics import TreeMetrics, tree_metrics

TREE = GenreTree(["Jazz", "Rock---Metal---Doom", "Rock---Metal---Thrash", "Rock---Pop"])
TRUTH = ["Jazz", "Rock---Pop", "Rock---Pop", "Rock---Metal---Doom", "Rock---Metal---Doom"]
ROWS = np.array(
    [
        [0.7, 0.1, 0.1, 0.1],  # Jazz, correct
        [0.1, 0.1, 0.2, 0.6],  # Rock---Pop, correct
        [0.4, 0.1, 0.1, 0.4],  # Rock, correct: neither child is certain enough
        [0.1, 0.4, 0.4, 0.1],  # Rock---Metal, correct; the first of the tied leaves is Doom
        [0.1, 0.1, 0.7, 0.1],  # Rock---Metal---Thrash, wrong, although Rock---Metal would be correct
    ]
)


def test_metrics_of_each_level() -> None:
    metrics = tree_metrics(TREE, TRUTH, ROWS, 0.5)
    assert metrics.accuracy.value == pytest.approx(4 / 5)
    assert metrics.backed_off.value == pytest.approx(2 / 5)
    assert [row.level for row in metrics.levels] == [1, 2, 3]
    assert [row.genres for row in metrics.levels] == [2, 3, 4]
    assert [row.accuracy.value for row in metrics.levels] == pytest.approx([1, 4 / 5, 3 / 5])  # the third ties: Jazz
    assert [(row.predictions, row.correct) for row in metrics.levels] == [(2, 2), (2, 2), (1, 0)]
    assert 0 <= metrics.accuracy.low < metrics.accuracy.value < metrics.accuracy.high <= 1
    assert TreeMetrics.model_validate_json(metrics.model_dump_json()) == metrics


def test_higher_certainty_backs_off_more_often_and_errs_less() -> None:
    rng = np.random.default_rng(0)
    rows = rng.dirichlet([0.5] * 4, 200)
    truth = [TREE.leaves[rng.choice(4, p=row)] for row in rows]  # calibrated by construction
    measured = [tree_metrics(TREE, truth, rows, certainty) for certainty in (0.0, 0.5, 0.8)]
    backed_off = [metrics.backed_off.value for metrics in measured]
    assert backed_off[0] == 0 < backed_off[1] < backed_off[2]
    accuracies = [metrics.accuracy.value for metrics in measured]
    assert accuracies[0] < accuracies[1] < accuracies[2]
    leaf_accuracy = (rows.argmax(axis=1) == [TREE.leaves.index(leaf) for leaf in truth]).mean()
    assert measured[0].levels[-1].accuracy.value == pytest.approx(leaf_accuracy)


def test_json_keeps_its_keys() -> None:
    level = tree_metrics(TREE, TRUTH, ROWS, 0.5).model_dump(mode="json")["levels"][0]
    assert (level["told"], level["right"]) == (2, 2)
