"""Calibration of a trained network's outputs: temperature, decision thresholds and the music detector."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from genrelens.model.card import Calibration, MusicDetector
from genrelens.model.input_spec import AudioInput
from genrelens.model.labels import Labelling
from genrelens.model.session import ood_scores, sigmoid, softmax
from genrelens.progress import Notify
from genrelens.train.data.batches import TrackWindows
from genrelens.train.data.dataset import Examples
from genrelens.train.evaluation.metrics import calibration_metrics
from genrelens.train.evaluation.multilabel_metrics import best_thresholds
from genrelens.train.networks.layers import CamNetwork
from genrelens.train.recipes.recipe import Recipe

Floats = NDArray[np.floating]

_TEMPERATURES = np.geomspace(1 / 4, 4, 101)  # steps of 2.8 %; they include 1, so calibration never raises the loss
_MIN_PROBABILITY = 1e-7  # keeps the log loss finite
_MAX_AXES = 24  # of the detector; more detect better, but take space in the card: these take some 4 kB
_CHANNELS_PER_AXIS = 4  # at least, so that enough directions are left outside the subspace of music
_LIMIT_QUANTILE = 0.99  # of the distances of validation tracks, from which the detector's limit is set
_LIMIT_SLACK = 1.25  # factor on that distance: other recordings are noisier, or slightly transposed
_MIN_DETECTOR_TRACKS = 50  # validation tracks; with fewer, the spread of the distances is unknown


@dataclass(frozen=True)
class OutputCalibration:
    """Settings of a model card that are fitted after the weights; see `Card`."""

    temperature: float = 1.0
    calibration: Calibration | None = None
    thresholds: tuple[float, ...] = ()
    detector: MusicDetector | None = None


UNCALIBRATED = OutputCalibration()


@dataclass(frozen=True)
class TrackOutputs:
    """Outputs of a network for the windows of one track.

    Attributes:
        logits: shape (windows, labels).
        embeddings: shape (windows, channels); None if the network has no embeddings.
    """

    logits: NDArray[np.float32]
    embeddings: NDArray[np.float32] | None


def calibrate_outputs(
    network: nn.Module, recipe: Recipe, train: Examples, valid: Examples, notify: Notify
) -> OutputCalibration:
    """Fit temperature, thresholds and music detector of a trained network on the validation split.

    Args:
        network: trained network.
        recipe: recipe that `network` was trained with.
        train: tracks of the training split, without augmentation.
        valid: tracks of the validation split.
        notify: receives the result in a sentence.
    """
    labelling = recipe.data.labels
    outputs = run_network(network, valid, recipe)
    logits = [output.logits for output in outputs]
    temperature, calibration = calibrate_temperature(logits, valid.targets, labelling, notify)
    thresholds: tuple[float, ...] = ()
    if labelling == "several":
        thresholds = best_thresholds(valid.targets, track_probabilities(logits, labelling, temperature))
    return OutputCalibration(
        temperature=temperature,
        calibration=calibration,
        thresholds=thresholds,
        detector=_music_detector(network, recipe, train, outputs, notify),
    )


def run_network(network: nn.Module, tracks: Examples, recipe: Recipe) -> list[TrackOutputs]:
    """Run a network on all windows of each track, without gradients."""
    outputs = []
    with torch.no_grad():
        for windows, _ in TrackWindows(tracks.inputs, tracks.targets, recipe):
            if isinstance(network, CamNetwork):
                embeddings = network.embed(windows)
                outputs.append(TrackOutputs(network.classify(embeddings).numpy(), embeddings.numpy()))
            else:
                outputs.append(TrackOutputs(network(windows).numpy(), None))
    return outputs


def calibrate_temperature(
    logits: Sequence[Floats], targets: NDArray[np.float32], labelling: Labelling, notify: Notify
) -> tuple[float, Calibration]:
    """Return the temperature that `fit_temperature` chooses and its effect, and report both in a sentence."""
    temperature = fit_temperature(logits, targets, labelling)
    calibration = _calibration_effect(logits, targets, labelling, temperature)
    sentence = f"Calibrated on valid: temperature {temperature:.2f}, log loss {_before_after(calibration.log_loss)}"
    if calibration.error:
        sentence += f", calibration error {_before_after(calibration.error)}"
    notify(sentence)
    return temperature, calibration


def fit_temperature(logits: Sequence[Floats], targets: NDArray[np.float32], labelling: Labelling) -> float:
    """Choose the temperature with the lowest log loss by track (Guo et al., ICML 2017).

    The loss is computed on the mean over the windows of a track, as a track is predicted from that mean. It thus
    accounts for averaging, which makes tracks less confident than their windows.

    Args:
        logits: logits of each track, shape (windows, labels).
        targets: 1 for the labels of each track, shape (tracks, labels).
        labelling: whether labels exclude each other.
    """
    losses = [
        log_loss(track_probabilities(logits, labelling, temperature), targets, labelling)
        for temperature in _TEMPERATURES
    ]
    return round(float(_TEMPERATURES[int(np.argmin(losses))]), 4)


def track_probabilities(logits: Sequence[Floats], labelling: Labelling, temperature: float) -> Floats:
    """Return the mean probabilities over the windows of each track, shape (tracks, labels)."""
    activation = sigmoid if labelling == "several" else softmax
    windows = activation(np.asarray(np.concatenate(logits) / temperature, np.float32))
    counts = np.array([len(track) for track in logits])
    return np.asarray(np.add.reduceat(windows, np.cumsum(counts) - counts) / counts[:, None])


def log_loss(probabilities: Floats, targets: NDArray[np.float32], labelling: Labelling) -> float:
    """Return the mean log loss per track; for multi-label models, per track and label."""
    clipped = np.clip(probabilities.astype(np.float64), _MIN_PROBABILITY, 1 - _MIN_PROBABILITY)
    if labelling == "several":
        return float(-np.where(targets > 0, np.log(clipped), np.log(1 - clipped)).mean())
    return float(-(targets * np.log(clipped)).sum(axis=1).mean())


def fit_detector(train: Floats, valid: Sequence[Floats]) -> MusicDetector:
    """Fit an out-of-distribution detector on music alone; it needs no examples of other sounds.

    Args:
        train: embeddings of windows of the training split, shape (windows, channels).
        valid: embeddings of each track of the validation split, shape (windows, channels), which set the limit.
    """
    centre = train.mean(axis=0, dtype=np.float64)
    count = min(_MAX_AXES, train.shape[1] // _CHANNELS_PER_AXIS)
    _, directions = np.linalg.eigh(np.cov(train, rowvar=False))
    axes = directions[:, ::-1][:, :count].T
    # Few digits keep the card small; the distances are computed with the rounded axes.
    detector = MusicDetector(
        centre=tuple(float(f"{number:.4g}") for number in centre),
        axes=tuple(tuple(np.round(axis, 3).tolist()) for axis in axes),
        usual=1.0,
        limit=2.0,
    )
    scores = [ood_scores(detector, embeddings).mean() for embeddings in valid]
    usual, high = np.quantile(scores, [0.5, _LIMIT_QUANTILE])
    limit = usual + _LIMIT_SLACK * (high - usual)
    return detector.model_copy(update={"usual": float(np.exp(usual)), "limit": float(np.exp(limit))})


def _music_detector(
    network: nn.Module, recipe: Recipe, train: Examples, valid: Sequence[TrackOutputs], notify: Notify
) -> MusicDetector | None:
    """Fit a detector if the network takes audio and has embeddings, and there are enough validation tracks."""
    if not (isinstance(network, CamNetwork) and isinstance(recipe.input, AudioInput)):
        notify(
            "The model will not detect sounds other than music: that needs a network for audio that ends in global "
            "average pooling and a linear layer"
        )
        return None
    if len(valid) < _MIN_DETECTOR_TRACKS:
        notify(
            f"The model will not detect sounds other than music: that needs {_MIN_DETECTOR_TRACKS} tracks in valid, "
            f"which has {len(valid)}"
        )
        return None
    outputs = run_network(network, train, recipe)
    train_embeddings = [output.embeddings for output in outputs if output.embeddings is not None]
    valid_embeddings = [output.embeddings for output in valid if output.embeddings is not None]
    return fit_detector(np.concatenate(train_embeddings), valid_embeddings)


def _calibration_effect(
    logits: Sequence[Floats], targets: NDArray[np.float32], labelling: Labelling, temperature: float
) -> Calibration:
    """Return log loss and calibration error before and after calibration."""
    before_and_after = [track_probabilities(logits, labelling, value) for value in (1.0, temperature)]
    losses = [log_loss(probabilities, targets, labelling) for probabilities in before_and_after]
    errors = None
    if labelling != "several":
        truth = targets.argmax(axis=1)
        before, after = (calibration_metrics(truth, probabilities).error for probabilities in before_and_after)
        errors = (round(before, 4), round(after, 4))
    return Calibration(tracks=len(targets), log_loss=(round(losses[0], 4), round(losses[1], 4)), error=errors)


def _before_after(pair: tuple[float, float]) -> str:
    return f"{pair[0]:.3f} to {pair[1]:.3f}"
