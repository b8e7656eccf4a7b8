"""Synthetic training data and short training runs."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch.callbacks import Callback

from genrelens.features.frontend import FrontEnd
from genrelens.train.data.dataset import Examples
from genrelens.train.data.log_mels import LogMelSpec
from genrelens.train.data.manifest import LabelledTrack
from genrelens.train.evaluation.evaluate import Evaluation, Predictions, TrackProbabilities, build_evaluation
from genrelens.train.fit.trainer import TrainingOptions, fit, prepare_training
from genrelens.train.recipes.recipe import Recipe


def make_tracks(each: tuple[int, ...] = (8, 8), seed: int = 0) -> Examples:
    """Return log-mels in which each class is louder in its own half of the bands."""
    rng = np.random.default_rng(seed)
    truth = [label for label, count in enumerate(each) for _ in range(count)]
    levels = []
    for label in truth:
        level = rng.uniform(-80, -40, (128, 60))
        level[label * 64 : label * 64 + 64] += 20
        levels.append(level.astype(np.float16))
    return Examples(levels, np.eye(len(each), dtype=np.float32)[truth])


class InjectedError(Exception): ...


class FailInEpoch(Callback):
    """A callback that raises `InjectedError` in the middle of an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        if trainer.current_epoch == self.epoch:
            raise InjectedError


def make_evaluation(tracks: dict[str, tuple[str, float]], labels: tuple[str, ...] = ("jazz", "rock")) -> Evaluation:
    """Return an evaluation from the true label of each track and its predicted probability of the first label."""
    probabilities = {
        path: TrackProbabilities.from_windows(np.array([[first, 1 - first]])) for path, (_, first) in tracks.items()
    }
    labelled = [LabelledTrack(path, path, label) for path, (label, _) in tracks.items()]
    return build_evaluation("any", "1", labels, labelled, Predictions(probabilities))


CPU = TrainingOptions("cpu", tracker="none")


def fit_small(recipe: Recipe, folder: Path, *callbacks: Callback, learn: Examples | None = None) -> torch.nn.Module:
    folder.mkdir(exist_ok=True)
    training = prepare_training(recipe, learn or make_tracks(), make_tracks((4, 4), seed=1))
    return fit(training, folder, CPU, lambda _: None, callbacks)


FRONT_END = FrontEnd(rate=11_025, n_fft=512, hop=256, n_mels=32)
SPEC = LogMelSpec(front_end=FRONT_END)
