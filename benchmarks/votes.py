"""Aggregation of windows to a track prediction: the mean, or an aggregation that is robust to outliers.

    python benchmarks/votes.py --data gtzan:ARRAY.npy [--data gtzan:FOLDER] [--model MODEL]

Measured on *valid*, where the aggregation is chosen; each with its best temperature on the first dataset.
"""

import argparse
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import trim_mean
from valid import classify_valid

from genrelens.defaults import DEFAULT_MODEL
from genrelens.model import zoo
from genrelens.model.session import Model, softmax
from genrelens.train.evaluation.metrics import calibration_metrics

Floats = NDArray[np.floating]
Aggregation = Callable[[Floats], Floats]  # from probabilities (windows, labels) to (labels,)

TEMPERATURES = np.geomspace(0.5, 2, 141)


def main() -> None:
    """Measure all aggregations and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", required=True, help="a dataset; repeatable")
    parser.add_argument("--split", default="fault-filtered", help="the split whose valid part is used")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    arguments = parser.parse_args()
    model = Model(zoo.find(arguments.model))
    fitted: dict[str, float] = {}
    print(
        f"{'aggregation':<12}{'tracks':>7}{'temperature':>13}{'accuracy':>10}{'log loss':>10}{'error':>8}{'at 80 %':>9}"
    )
    for data in arguments.data:
        judged = list(classify_valid(model, data, arguments.split))
        truth = np.array([model.card.labels.index(item.label) for item, _ in judged])
        outputs = (prediction.probabilities for _, prediction in judged)
        logits = [np.log(np.maximum(probabilities, 1e-12)) * model.card.temperature for probabilities in outputs]
        for name, aggregate in AGGREGATIONS.items():
            losses = [
                log_loss(track_probabilities(logits, aggregate, temperature), truth) for temperature in TEMPERATURES
            ]
            temperature = fitted.setdefault(name, float(TEMPERATURES[int(np.argmin(losses))]))
            figures = _figures(track_probabilities(logits, aggregate, temperature), truth)
            print(f"{name:<12}{len(truth):>7}{temperature:>13.2f}{figures}")


def track_probabilities(logits: Sequence[Floats], aggregate: Aggregation, temperature: float) -> Floats:
    """Return the probabilities of each track, shape (tracks, labels), summing to 1."""
    pooled = np.stack(
        [aggregate(softmax(np.asarray(window_logits / temperature, np.float32))) for window_logits in logits]
    )
    return np.asarray(pooled / pooled.sum(axis=1, keepdims=True))


def log_loss(probabilities: Floats, truth: NDArray[np.int64]) -> float:
    """Return the mean negative log likelihood of the true labels."""
    return float(-np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-7)).mean())


def by_entropy(windows: Floats) -> Floats:
    """Average the windows, weighted by negative entropy."""
    entropy = -(windows * np.log(windows + 1e-12)).sum(axis=1)
    return np.average(windows, axis=0, weights=np.log(windows.shape[1]) - entropy + 1e-6)


AGGREGATIONS: dict[str, Aggregation] = {
    "mean": lambda windows: windows.mean(axis=0),
    "median": lambda windows: np.asarray(np.median(windows, axis=0)),
    "trimmed": lambda windows: np.asarray(trim_mean(windows, 0.2)),
    "geometric": lambda windows: np.exp(np.log(windows + 1e-12).mean(axis=0)),
    "confidence": lambda windows: np.average(windows, axis=0, weights=windows.max(axis=1)),
    "entropy": by_entropy,
}


def _figures(probabilities: Floats, truth: NDArray[np.int64]) -> str:
    order = np.argsort(-probabilities.max(axis=1), kind="stable")
    right = (probabilities.argmax(axis=1) == truth)[order]
    confident = right[: int(np.ceil(0.8 * len(right)))]
    error = calibration_metrics(truth, probabilities).error
    return f"{right.mean():>10.3f}{log_loss(probabilities, truth):>10.4f}{error:>8.3f}{confident.mean():>9.3f}"


if __name__ == "__main__":
    main()
