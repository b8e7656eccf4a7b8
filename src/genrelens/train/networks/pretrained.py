"""Published pretrained weights, such as torchvision's checkpoints, verified before use."""

import hashlib
import os
import pickle
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from genrelens.errors import ChecksumError, DownloadError, InvalidModelError, ModelNotFoundError, display_name
from genrelens.model import zoo

Weights = Mapping[str, Tensor]

_DIGITS = re.compile(r"-([0-9a-f]{8,64})\.pth$")  # first digits of the SHA-256, as in torchvision's file names


def load_backbone(network: nn.Module, weights: str, head: str) -> None:
    """Load all weights except the submodule `head` from a checkpoint of the same architecture.

    Parameters have the same names in the network and in the checkpoint, a file or URL for `load_checkpoint`, or ""
    to load nothing.

    Raises:
        ModelError: the checkpoint cannot be loaded, or belongs to another network.
    """
    if not weights:
        return
    expected = _without(network.state_dict(), head)
    loaded = _without(load_checkpoint(weights), head)
    mismatch = _first_mismatch(expected, loaded)
    if mismatch:
        raise InvalidModelError(
            f"{display_name(weights)} is a checkpoint of another network than {type(network).__name__}: {mismatch}"
        )
    network.load_state_dict(loaded, strict=False)


def load_checkpoint(source: str) -> Weights:
    """Load the weights of a PyTorch checkpoint, by parameter name.

    Args:
        source: a local file; if its name ends in digits of its SHA-256, as torchvision's do, they are verified
            as torch.hub verifies them. Or "https://...#sha256=..." with the file's checksum; the file is
            downloaded once, or taken from the folder that GENRELENS_MODELS names.

    Raises:
        ModelNotFoundError: the file does not exist.
        DownloadError: the download fails.
        ChecksumError: the file does not have the expected checksum.
        InvalidModelError: the file is not a checkpoint.
    """
    file, sha256 = _locate(source)
    with file.open("rb") as stream:
        actual = hashlib.file_digest(stream, "sha256").hexdigest()
    if not actual.startswith(sha256.lower()):
        raise ChecksumError(
            f"{display_name(file)} has SHA-256 {actual[:12]}... instead of the expected {sha256[:12]}...; "
            "download it again"
        )
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise InvalidModelError(
            f"{display_name(file)} is not a PyTorch checkpoint, or is damaged; download it again"
        ) from error
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise InvalidModelError(
            f"{display_name(file)} contains more than weights by name; use a checkpoint of a state dict alone"
        )
    return content


def _locate(source: str) -> tuple[Path, str]:
    """Return the local file and the expected start of its SHA-256."""
    if source.startswith(("http://", "https://")):
        url, _, sha256 = source.partition("#sha256=")
        if folder := os.environ.get(zoo.MODELS_FOLDER_ENV):
            offline = Path(folder, url.rpartition("/")[2])
            if offline.is_file():
                return offline, sha256
        try:
            return zoo.find(source), sha256
        except DownloadError as error:
            raise DownloadError(
                f"{error}; or download it by other means and name the file with --set net.weights=FILE"
            ) from error
    file = Path(source)
    if not file.is_file():
        raise ModelNotFoundError(f"the weights {display_name(file)} do not exist; correct net.weights")
    digits = _DIGITS.search(file.name)
    return file, digits[1] if digits else ""


def _without(weights: Weights, head: str) -> dict[str, Tensor]:
    return {name: value for name, value in weights.items() if not name.startswith(f"{head}.")}


def _first_mismatch(expected: Weights, loaded: Weights) -> str:
    """Describe the first parameter that is missing, unexpected or of another shape; "" if all match."""
    for name, value in expected.items():
        if name in loaded and loaded[name].shape != value.shape:
            return f"{name} is {tuple(loaded[name].shape)}, not {tuple(value.shape)}"
        # Checkpoints written before PyTorch 0.4.1 do not count batches.
        if name not in loaded and not name.endswith("num_batches_tracked"):
            return f"{name} is missing"
    unexpected = next((name for name in loaded if name not in expected), None)
    return f"{unexpected} is unexpected" if unexpected else ""
