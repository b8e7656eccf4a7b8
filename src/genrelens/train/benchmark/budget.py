"""What a training and an answer cost on this machine, and how much of a training a budget holds."""

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
from genrelens.train.data.windows import network_inputs
from genrelens.train.distillation.teacher import build_teacher
from genrelens.train.recipes.recipe import Recipe

_LOOKS = 8  # at *valid*, at most
_TIMED_STEPS = 5
_TIMED_SECONDS = 30  # of audio
_TRIES = 5


def fit_to_budget(recipe: Recipe, data: Dataset, budget: float) -> Recipe:
    """The recipe with as many of its epochs as that many seconds of CPU time hold, and fewer looks at *valid*."""
    lessons = data.training_examples(recipe)
    step = seconds_per_step(recipe, lessons, len(data.manifest.labels))
    epoch = batches_per_epoch(len(lessons.inputs), recipe) * step
    look = _valid_windows(data, recipe) / recipe.train.batch * step / 3  # forwards only
    epochs = recipe.train.epochs
    while epochs > 1 and epochs * epoch + min(epochs, _LOOKS) * look > budget:
        epochs -= 1
    every = min(epochs, max(recipe.train.validate_every, ceil(epochs / _LOOKS)))
    table = recipe.train.model_copy(update={"epochs": epochs, "validate_every": every})
    return recipe.model_copy(update={"train": table})


def seconds_per_step(recipe: Recipe, lessons: Examples, labels: int) -> float:
    """CPU time of a training step, batches included, after a first one that warms up."""
    net = networks.build(recipe.net, labels, recipe.input.shape).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    batches = iter(TrainingBatches(lessons.inputs, lessons.targets, recipe, lambda: 0, teacher=build_teacher(recipe)))
    times = [time.process_time()]
    for batch, targets, *_ in islice(batches, 1 + _TIMED_STEPS):
        with torch.autocast("cpu", enabled=recipe.train.precision == "bf16"):
            functional.cross_entropy(net(batch), targets).backward()  # type: ignore[no-untyped-call]
        times.append(time.process_time())
    return float(np.median(np.diff(times)[1:])) if len(times) > 2 else times[-1] - times[0]


def measure_cpu_ms(model: Path) -> float:
    """CPU time from 30 s of samples to an answer, on one thread, all windows; the least of a few tries."""
    classifier = Classifier(model, threads=1)
    rate = classifier.card.audio_input.front_end.rate
    samples = np.random.default_rng(0).standard_normal(_TIMED_SECONDS * rate).astype(np.float32) / 10
    times = []
    for _ in range(_TRIES):
        before = time.process_time()
        classifier.predict_samples(samples, rate)
        times.append(time.process_time() - before)
    return round(1000 * min(times), 1)


def _valid_windows(data: Dataset, recipe: Recipe) -> int:
    tracks = data.examples("valid")
    return len(tracks.inputs) * len(network_inputs(tracks.inputs[0], recipe.input))
