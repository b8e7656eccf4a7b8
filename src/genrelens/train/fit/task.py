"""The Lightning module: loss, training step, validation, optimiser, learning-rate schedule and averaged weights."""

import sys
import time
from functools import partial
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import WeightAveraging
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import lr_scheduler

from genrelens.errors import RecipeError
from genrelens.model.labels import Labelling
from genrelens.train.data.batches import Batch, rank_seed, step_seed
from genrelens.train.distillation.teacher import TeacherProjection
from genrelens.train.evaluation.multilabel_metrics import mean_average_precision
from genrelens.train.networks.layers import CamNetwork
from genrelens.train.recipes.recipe import Recipe

_EPSILON = 1e-7  # probabilities are clipped to it before taking logarithms


class NonFiniteLossError(Exception):
    """The loss or a weight became NaN or infinite."""


class SingleLabelCriterion:
    """Softmax and cross-entropy, also for the leaves of a label tree."""

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return probabilities (windows, labels) from logits of the same shape."""
        return logits.softmax(dim=1)

    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor | None, smoothing: float) -> Tensor:
        """Return the training loss.

        Args:
            logits: outputs of the network, (windows, labels).
            targets: 0 to 1 for each label, (windows, labels); they may be mixed.
            weights: class weights, (labels,); None weighs all labels equally.
            smoothing: label smoothing, 0 to 1.
        """
        return functional.cross_entropy(logits, targets, weights, label_smoothing=smoothing)

    def balanced_weights(self, targets: Tensor) -> Tensor:
        """Return class weights (labels,) that give each label the same influence; targets are (tracks, labels).

        Their mean over the tracks is 1; a class without tracks gets 1, which is never used.
        """
        truth = targets.argmax(dim=1).numpy()
        present = np.unique(truth)
        weights = torch.ones(targets.shape[1])
        weights[present] = torch.from_numpy(compute_class_weight("balanced", classes=present, y=truth)).float()
        return weights

    def accuracy(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Return the accuracy of the most probable labels, by name; outputs are logits or probabilities."""
        return {"accuracy": (outputs.argmax(dim=1) == targets.argmax(dim=1)).float().mean()}

    def validation(self, probabilities: Tensor, targets: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the log loss, and the accuracy by name; both arguments are (tracks, labels)."""
        loss = functional.nll_loss(probabilities.clamp(min=_EPSILON).log(), targets.argmax(dim=1))
        return loss, self.accuracy(probabilities, targets)


class MultiLabelCriterion:
    """A sigmoid per label, and the mean binary cross-entropy. Takes the arguments of `SingleLabelCriterion`."""

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


def criterion_for(labelling: Labelling) -> SingleLabelCriterion | MultiLabelCriterion:
    """Return the criterion for data with that labelling."""
    return MultiLabelCriterion() if labelling == "several" else SingleLabelCriterion()


class MovingAverage(WeightAveraging):
    """A running mean of the weights that becomes an exponential moving average after 1 / (1 - decay) steps.

    With a constant decay from the first step on, the random initial weights would dominate the average for just as
    long, and a short training would end with little else.
    """

    def __init__(self, decay: float) -> None:
        super().__init__(avg_fn=partial(_update_average, minimum_share=1 - decay))


def _update_average(average: Tensor, weights: Tensor, count: Tensor | int, minimum_share: float) -> Tensor:
    return average + (weights - average) * max(minimum_share, 1 / (int(count) + 1))


class GenreTask(L.LightningModule):
    """Training on batches of windows, and validation by track.

    Args:
        network: windows (windows, channels, rows, frames) -> logits (windows, labels).
        recipe: the training settings.
        steps: total number of optimiser steps.
        class_weights: weights of the labels in the loss, (labels,); None weighs all labels equally.
        teacher_features: size of the teacher's embedding; None without distillation.

    Raises:
        RecipeError: there is a teacher, but the network has no embedding to compare with it.
        NonFiniteLossError: by the hooks, if the loss or a weight becomes NaN or infinite.
    """

    def __init__(
        self,
        network: nn.Module,
        recipe: Recipe,
        steps: int,
        class_weights: Tensor | None = None,
        teacher_features: int | None = None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(recipe.model_dump(mode="json"))
        # Attribute names are part of the checkpoint format.
        self.net = network
        self.pupil = _teacher_projection(network, recipe, teacher_features) if teacher_features else None
        self.criterion = criterion_for(recipe.data.labels)
        self.seed, self.table = recipe.seed, recipe.train
        self.steps = steps
        self.distil_weight = recipe.distil.weight if recipe.distil else 0.0
        self.class_weights: Tensor | None
        self.register_buffer("class_weights", class_weights, persistent=False)
        self._valid_outputs: list[tuple[Tensor, Tensor]] = []
        self._epoch_start = 0.0

    def on_train_epoch_start(self) -> None:
        """Start timing the epoch."""
        self._epoch_start = time.monotonic()

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Return the loss against mixed, smoothed targets, plus the distillation loss; both must be finite."""
        windows, targets, *teacher_embeddings = batch
        # Seeded by step, so that dropout is the same in a resumed training.
        torch.manual_seed(rank_seed(step_seed(self.seed, self.global_step), self.global_rank))
        logits, distillation_loss = self._logits_and_distillation_loss(windows, *teacher_embeddings)
        loss = self.criterion.loss(logits, targets, self.class_weights, self.table.label_smoothing) + distillation_loss
        if not torch.isfinite(loss):
            raise NonFiniteLossError(f"the loss became {loss.item()} in {self._position()}")
        metrics = {"train_loss": loss, **_prefixed("train", self.criterion.accuracy(logits, targets))}
        self.log_dict(metrics, on_step=False, on_epoch=True, sync_dist=True, batch_size=len(windows))
        return loss

    def _logits_and_distillation_loss(
        self, windows: Tensor, teacher_embeddings: Tensor | None = None
    ) -> tuple[Tensor, Tensor | float]:
        if teacher_embeddings is None:
            return self.net(windows), 0.0
        network, projection = self.distilled()
        embeddings = network.embed(windows)
        return network.classify(embeddings), self.distil_weight * projection.loss(embeddings, teacher_embeddings)

    def distilled(self) -> tuple[CamNetwork, TeacherProjection]:
        """Return the student network, and the projection of its embedding to the teacher's."""
        assert isinstance(self.net, CamNetwork)
        assert self.pupil is not None
        return self.net, self.pupil

    def on_train_epoch_end(self) -> None:
        """Check the weights before they are written to a checkpoint, and log the learning rate and the duration."""
        if not all(torch.isfinite(weights).all() for weights in self.net.parameters()):
            raise NonFiniteLossError(f"the weights became nan in {self._position()}")
        self.log("rate", self.trainer.optimizers[0].param_groups[0]["lr"])
        self.log("seconds", time.monotonic() - self._epoch_start)

    def on_validation_epoch_start(self) -> None:
        """Copy the first process's batch statistics to all processes: they are the ones that are saved."""
        if self.trainer.world_size > 1:
            for buffer in self.net.buffers():
                torch.distributed.broadcast(buffer, 0)

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        """Compute the mean probabilities over the windows of one track."""
        windows, targets = batch
        probabilities = self.criterion.probabilities(self.net(windows).float()).mean(dim=0)
        self._valid_outputs.append((probabilities.cpu(), targets.cpu()))

    def on_validation_epoch_end(self) -> None:
        """Log the log loss by track, which must be finite, and the accuracy or the average precision."""
        probabilities, targets = map(torch.stack, zip(*self._gather_valid_outputs(), strict=True))
        if not torch.isfinite(probabilities).all():
            raise NonFiniteLossError(f"the loss on valid became nan in {self._position()}")
        loss, metrics = self.criterion.validation(probabilities, targets)
        self.log_dict({"valid_loss": loss, **_prefixed("valid", metrics)}, prog_bar=True, batch_size=len(targets))
        if self.table.schedule == "plateau":
            self.lr_schedulers()[1].step(loss)  # type: ignore[index, arg-type]

    def _gather_valid_outputs(self) -> list[tuple[Tensor, Tensor]]:
        """Return the probabilities and targets of all tracks of *valid*, from all processes."""
        shares: list[Any] = [self._valid_outputs] * self.trainer.world_size
        if self.trainer.world_size > 1:
            torch.distributed.all_gather_object(shares, self._valid_outputs)
        self._valid_outputs = []
        return [output for share in shares for output in share]

    def configure_optimizers(self) -> Any:
        """Return Adam or AdamW with a linear warm-up, followed by the recipe's schedule."""
        table = self.table
        optimiser_class = torch.optim.AdamW if table.optimiser == "adamw" else torch.optim.Adam
        optimiser = optimiser_class(self._parameter_groups(), lr=table.lr)
        warmup_steps = max(1, round(table.warmup * self.steps))
        warmup = lr_scheduler.LinearLR(optimiser, 0.01, total_iters=warmup_steps)
        if table.schedule == "plateau":
            halving = lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.5, patience=table.stall - 1, eps=0)
            # Stepped in on_validation_epoch_end: Lightning would step it after the checkpoint has been written, so
            # that a resumed training would miss the step.
            never = {"scheduler": halving, "monitor": "valid_loss", "frequency": sys.maxsize}
            return [optimiser], [{"scheduler": warmup, "interval": "step"}, never]
        if table.schedule == "cosine":
            main: Any = lr_scheduler.CosineAnnealingLR(optimiser, max(1, self.steps - warmup_steps))
        else:
            main = lr_scheduler.ConstantLR(optimiser, 1.0)
        schedule = lr_scheduler.SequentialLR(optimiser, [warmup, main], [warmup_steps])
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _position(self) -> str:
        return f"epoch {self.current_epoch}, step {self.global_step}"

    def _parameter_groups(self) -> list[dict[str, Any]]:
        """Apply weight decay to weights, but not to biases and the scales of normalisation layers."""
        return [
            {"params": [p for p in self.parameters() if p.ndim > 1], "weight_decay": self.table.weight_decay},
            {"params": [p for p in self.parameters() if p.ndim <= 1], "weight_decay": 0.0},
        ]


def _teacher_projection(network: nn.Module, recipe: Recipe, features: int) -> TeacherProjection:
    if not isinstance(network, CamNetwork):
        raise RecipeError(
            f"the network {recipe.net.name} does not end in global average pooling and a linear layer, so it has no "
            "embedding for distillation; leave out distil, or use lens"
        )
    return TeacherProjection(network.linear_head()[0].shape[1], features)


def _prefixed(split: str, metrics: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{split}_{name}": value for name, value in metrics.items()}
