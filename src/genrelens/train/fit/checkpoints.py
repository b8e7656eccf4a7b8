"""Checkpoints: written atomically, checked against the network when they are read, and valid in a moved directory."""

import io
import os
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from lightning.pytorch.trainer import Trainer
from torch import nn

from genrelens.errors import TrainingError, display_name
from genrelens.files import atomic_write

BEST, LAST = "best.ckpt", "last.ckpt"


class AtomicCheckpointIO(TorchCheckpointIO):
    """Checkpoint output that replaces the previous file only when the new one is complete.

    A killed process or a full disk leaves the previous checkpoint intact. Lightning's own implementation renames
    from the directory for temporary files, which may be on another file system.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:  # noqa: ARG002
        """Write a checkpoint.

        Raises:
            TrainingError: the file cannot be written.
        """
        content = io.BytesIO()
        torch.save(checkpoint, content)
        try:
            with atomic_write(Path(path)) as file:
                file.write(content.getbuffer())
        except OSError as error:
            raise TrainingError(write_failure_message(path, error)) from error


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


def write_failure_message(path: str | os.PathLike[str], error: OSError) -> str:
    """Return the message for a training run that stopped because a file could not be written."""
    reason = error.strerror or str(error)
    return (
        f"{display_name(path)} cannot be written ({reason}); free some space and continue from the last checkpoint "
        "with --resume"
    )


def read_checkpoint(file: Path, module: nn.Module) -> dict[str, Any]:
    """Load a checkpoint whose weights have the names and shapes of the module's.

    Raises:
        TrainingError: the file is damaged, or belongs to another network.
    """
    try:
        checkpoint: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=False)
        loaded = _shapes(checkpoint["state_dict"])
    except Exception as error:  # torch raises zip, pickle, key and type errors here
        raise TrainingError(
            f"{display_name(file)} is not a checkpoint ({error}); start again in another run directory"
        ) from error
    expected = _shapes(module.state_dict())
    for name in (*expected, *loaded):
        there, here = loaded.get(name, "missing"), expected.get(name, "missing")
        if there != here:
            raise TrainingError(
                f"{display_name(file)} belongs to another network ({name} is {there} there and {here} here); "
                "train in another run directory"
            )
    return checkpoint


def remove_partial_checkpoints(folder: Path) -> None:
    """Delete the unfinished files of processes that were killed while writing a checkpoint."""
    for name in (BEST, LAST):
        for partial in folder.glob(f".{name}.*"):
            partial.unlink(missing_ok=True)


def _shapes(weights: dict[str, torch.Tensor]) -> dict[str, str]:
    return {name: " x ".join(map(str, tensor.shape)) or "a scalar" for name, tensor in weights.items()}
