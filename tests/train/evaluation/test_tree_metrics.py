import numpy as np
import pytest

from genrelens.model.labels import GenreTree
from genrelens.train.evaluation.tree_metrics import TreeMetrics, tree_metrics

TREE = GenreTree(["Jazz", "Rock---Metal---Doom", "Rock---Metal---Thrash", "Rock---Pop"])
TRUTH = ["Jazz", "Rock---Pop", "Rock---Pop", "Rock---Metal---Doom", "Rock---Metal---Doom"]
ROWS = np.array(
    [
        [0.7, 0.1, 0.1, 0.1],  # told Jazz, rightly
        [0.1, 0.1, 0.2, 0.6],  # told Rock---Pop, rightly
        [0.4, 0.1, 0.1, 0.4],  # told Rock, rightly: neither part is sure
        [0.1, 0.4, 0.4, 0.1],  # told Rock---Metal, rightly; of the leaves, Doom comes first
        [0.1, 0.1, 0.7, 0.1],  # told Rock---Metal---Thrash, wrongly, though it is Rock---Metal
    ]
)


def test_each_level_and_what_was_told() -> None:
    metrics = tree_metrics(TREE, TRUTH, ROWS, 0.5)
    assert metrics.accuracy.value == pytest.approx(4 / 5)
    assert metrics.backed_off.value == pytest.approx(2 / 5)
    assert [row.level for row in metrics.levels] == [1, 2, 3]
    assert [row.genres for row in metrics.levels] == [2, 3, 4]
    assert [row.accuracy.value for row in metrics.levels] == pytest.approx([1, 4 / 5, 3 / 5])  # the third ties: Jazz
    assert [(row.told, row.right) for row in metrics.levels] == [(2, 2), (2, 2), (1, 0)]
    assert 0 <= metrics.accuracy.low < metrics.accuracy.value < metrics.accuracy.high <= 1
    assert TreeMetrics.model_validate_json(metrics.model_dump_json()) == metrics


def test_who_asks_for_more_certainty_is_told_less() -> None:
    rng = np.random.default_rng(0)
    rows = rng.dirichlet([0.5] * 4, 200)
    truth = [TREE.leaves[rng.choice(4, p=row)] for row in rows]  # calibrated by construction
    measured = [tree_metrics(TREE, truth, rows, certainty) for certainty in (0.0, 0.5, 0.8)]
    backed_off = [metrics.backed_off.value for metrics in measured]
    assert backed_off[0] == 0 < backed_off[1] < backed_off[2]
    right = [metrics.accuracy.value for metrics in measured]
    assert right[0] < right[1] < right[2]
    leaves = (rows.argmax(axis=1) == [TREE.leaves.index(leaf) for leaf in truth]).mean()
    assert measured[0].levels[-1].accuracy.value == pytest.approx(leaves)
