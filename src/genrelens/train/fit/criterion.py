"""What differs in training where tracks have one label or several: probabilities, loss, weights, measures."""

from typing import Protocol

import numpy as np
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor
from torch.nn import functional

from genrelens.model.labels import Labelling
from genrelens.train.evaluation.label_metrics import mean_average_precision

_LEAST = 1e-7  # probability that a log loss reckons with


class Criterion(Protocol):
    """What stands on top of a net's logits (windows, labels)."""

    def probabilities(self, logits: Tensor) -> Tensor:
        """Of each label, (windows, labels)."""

    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor | None, smoothing: float) -> Tensor:
        """What is minimised, given mixed targets (windows, labels)."""

    def balanced_weights(self, targets: Tensor) -> Tensor:
        """Weights for the loss, (labels,), that let each label count the same; targets are (tracks, labels)."""

    def accuracy(self, answers: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """The share of right answers by its name, if there is such a thing; answers may be logits."""

    def validation(self, probabilities: Tensor, targets: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The log loss by track, and a measure for people to look at; both arguments are (tracks, labels)."""


class SingleLabelCriterion:
    """Softmax and cross entropy; the leaves of a tree are told apart in the same way."""

    def probabilities(self, logits: Tensor) -> Tensor:
        """They sum to 1."""
        return logits.softmax(dim=1)

    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor | None, smoothing: float) -> Tensor:
        """Cross entropy."""
        return functional.cross_entropy(logits, targets, weights, label_smoothing=smoothing)

    def balanced_weights(self, targets: Tensor) -> Tensor:
        """Their mean over the tracks is 1; a class without tracks gets 1, and is never asked for."""
        truth = targets.argmax(dim=1).numpy()
        there = np.unique(truth)
        weights = torch.ones(targets.shape[1])
        weights[there] = torch.from_numpy(compute_class_weight("balanced", classes=there, y=truth)).float()
        return weights

    def accuracy(self, answers: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Of the most probable labels."""
        return {"accuracy": (answers.argmax(dim=1) == targets.argmax(dim=1)).float().mean()}

    def validation(self, probabilities: Tensor, targets: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Of the probability of the truth; with accuracy."""
        loss = functional.nll_loss(probabilities.clamp(min=_LEAST).log(), targets.argmax(dim=1))
        return loss, self.accuracy(probabilities, targets)


class MultiLabelCriterion:
    """A sigmoid for each label, and the mean of their binary cross entropies."""

    def probabilities(self, logits: Tensor) -> Tensor:
        """Each is for itself."""
        return logits.sigmoid()

    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor | None, smoothing: float) -> Tensor:
        """Binary cross entropy; targets are smoothed towards 1/2."""
        smoothed = targets * (1 - smoothing) + smoothing / 2
        return functional.binary_cross_entropy_with_logits(logits, smoothed, pos_weight=weights)

    def balanced_weights(self, targets: Tensor) -> Tensor:
        """Of the tracks that have a label: as if they were as many as those that have not."""
        have = targets.sum(dim=0)
        return (len(targets) - have).clamp(min=1) / have.clamp(min=1)

    def accuracy(self, answers: Tensor, targets: Tensor) -> dict[str, Tensor]:  # noqa: ARG002
        """None: an answer is a ranking here, and neither right nor wrong."""
        return {}

    def validation(self, probabilities: Tensor, targets: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Of every label, had or not; with the mean average precision."""
        loss = functional.binary_cross_entropy(probabilities.clamp(_LEAST, 1 - _LEAST), targets)
        return loss, {"map": torch.tensor(mean_average_precision(targets.numpy(), probabilities.numpy()))}


def criterion_for(labelling: Labelling) -> Criterion:
    """What suits data that is labelled so."""
    return MultiLabelCriterion() if labelling == "several" else SingleLabelCriterion()
