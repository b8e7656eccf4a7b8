"""The training itself, as Lightning wants it told: a step, a validation, an optimiser."""

import sys
import time
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.optim import lr_scheduler

from genrelens.errors import RecipeError
from genrelens.train.data.batches import Batch, step_seed, rank_seed
from genrelens.train.distillation.teacher import TeacherProjection
from genrelens.train.fit.criterion import criterion_for
from genrelens.train.networks.cam import CamNetwork
from genrelens.train.recipes.recipe import Recipe


class NonFiniteLossError(Exception):
    """The loss is no number any more."""


class GenreTask(L.LightningModule):
    """Learns genres from batches of windows; validates by track.

    Args:
        net: (windows, planes, rows, frames) -> logits (windows, labels).
        recipe: how to train.
        steps: of the optimiser, in all.
        weights: of the labels in the loss, (labels,); all the same if not given.
        taught: features of the teacher that the net learns from as well, if it has one.

    Raises:
        RecipeError: there is a teacher, and the net has no embedding to teach.
    """

    def __init__(
        self,
        net: nn.Module,
        recipe: Recipe,
        steps: int,
        weights: Tensor | None = None,
        taught: int | None = None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(recipe.model_dump(mode="json"))
        self.net, self.head = net, criterion_for(recipe.data.labels)
        self.seed, self.table = recipe.seed, recipe.train
        self.steps = steps
        self.distil_weight = recipe.distil.weight if recipe.distil else 0.0
        self.weights: Tensor | None
        self.register_buffer("weights", weights, persistent=False)
        self.pupil = _pupil(net, recipe, taught) if taught else None
        self._valid: list[tuple[Tensor, Tensor]] = []
        self._begun = 0.0

    def on_train_epoch_start(self) -> None:
        """Look at the clock."""
        self._begun = time.monotonic()

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """The loss against mixed, smoothed targets, and against what a teacher hears."""
        windows, targets, *taught = batch
        # Dropout, too, is the same when resumed.
        torch.manual_seed(rank_seed(step_seed(self.seed, self.global_step), self.global_rank))
        logits, lesson = self._answers(windows, *taught)
        loss = self.head.loss(logits, targets, self.weights, self.table.label_smoothing) + lesson
        if not torch.isfinite(loss):
            raise NonFiniteLossError(f"the loss became {loss.item()} in {self._place()}")
        measures = {"train_loss": loss, **_named("train", self.head.accuracy(logits, targets))}
        self.log_dict(measures, on_step=False, on_epoch=True, sync_dist=True, batch_size=len(windows))
        return loss

    def _answers(self, windows: Tensor, taught: Tensor | None = None) -> tuple[Tensor, Tensor | float]:
        """Logits, and the loss against a teacher."""
        if taught is None:
            return self.net(windows), 0.0
        net, pupil = self.taught()
        embeddings = net.embed(windows)
        return net.classify(embeddings), self.distil_weight * pupil.loss(embeddings, taught)

    def taught(self) -> tuple[CamNetwork, TeacherProjection]:
        """The net that has a teacher, and what guesses the teacher's embedding from its own."""
        assert isinstance(self.net, CamNetwork)
        assert self.pupil is not None
        return self.net, self.pupil

    def on_train_epoch_end(self) -> None:
        """See that the weights may be kept: a checkpoint is written next.

        Raises:
            LostLossError: they are no numbers any more.
        """
        if not all(torch.isfinite(weights).all() for weights in self.net.parameters()):
            raise NonFiniteLossError(f"the weights became nan in {self._place()}")
        self.log("rate", self.trainer.optimizers[0].param_groups[0]["lr"])
        self.log("seconds", time.monotonic() - self._begun)

    def on_validation_epoch_start(self) -> None:
        """Let all processes that train together look with the same batch statistics: those that are kept."""
        if self.trainer.world_size > 1:
            for buffer in self.net.buffers():
                torch.distributed.broadcast(buffer, 0)

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        """The mean probability over the windows of one track."""
        windows, targets = batch
        self._valid.append((self.head.probabilities(self.net(windows).float()).mean(dim=0).cpu(), targets.cpu()))

    def on_validation_epoch_end(self) -> None:
        """Log loss by track, and accuracy or average precision.

        Raises:
            LostLossError: the net's answers are no numbers any more.
        """
        probabilities, targets = map(torch.stack, zip(*self._all_answers(), strict=True))
        if not torch.isfinite(probabilities).all():
            raise NonFiniteLossError(f"the loss on valid became nan in {self._place()}")
        loss, measures = self.head.validation(probabilities, targets)
        shown = {"valid_loss": loss, **_named("valid", measures)}
        self.log_dict(shown, prog_bar=True, batch_size=len(targets))
        if self.table.schedule == "plateau":
            self.lr_schedulers()[1].step(loss)  # type: ignore[index, arg-type]

    def _all_answers(self) -> list[tuple[Tensor, Tensor]]:
        """What this process and the others that train with it heard in *valid*."""
        shares: list[Any] = [self._valid] * self.trainer.world_size
        if self.trainer.world_size > 1:
            torch.distributed.all_gather_object(shares, self._valid)
        self._valid = []
        return [answer for share in shares for answer in share]

    def configure_optimizers(self) -> Any:
        """Adam or AdamW; the rate rises, then does as the schedule says."""
        table = self.table
        kind = torch.optim.AdamW if table.optimiser == "adamw" else torch.optim.Adam
        optimiser = kind(self._parameter_groups(), lr=table.lr)
        warmup = max(1, round(table.warmup * self.steps))
        rising = lr_scheduler.LinearLR(optimiser, 0.01, total_iters=warmup)
        if table.schedule == "plateau":
            halving = lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.5, patience=table.stall - 1, eps=0)
            # Lightning would take this step after the checkpoint, and a resumed training would miss it.
            never = {"scheduler": halving, "monitor": "valid_loss", "frequency": sys.maxsize}
            return [optimiser], [{"scheduler": rising, "interval": "step"}, never]
        if table.schedule == "cosine":
            later: Any = lr_scheduler.CosineAnnealingLR(optimiser, max(1, self.steps - warmup))
        else:
            later = lr_scheduler.ConstantLR(optimiser, 1.0)
        schedule = lr_scheduler.SequentialLR(optimiser, [rising, later], [warmup])
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _place(self) -> str:
        return f"epoch {self.current_epoch}, step {self.global_step}"

    def _parameter_groups(self) -> list[dict[str, Any]]:
        """Weights decay; biases and the scales of normalisation do not."""
        decaying = [p for p in self.parameters() if p.ndim > 1]
        free = [p for p in self.parameters() if p.ndim <= 1]
        return [{"params": decaying, "weight_decay": self.table.weight_decay}, {"params": free, "weight_decay": 0.0}]


def _pupil(net: nn.Module, recipe: Recipe, taught: int) -> TeacherProjection:
    if not isinstance(net, CamNetwork):
        raise RecipeError(
            f"the net {recipe.net.name} does not end in a mean and a linear layer, so it has no embedding to teach; "
            "leave out distil, or take lens"
        )
    return TeacherProjection(net.linear_head()[0].shape[1], taught)


def _named(side: str, measures: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{side}_{name}": value for name, value in measures.items()}
