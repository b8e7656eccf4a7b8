"""Checkpoint files: written atomically, and checked against the network when they are read."""

import io
import os
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO
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


def write_failure_message(path: str | os.PathLike[str], error: OSError) -> str:
    """Return the message for a training that stopped because a file could not be written."""
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
        checkpoint = torch.load(file, map_location="cpu", weights_only=False)
        loaded = {name: tuple(weights.shape) for name, weights in checkpoint["state_dict"].items()}
    except Exception as error:  # torch raises zip, pickle, key and type errors here
        raise TrainingError(
            f"{display_name(file)} is not a checkpoint ({error}); start again in another run directory"
        ) from error
    expected = {name: tuple(weights.shape) for name, weights in module.state_dict().items()}
    if loaded != expected:
        name = next(name for name in (*expected, *loaded) if loaded.get(name) != expected.get(name))
        raise TrainingError(
            f"{display_name(file)} belongs to another network ({name} is {_size(loaded.get(name))} there and "
            f"{_size(expected.get(name))} here); train in another run directory"
        )
    return dict(checkpoint)


def remove_partial_checkpoints(folder: Path) -> None:
    """Delete the unfinished files of processes that were killed while writing a checkpoint."""
    for name in (BEST, LAST):
        for partial in folder.glob(f".{name}.*"):
            partial.unlink(missing_ok=True)


def _size(shape: tuple[int, ...] | None) -> str:
    return "missing" if shape is None else " x ".join(map(str, shape)) or "a scalar"
