"""The Lightning module: training step, validation, optimiser and learning-rate schedule."""

import sys
import time
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.optim import lr_scheduler

from genrelens.errors import RecipeError
from genrelens.train.data.batches import Batch, rank_seed, step_seed
from genrelens.train.distillation.teacher import TeacherProjection
from genrelens.train.fit.criterion import criterion_for
from genrelens.train.networks.layers import CamNetwork
from genrelens.train.recipes.recipe import Recipe


class NonFiniteLossError(Exception):
    """The loss or a weight became NaN or infinite."""


class GenreTask(L.LightningModule):
    """Training on batches of windows, and validation by track.

    Args:
        network: windows (windows, channels, rows, frames) -> logits (windows, labels).
        recipe: the training settings.
        steps: total number of optimiser steps.
        class_weights: weights of the labels in the loss, (labels,); None weighs all labels equally.
        teacher_features: size of the teacher's embedding, for distillation; None without a teacher.

    Raises:
        RecipeError: there is a teacher, but the network has no embedding to compare with it.
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
        """Return the loss against mixed, smoothed targets, plus the distillation loss.

        Raises:
            NonFiniteLossError: the loss is NaN or infinite.
        """
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
        loss = projection.loss(embeddings, teacher_embeddings)
        return network.classify(embeddings), self.distil_weight * loss

    def distilled(self) -> tuple[CamNetwork, TeacherProjection]:
        """Return the student network, and the projection of its embedding to the teacher's."""
        assert isinstance(self.net, CamNetwork)
        assert self.pupil is not None
        return self.net, self.pupil

    def on_train_epoch_end(self) -> None:
        """Check the weights before they are written to a checkpoint, and log the learning rate and the duration.

        Raises:
            NonFiniteLossError: a weight is NaN or infinite.
        """
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
        """Log the log loss by track, and the accuracy or the average precision.

        Raises:
            NonFiniteLossError: a probability is NaN.
        """
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
        decayed = [p for p in self.parameters() if p.ndim > 1]
        not_decayed = [p for p in self.parameters() if p.ndim <= 1]
        return [
            {"params": decayed, "weight_decay": self.table.weight_decay},
            {"params": not_decayed, "weight_decay": 0.0},
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
