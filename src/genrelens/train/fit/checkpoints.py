"""Checkpoints that are whole or not there, that fit the net, and that a moved folder keeps."""

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


class WholeCheckpoints(TorchCheckpointIO):
    """Writes beside the old checkpoint, then renames: a kill, or a full disk, leaves the old one as it was.

    Lightning's own goes by way of the folder for temporary files, from which a file may not be renamed.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:  # noqa: ARG002
        """Write a checkpoint.

        Raises:
            TrainingError: it cannot be written.
        """
        content = io.BytesIO()
        torch.save(checkpoint, content)
        try:
            with atomic_write(Path(path)) as file:
                file.write(content.getbuffer())
        except OSError as error:
            raise TrainingError(unwritable(path, error)) from error


class Checkpoint(ModelCheckpoint):
    """Lightning's, that also remembers how good its best was if the folder has been moved."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from an earlier state, whose folder is where this one is now."""
        here = str(Path(str(self.dirpath)) / f"{self.filename}.ckpt")
        best = {"best_model_path": here, "kth_best_model_path": here, "dirpath": self.dirpath}
        scores = dict.fromkeys([here] if state_dict["best_k_models"] else [], state_dict["best_model_score"])
        super().load_state_dict({**state_dict, **best, "best_k_models": scores})


class Patience(EarlyStopping):
    """Lightning's, that stops a resumed training at once if it had been stopped before."""

    def on_train_start(self, trainer: Trainer, *_: Any) -> None:
        """Look at what the checkpoint says."""
        trainer.should_stop = self.wait_count >= self.patience


def unwritable(path: str | os.PathLike[str], error: OSError) -> str:
    """Say that a training stopped because a file could not be written."""
    reason = error.strerror or str(error)
    return f"{display_name(path)} cannot be written ({reason}); make room and go on with --resume, from the last checkpoint"


def read_checkpoint(file: Path, module: nn.Module) -> dict[str, Any]:
    """Read a checkpoint, and see that its weights are the module's.

    Raises:
        TrainingError: it is damaged, or of another net.
    """
    try:
        checkpoint = torch.load(file, map_location="cpu", weights_only=False)
        found = {name: tuple(weights.shape) for name, weights in checkpoint["state_dict"].items()}
    except Exception as error:  # torch has no error of its own for this: zip, pickle, key and type errors come
        raise TrainingError(f"{display_name(file)} is not a checkpoint ({error}); begin again in another folder") from error
    wanted = {name: tuple(weights.shape) for name, weights in module.state_dict().items()}
    if found != wanted:
        odd = next(name for name in (*wanted, *found) if found.get(name) != wanted.get(name))
        raise TrainingError(
            f"{display_name(file)} is of another net ({odd} is {_size(found.get(odd))} there and {_size(wanted.get(odd))} "
            "here); train in another folder"
        )
    return dict(checkpoint)


def drop_unfinished(folder: Path) -> None:
    """Remove what processes that were killed left half written."""
    for name in (BEST, LAST):
        for partial in folder.glob(f".{name}.*"):
            partial.unlink(missing_ok=True)


def _size(shape: tuple[int, ...] | None) -> str:
    return "missing" if shape is None else " x ".join(map(str, shape)) or "a number"
