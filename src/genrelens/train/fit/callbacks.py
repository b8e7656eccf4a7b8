"""Lightning callbacks: averaged weights, checkpoints that survive a move, and early stopping that survives a resume."""

from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, WeightAveraging
from lightning.pytorch.trainer import Trainer
from torch import Tensor


class MovingAverage(WeightAveraging):
    """A running mean of the weights that becomes an exponential moving average after 1 / (1 - decay) steps.

    With a constant decay from the first step on, the random initial weights would dominate the average for just as
    long, and a short training would end with little else.
    """

    def __init__(self, decay: float) -> None:
        super().__init__(avg_fn=_Average(decay))
        self._decay = decay

    def __reduce__(self) -> tuple[Any, ...]:
        """Support pickling, for training in several processes."""
        return MovingAverage, (self._decay,)


class _Average:
    def __init__(self, decay: float) -> None:
        self._minimum_share = 1 - decay

    def __call__(self, average: Tensor, weights: Tensor, count: Tensor | int) -> Tensor:
        return average + (weights - average) * max(self._minimum_share, 1 / (int(count) + 1))


class RelocatableCheckpoint(ModelCheckpoint):
    """A `ModelCheckpoint` that still knows its best score after the run directory has been moved."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore an earlier state, with the paths of the current directory."""
        current = str(Path(str(self.dirpath)) / f"{self.filename}.ckpt")
        paths = {"best_model_path": current, "kth_best_model_path": current, "dirpath": self.dirpath}
        scores = dict.fromkeys([current] if state_dict["best_k_models"] else [], state_dict["best_model_score"])
        super().load_state_dict({**state_dict, **paths, "best_k_models": scores})


class ResumableEarlyStopping(EarlyStopping):
    """An `EarlyStopping` that stops a resumed training at once if it had already stopped."""

    def on_train_start(self, trainer: Trainer, *_: Any) -> None:
        """Stop if the restored state has exhausted its patience."""
        trainer.should_stop = self.wait_count >= self.patience
