"""Weights that others learnt: torchvision's published checkpoints, checked before they are used."""

import hashlib
import os
import pickle
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from genrelens.errors import (
    ChecksumError,
    DownloadError,
    InvalidModelError,
    ModelNotFoundError,
    RecipeError,
    display_name,
)
from genrelens.model import zoo

Weights = Mapping[str, Tensor]

_DIGITS = re.compile(r"-([0-9a-f]{8,64})\.pth$")  # the beginning of its SHA-256 that a checkpoint is named by


def load_backbone(net: nn.Module, weights: str, head: str) -> None:
    """Fill all of `net` but its `head` from a checkpoint of the same net; nothing happens if `weights` is "".

    Args:
        net: with the names that the checkpoint has.
        weights: a file or an address, as `load_checkpoint` takes it.
        head: the part that differs, in the net and in the checkpoint.

    Raises:
        ModelError: the checkpoint cannot be had, or is one of another net.
    """
    if not weights:
        return
    own = _without(net.state_dict(), head)
    given = _without(load_checkpoint(weights), head)
    misfit = _first_misfit(own, given)
    if misfit:
        raise InvalidModelError(f"{display_name(weights)} is a checkpoint of another net than {type(net).__name__}: {misfit}")
    net.load_state_dict(given, strict=False)


def freeze_backbone(net: nn.Module, weights: str, head: str) -> None:
    """Let nothing learn but the head.

    Raises:
        RecipeError: there are no weights that would be worth keeping.
    """
    if not weights:
        raise RecipeError("net.frozen keeps weights that net.weights must name; name them, or set net.frozen=false")
    for name, parameter in net.named_parameters():
        parameter.requires_grad = name.startswith(f"{head}.")


def load_checkpoint(address: str) -> Weights:
    """The weights in a PyTorch checkpoint, by their names.

    Args:
        address: a local file; if its name ends in digits of its SHA-256, as torchvision's do, they are checked
            as torch.hub checks them. Or "https://...#sha256=..." with the checksum of the file, which is
            downloaded once, or lies in the folder that GENRELENS_MODELS gives.

    Raises:
        ModelNotFoundError: there is no such file.
        DownloadError: the address does not give it.
        ChecksumError: it is not the file that was promised.
        InvalidModelError: it is no checkpoint.
    """
    file, promised = _local(address)
    _check(file, promised)
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise InvalidModelError(f"{display_name(file)} is not a PyTorch checkpoint, or is damaged; get it anew") from error
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise InvalidModelError(f"{display_name(file)} holds more than weights by their names; give a file that does not")
    return content


def _local(address: str) -> tuple[Path, str]:
    """The file, and how its SHA-256 is said to begin."""
    if address.startswith(("http://", "https://")):
        url, _, promised = address.partition("#sha256=")
        return _offline(url) or _downloaded(address), promised
    file = Path(address)
    if not file.is_file():
        raise ModelNotFoundError(f"the weights {display_name(file)} are not there; correct net.weights")
    digits = _DIGITS.search(file.name)
    return file, digits[1] if digits else ""


def _offline(url: str) -> Path | None:
    folder = os.environ.get(zoo.MODELS_FOLDER_ENV)
    file = Path(folder or "") / url.rpartition("/")[2]
    return file if folder and file.is_file() else None


def _downloaded(address: str) -> Path:
    try:
        return zoo.find(address)
    except DownloadError as error:
        raise DownloadError(
            f"{error}; or download it by other means and name the file with --set net.weights=FILE"
        ) from error


def _check(file: Path, promised: str) -> None:
    with file.open("rb") as content:
        actual = hashlib.file_digest(content, "sha256").hexdigest()
    if not actual.startswith(promised.lower()):
        raise ChecksumError(
            f"{display_name(file)} has SHA-256 {actual[:12]}..., not the {promised[:12]}... that was promised; get it anew"
        )


def _without(weights: Weights, head: str) -> dict[str, Tensor]:
    return {name: value for name, value in weights.items() if not name.startswith(f"{head}.")}


def _first_misfit(own: Weights, given: Weights) -> str:
    for name, value in own.items():
        if name in given and given[name].shape != value.shape:
            return f"{name} is {tuple(given[name].shape)}, not {tuple(value.shape)}"
        # Checkpoints from before PyTorch 0.4.1 do not count batches.
        if name not in given and not name.endswith("num_batches_tracked"):
            return f"{name} is missing"
    more = next((name for name in given if name not in own), None)
    return f"{more} is too many" if more else ""
