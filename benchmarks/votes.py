"""Which vote of the windows makes the best answer for a track: the mean, or one that minds outliers less?

    python benchmarks/votes.py --data gtzan:ARRAY.npy [--data gtzan:FOLDER] [--model MODEL]

On *valid*, where votes are chosen; each with the temperature that suits it best on the first data set.
"""

import argparse
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import trim_mean
from valid import judge_valid

from genrelens.defaults import DEFAULT_MODEL
from genrelens.model import zoo
from genrelens.model.session import Model, softmax
from genrelens.train.evaluation.metrics import calibration_metrics

Floats = NDArray[np.floating]
Vote = Callable[[Floats], Floats]  # from probabilities (windows, labels) to (labels,)

TEMPERATURES = np.geomspace(0.5, 2, 141)


def main() -> None:
    """Measure all votes and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", required=True, help="a data set; repeat for others")
    parser.add_argument("--split", default="fault-filtered", help="whose valid side is measured on")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    arguments = parser.parse_args()
    model = Model(zoo.find(arguments.model))
    fitted: dict[str, float] = {}
    print(f"{'vote':<12}{'tracks':>7}{'temperature':>13}{'accuracy':>10}{'log loss':>10}{'error':>8}{'at 80 %':>9}")
    for data in arguments.data:
        judged = list(judge_valid(model, data, arguments.split))
        truth = np.array([model.card.labels.index(item.label) for item, _ in judged])
        logits = [np.log(np.maximum(one.probabilities, 1e-12)) * model.card.temperature for _, one in judged]
        for name, vote in VOTES.items():
            losses = [log_loss(answers(logits, vote, temperature), truth) for temperature in TEMPERATURES]
            temperature = fitted.setdefault(name, float(TEMPERATURES[int(np.argmin(losses))]))
            print(f"{name:<12}{len(truth):>7}{temperature:>13.2f}{_figures(answers(logits, vote, temperature), truth)}")


def answers(logits: Sequence[Floats], vote: Vote, temperature: float) -> Floats:
    """Of each track, (tracks, labels), adding up to 1."""
    voted = np.stack([vote(softmax(np.asarray(own / temperature, np.float32))) for own in logits])
    return np.asarray(voted / voted.sum(axis=1, keepdims=True))


def log_loss(probabilities: Floats, truth: NDArray[np.int64]) -> float:
    """Of the truth."""
    return float(-np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-7)).mean())


def by_entropy(windows: Floats) -> Floats:
    """The mean, a window with a plainer answer counting for more."""
    entropy = -(windows * np.log(windows + 1e-12)).sum(axis=1)
    return np.average(windows, axis=0, weights=np.log(windows.shape[1]) - entropy + 1e-6)


VOTES: dict[str, Vote] = {
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
    kept = right[: int(np.ceil(0.8 * len(right)))]
    error = calibration_metrics(truth, probabilities).error
    return f"{right.mean():>10.3f}{log_loss(probabilities, truth):>10.4f}{error:>8.3f}{kept.mean():>9.3f}"


if __name__ == "__main__":
    main()
