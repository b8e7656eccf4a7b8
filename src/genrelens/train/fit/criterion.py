"""Probabilities, loss, class weights and validation metrics, for tracks with one label or with several."""

from typing import Protocol

import numpy as np
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor
from torch.nn import functional

from genrelens.model.labels import Labelling
from genrelens.train.evaluation.multilabel_metrics import mean_average_precision

_EPSILON = 1e-7  # probabilities are clipped to it before taking logarithms


class Criterion(Protocol):
    """The interpretation of a network's logits (windows, labels)."""

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return probabilities (windows, labels)."""

    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor | None, smoothing: float) -> Tensor:
        """Return the training loss for targets (windows, labels), which may be mixed.

        Args:
            logits: outputs of the network, (windows, labels).
            targets: 0 to 1 for each label, (windows, labels).
            weights: class weights, (labels,); None weighs all labels equally.
            smoothing: label smoothing, 0 to 1.
        """

    def balanced_weights(self, targets: Tensor) -> Tensor:
        """Return class weights (labels,) that give each label the same influence; targets are (tracks, labels)."""

    def accuracy(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Return the accuracy by name, or nothing where it is not defined; outputs are logits or probabilities."""

    def validation(self, probabilities: Tensor, targets: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the log loss and further metrics by name; both arguments are (tracks, labels)."""


class SingleLabelCriterion:
    """Softmax and cross-entropy, also for the leaves of a label tree."""

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return the softmax."""
        return logits.softmax(dim=1)

    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor | None, smoothing: float) -> Tensor:
        """Return the cross-entropy."""
        return functional.cross_entropy(logits, targets, weights, label_smoothing=smoothing)

    def balanced_weights(self, targets: Tensor) -> Tensor:
        """Return weights with mean 1 over the tracks; a class without tracks gets 1, which is never used."""
        truth = targets.argmax(dim=1).numpy()
        present = np.unique(truth)
        weights = torch.ones(targets.shape[1])
        weights[present] = torch.from_numpy(compute_class_weight("balanced", classes=present, y=truth)).float()
        return weights

    def accuracy(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Return the accuracy of the most probable labels."""
        return {"accuracy": (outputs.argmax(dim=1) == targets.argmax(dim=1)).float().mean()}

    def validation(self, probabilities: Tensor, targets: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the log loss of the true labels, and the accuracy."""
        loss = functional.nll_loss(probabilities.clamp(min=_EPSILON).log(), targets.argmax(dim=1))
        return loss, self.accuracy(probabilities, targets)


class MultiLabelCriterion:
    """A sigmoid per label, and the mean of the binary cross-entropies."""

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return the sigmoid."""
        return logits.sigmoid()

    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor | None, smoothing: float) -> Tensor:
        """Return the binary cross-entropy; targets are smoothed towards 1/2."""
        smoothed = targets * (1 - smoothing) + smoothing / 2
        return functional.binary_cross_entropy_with_logits(logits, smoothed, pos_weight=weights)

    def balanced_weights(self, targets: Tensor) -> Tensor:
        """Return weights that give the tracks with a label the same influence as those without it."""
        positives = targets.sum(dim=0)
        return (len(targets) - positives).clamp(min=1) / positives.clamp(min=1)

    def accuracy(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:  # noqa: ARG002
        """Return nothing: an output ranks the labels, and is neither right nor wrong."""
        return {}

    def validation(self, probabilities: Tensor, targets: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the log loss over all labels, and the mean average precision."""
        loss = functional.binary_cross_entropy(probabilities.clamp(_EPSILON, 1 - _EPSILON), targets)
        return loss, {"map": torch.tensor(mean_average_precision(targets.numpy(), probabilities.numpy()))}


def criterion_for(labelling: Labelling) -> Criterion:
    """Return the criterion for data with that labelling."""
    return MultiLabelCriterion() if labelling == "several" else SingleLabelCriterion()
