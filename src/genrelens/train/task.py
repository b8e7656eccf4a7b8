"""The training itself, as Lightning wants it told: a step, a validation, an optimiser."""

from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn import functional

from genrelens.train.batches import draw_seed
from genrelens.train.recipe import Recipe


class LostLossError(Exception):
    """The loss is no number any more."""


class GenreTask(L.LightningModule):
    """Learns genres from batches of windows; validates by track.

    Args:
        net: (windows, 1, n_mels, frames) -> logits (windows, labels).
        recipe: how to train.
        steps: of the optimiser, in all.
    """

    def __init__(self, net: nn.Module, recipe: Recipe, steps: int) -> None:
        super().__init__()
        self.net = net
        self.seed, self.table = recipe.seed, recipe.train
        self.steps = steps
        self._valid: list[tuple[Tensor, int]] = []

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        """Cross entropy against mixed, smoothed targets."""
        windows, targets = batch
        torch.manual_seed(draw_seed(self.seed, self.global_step))  # dropout, too, is the same when resumed
        loss = functional.cross_entropy(self.net(windows), targets, label_smoothing=self.table.label_smoothing)
        if not torch.isfinite(loss):
            raise LostLossError(f"the loss became {loss.item()} in epoch {self.current_epoch}")
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(windows))
        return loss

    def validation_step(self, batch: tuple[Tensor, int], _: int) -> None:
        """The mean probability over the windows of one track."""
        windows, label = batch
        self._valid.append((self.net(windows).float().softmax(dim=1).mean(dim=0).cpu(), int(label)))

    def on_validation_epoch_end(self) -> None:
        """Accuracy and log loss by track."""
        probabilities = torch.stack([row for row, _ in self._valid])
        truth = torch.tensor([label for _, label in self._valid])
        self._valid.clear()
        loss = functional.nll_loss(probabilities.clamp(min=1e-7).log(), truth)
        accuracy = (probabilities.argmax(dim=1) == truth).float().mean()
        self.log_dict({"valid_loss": loss, "valid_accuracy": accuracy}, prog_bar=True, batch_size=len(truth))

    def configure_optimizers(self) -> Any:
        """Adam or AdamW; the rate rises, then falls along a cosine."""
        table = self.table
        kind = torch.optim.AdamW if table.optimiser == "adamw" else torch.optim.Adam
        optimiser = kind(self._parameter_groups(), lr=table.lr)
        warmup = max(1, round(table.warmup * self.steps))
        rising = torch.optim.lr_scheduler.LinearLR(optimiser, 0.01, total_iters=warmup)
        if table.schedule == "cosine":
            later: Any = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(1, self.steps - warmup))
        else:
            later = torch.optim.lr_scheduler.ConstantLR(optimiser, 1.0)
        schedule = torch.optim.lr_scheduler.SequentialLR(optimiser, [rising, later], [warmup])
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _parameter_groups(self) -> list[dict[str, Any]]:
        """Weights decay; biases and the scales of normalisation do not."""
        decaying = [p for p in self.net.parameters() if p.ndim > 1]
        free = [p for p in self.net.parameters() if p.ndim <= 1]
        return [{"params": decaying, "weight_decay": self.table.weight_decay}, {"params": free, "weight_decay": 0.0}]
