"""Weightless models: model files from which the weights of a published checkpoint were removed.

A model that builds on someone else's checkpoint can be shipped without redistributing the checkpoint. The weightless
model is a zip with the ONNX file, in which the bytes of those weights are zero, and a list of which tensor of the
checkpoint belongs where. The weights are inserted on the user's machine. `scripts/ship_backbone.py` creates the zip.
"""

import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genrelens.errors import InvalidModelError

_MODEL, _SLOTS = "model.onnx", "holes.json"
_DATE = (1980, 1, 1, 0, 0, 0)  # of all members, so that the same content gives the same file

Weights = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class WeightSlot:
    """The name of a removed tensor in the checkpoint, and its offset and length in the model file, in bytes."""

    tensor: str
    start: int
    size: int


def insert_weights(weightless: Path, weights: Weights) -> bytes:
    """Return the complete model file: a weightless model with the weights of a checkpoint.

    Raises:
        InvalidModelError: the checkpoint belongs to a different model.
    """
    with zipfile.ZipFile(weightless) as archive:
        content = bytearray(archive.read(_MODEL))
        slots = [WeightSlot(**slot) for slot in json.loads(archive.read(_SLOTS))]
    for slot in slots:
        values = _tensor_bytes(weights[slot.tensor]) if slot.tensor in weights else b""
        if len(values) != slot.size:
            raise InvalidModelError(
                f"the checkpoint has no {slot.tensor} of {slot.size} bytes; it belongs to a different model"
            )
        content[slot.start : slot.start + slot.size] = values
    return bytes(content)


def strip_weights(model: bytes, weights: Weights, target: Path) -> tuple[WeightSlot, ...]:
    """Write a weightless model, without each tensor of the checkpoint that the model file contains byte for byte."""
    content, slots = bytearray(model), []
    for name, tensor in sorted(weights.items()):
        values = _tensor_bytes(tensor)
        start = content.find(values) if tensor.dtype.kind == "f" and tensor.any() else -1
        if start >= 0:
            content[start : start + len(values)] = bytes(len(values))
            slots.append(WeightSlot(name, start, len(values)))
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in ((_MODEL, bytes(content)), (_SLOTS, json.dumps([asdict(slot) for slot in slots]).encode())):
            archive.writestr(zipfile.ZipInfo(name, _DATE), data, zipfile.ZIP_DEFLATED, 9)
    return tuple(slots)


def _tensor_bytes(tensor: NDArray[Any]) -> bytes:
    return np.ascontiguousarray(tensor).tobytes()
