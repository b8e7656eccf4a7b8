import numpy as np
import pytest

from genrelens.train.evaluation.metrics import classification_metrics
from genrelens.train.fit.record import Epoch, History
from genrelens.train.report.drawing import DARK, LIGHT
from genrelens.train.report.figures import (
    accuracy_coverage,
    confusion_matrix,
    genre_metrics,
    learning_curves,
    reliability_diagram,
)

PNG = b"\x89PNG"


@pytest.mark.parametrize("count", [2, 30])
def test_figures_of_few_and_many_genres(count: int) -> None:
    rng = np.random.default_rng(0)
    truth = np.arange(3 * count) % count
    probabilities = rng.dirichlet(np.ones(count), len(truth))
    metrics = classification_metrics([f"genre {n}" for n in range(count)], truth, probabilities)
    for figure in (confusion_matrix, genre_metrics, reliability_diagram, accuracy_coverage):
        assert figure(metrics).png(DARK).startswith(PNG)


def test_alternative_texts_summarise_the_figures() -> None:
    metrics = classification_metrics("abc", np.array([0, 0, 0, 1, 2]), np.eye(3)[[0, 1, 1, 1, 2]])
    assert confusion_matrix(metrics).alt == (
        "Confusion matrix of 3 genres: the most frequent error is a predicted as b, 2 of 3 times."
    )
    assert reliability_diagram(metrics).alt.startswith(
        "Reliability diagram: the mean confidence is 100 % and the accuracy 60 %"
    )
    assert "F1 from 0.50 (a) to 1.00 (c)" in genre_metrics(metrics).alt
    perfect = classification_metrics("ab", np.array([0, 1]), np.eye(2))
    assert confusion_matrix(perfect).alt == "Confusion matrix of 2 genres: all predictions are correct."


def test_learning_curves_of_one_epoch_without_validation() -> None:
    history = History(epochs=(Epoch(epoch=0, step=9, train_loss=2.0),))
    drawing = learning_curves(history, None)
    assert drawing.alt == "Loss and accuracy over 1 epoch."
    assert drawing.png(LIGHT).startswith(PNG)


def test_learning_curves_of_a_multilabel_model_show_average_precision() -> None:
    epochs = tuple(Epoch(epoch=n, step=n, train_loss=1 / (n + 1), valid_loss=1, valid_map=n / 4) for n in range(3))
    drawing = learning_curves(History(epochs=epochs), None)
    assert drawing.alt.startswith("Loss and mean average precision over 3 epochs.")
    _, lower = drawing.draw(LIGHT).axes
    assert lower.get_ylabel() == "mean average precision"
    assert [np.asarray(line.get_ydata()).tolist() for line in lower.lines] == [[], [0, 0.25, 0.5]]
