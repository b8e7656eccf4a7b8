"""What a trained net's answers are worth: a temperature, from where on labels are told, and what is music at all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from genrelens.model.card import Calibration, MusicDetector
from genrelens.model.input_spec import AudioInput
from genrelens.model.labels import Labelling
from genrelens.model.session import ood_scores, sigmoid, softmax
from genrelens.train.data.batches import TrackWindows
from genrelens.train.data.dataset import Examples
from genrelens.train.evaluation.metrics import calibration_metrics
from genrelens.train.evaluation.multilabel_metrics import best_thresholds
from genrelens.train.networks.cam import CamNetwork
from genrelens.train.recipes.recipe import Recipe

Floats = NDArray[np.floating]

_TEMPERATURES = np.geomspace(1 / 4, 4, 101)  # steps of 2.8 %; 1 is among them, so none does worse than it
_LEAST = 1e-7  # probability that the log loss reckons with
_MOST_AXES = 24  # more see better, but the card has to have room for them: some 4 kB each
_CHANNELS_PER_AXIS = 4  # at least, so that enough is left to be strange in
_STRANGE = 0.99  # share of the tracks of valid that are less strange than the strangest ones
_SLACK = 1.25  # how much further the limit lies than these: other recordings are noisier, or a little transposed
_FEWEST = 50  # tracks of valid, below which nothing is known of how strange music can be


@dataclass(frozen=True)
class OutputCalibration:
    """What belongs into a card beside the weights; see `Card`."""

    temperature: float = 1.0
    calibration_metrics: Calibration | None = None
    thresholds: tuple[float, ...] = ()
    detector: MusicDetector | None = None


UNCALIBRATED = OutputCalibration()  # of a net whose answers are left as they are


@dataclass(frozen=True)
class TrackOutputs:
    """What a net says of the windows of one track: logits (windows, labels), embeddings (windows, channels)."""

    logits: NDArray[np.float32]
    embeddings: NDArray[np.float32] | None


def calibrate_outputs(
    net: nn.Module, recipe: Recipe, learnt: Examples, valid: Examples, say: Callable[[str], None]
) -> OutputCalibration:
    """Choose, on *valid*, what the net's answers need to be taken at their word.

    Args:
        net: trained.
        recipe: that it was trained by.
        learnt: the tracks of *train*, as they are.
        valid: those of *valid*.
        say: told in a sentence what came of it.
    """
    heard = run_network(net, valid, recipe)
    logits = [one.logits for one in heard]
    temperature, changed = calibrate_temperature(logits, valid.targets, recipe.data.labels, say)
    several = recipe.data.labels == "several"
    answers = track_probabilities(logits, recipe.data.labels, temperature)
    return OutputCalibration(
        temperature=temperature,
        calibration=changed,
        thresholds=best_thresholds(valid.targets, answers) if several else (),
        detector=_detector(net, recipe, learnt, heard, say),
    )


def run_network(net: nn.Module, tracks: Examples, recipe: Recipe) -> list[TrackOutputs]:
    """All windows of each track, as out of training."""
    heard = []
    with torch.no_grad():
        for windows, _ in TrackWindows(tracks.inputs, tracks.targets, recipe):
            if isinstance(net, CamNetwork):
                embeddings = net.embed(windows)
                heard.append(TrackOutputs(net.classify(embeddings).numpy(), embeddings.numpy()))
            else:
                heard.append(TrackOutputs(net(windows).numpy(), None))
    return heard


def calibrate_temperature(
    logits: Sequence[Floats], targets: NDArray[np.float32], labelling: Labelling, say: Callable[[str], None]
) -> tuple[float, Calibration]:
    """The temperature that `fit_temperature` chooses, and what it changed; also told in a sentence."""
    temperature = fit_temperature(logits, targets, labelling)
    changed = _changed(logits, targets, labelling, temperature)
    say(_calibrated(temperature, changed))
    return temperature, changed


def fit_temperature(logits: Sequence[Floats], targets: NDArray[np.float32], labelling: Labelling) -> float:
    """The temperature with the least log loss of the answers by track (Guo et al., ICML 2017).

    The loss is that of the mean over windows, which is what a track is told: it knows of the windows' vote,
    which makes answers less sure than windows are.

    Args:
        logits: of each track, (windows, labels).
        targets: 1 for the labels that it has, (tracks, labels).
        labelling: whether these exclude each other.
    """
    losses = [
        log_loss(track_probabilities(logits, labelling, temperature), targets, labelling)
        for temperature in _TEMPERATURES
    ]
    return round(float(_TEMPERATURES[int(np.argmin(losses))]), 4)


def track_probabilities(logits: Sequence[Floats], labelling: Labelling, temperature: float) -> Floats:
    """The mean over the windows of each track, (tracks, labels)."""
    probable = sigmoid if labelling == "several" else softmax
    windows = probable(np.asarray(np.concatenate(logits) / temperature, np.float32))
    counts = np.array([len(own) for own in logits])
    return np.asarray(np.add.reduceat(windows, np.cumsum(counts) - counts) / counts[:, None])


def log_loss(probabilities: Floats, targets: NDArray[np.float32], labelling: Labelling) -> float:
    """Of the truth, a track; with several labels, of each label, had or not."""
    likely = np.clip(probabilities.astype(np.float64), _LEAST, 1 - _LEAST)
    if labelling == "several":
        return float(-np.where(targets > 0, np.log(likely), np.log(1 - likely)).mean())
    return float(-(targets * np.log(likely)).sum(axis=1).mean())


def fit_detector(learnt: Floats, valid: Sequence[Floats]) -> MusicDetector:
    """Learn what music looks like from music alone; what is none needs no examples.

    Args:
        learnt: embeddings of windows of *train*, (windows, channels).
        valid: those of each track of *valid*, by which it is known how strange music can be.
    """
    centre = learnt.mean(axis=0, dtype=np.float64)
    count = min(_MOST_AXES, learnt.shape[1] // _CHANNELS_PER_AXIS)
    _, directions = np.linalg.eigh(np.cov(learnt, rowvar=False))
    axes = directions[:, ::-1][:, :count].T
    # A few digits keep the card small; the distances are those of the rounded axes.
    shape = MusicDetector(
        centre=tuple(float(f"{number:.4g}") for number in centre),
        axes=tuple(tuple(np.round(axis, 3).tolist()) for axis in axes),
        usual=1.0,
        limit=2.0,
    )
    strange = [ood_scores(shape, own).mean() for own in valid]
    usual, strangest = np.quantile(strange, [0.5, _STRANGE])
    limit = usual + _SLACK * (strangest - usual)
    return shape.model_copy(update={"usual": float(np.exp(usual)), "limit": float(np.exp(limit))})


def _detector(
    net: nn.Module, recipe: Recipe, learnt: Examples, valid: Sequence[TrackOutputs], say: Callable[[str], None]
) -> MusicDetector | None:
    """Fit one if the net hears and gives embeddings, and there are tracks enough to know how strange music can be."""
    if not (isinstance(net, CamNetwork) and isinstance(recipe.input, AudioInput)):
        say("What is no music will not be noticed: that needs a net that hears, and ends in a mean and a linear layer.")
        return None
    if len(valid) < _FEWEST:
        say(f"What is no music will not be noticed: that needs {_FEWEST} tracks in valid, and there are {len(valid)}.")
        return None
    of_train = [one.embeddings for one in run_network(net, learnt, recipe) if one.embeddings is not None]
    return fit_detector(np.concatenate(of_train), [one.embeddings for one in valid if one.embeddings is not None])


def _changed(
    logits: Sequence[Floats], targets: NDArray[np.float32], labelling: Labelling, temperature: float
) -> Calibration:
    answers = [track_probabilities(logits, labelling, each) for each in (1.0, temperature)]
    losses = [log_loss(own, targets, labelling) for own in answers]
    errors = None
    if labelling != "several":
        before, after = (calibration_metrics(targets.argmax(axis=1), own).error for own in answers)
        errors = (round(before, 4), round(after, 4))
    return Calibration(tracks=len(targets), log_loss=(round(losses[0], 4), round(losses[1], 4)), error=errors)


def _calibrated(temperature: float, changed: Calibration) -> str:
    told = f"Calibrated on valid: temperature {temperature:.2f}, log loss {_to(changed.log_loss)}"
    return told + (f", calibration error {_to(changed.error)}." if changed.error else ".")


def _to(pair: tuple[float, float]) -> str:
    return f"{pair[0]:.3f} to {pair[1]:.3f}"
