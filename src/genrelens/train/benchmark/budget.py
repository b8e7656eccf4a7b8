"""CPU time of training and prediction on this machine, and the epochs that fit into a budget."""

import time
from itertools import islice
from math import ceil
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from genrelens.classifier import Classifier
from genrelens.train import networks
from genrelens.train.data.batches import TrainingBatches, batches_per_epoch
from genrelens.train.data.dataset import Dataset, Examples
from genrelens.train.data.log_mels import network_inputs
from genrelens.train.distillation.teacher import build_teacher
from genrelens.train.recipes.recipe import Recipe

_MAX_VALIDATIONS = 8
_FORWARD_SHARE = 1 / 3  # of the time of a training step
_TIMED_STEPS = 5
_TIMED_SECONDS = 30  # of audio
_TRIES = 5


def fit_to_budget(recipe: Recipe, data: Dataset, budget: float) -> Recipe:
    """Reduce the epochs of a recipe, and its validations, to what fits into `budget` seconds of CPU time."""
    train = data.training_examples(recipe)
    step = seconds_per_step(recipe, train, len(data.manifest.labels))
    epoch = batches_per_epoch(len(train.inputs), recipe) * step
    validation = _valid_windows(data, recipe) / recipe.train.batch * step * _FORWARD_SHARE
    epochs = recipe.train.epochs
    while epochs > 1 and epochs * epoch + min(epochs, _MAX_VALIDATIONS) * validation > budget:
        epochs -= 1
    every = min(epochs, max(recipe.train.validate_every, ceil(epochs / _MAX_VALIDATIONS)))
    table = recipe.train.model_copy(update={"epochs": epochs, "validate_every": every})
    return recipe.model_copy(update={"train": table})


def seconds_per_step(recipe: Recipe, train: Examples, labels: int) -> float:
    """Measure the CPU time of a training step in seconds, batches included, after a first step for warm-up."""
    network = networks.build(recipe.net, labels, recipe.input.shape)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    batches = iter(TrainingBatches(train.inputs, train.targets, recipe, lambda: 0, teacher=build_teacher(recipe)))
    times = [time.process_time()]
    for batch, targets, *_ in islice(batches, 1 + _TIMED_STEPS):
        with torch.autocast("cpu", enabled=recipe.train.precision == "bf16"):
            functional.cross_entropy(network(batch), targets).backward()  # type: ignore[no-untyped-call]
        times.append(time.process_time())
    return float(np.median(np.diff(times)[1:])) if len(times) > 2 else times[-1] - times[0]


def measure_cpu_ms(model: Path) -> float:
    """Measure the CPU time in milliseconds from 30 s of samples to a prediction.

    All windows are classified on one thread; the result is the minimum of several tries.
    """
    classifier = Classifier(model, threads=1)
    rate = classifier.card.audio_input.front_end.rate
    samples = np.random.default_rng(0).standard_normal(_TIMED_SECONDS * rate).astype(np.float32) / 10
    times = []
    for _ in range(_TRIES):
        before = time.process_time()
        classifier.predict_samples(samples, rate, windows="all")
        times.append(time.process_time() - before)
    return round(1000 * min(times), 1)


def _valid_windows(data: Dataset, recipe: Recipe) -> int:
    inputs = data.examples("valid").inputs
    return len(inputs) * len(network_inputs(inputs[0], recipe.input))
