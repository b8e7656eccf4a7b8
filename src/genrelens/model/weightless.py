"""A model file with holes where the weights of others belong, which are filled on the user's machine.

So a model that stands on a published checkpoint can be shipped without the checkpoint: a zip holds the ONNX file,
zeros in the holes, and a list of which tensor of the checkpoint goes where. `scripts/ship_backbone.py` makes it.
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

_MODEL, _HOLES = "model.onnx", "holes.json"
_DATE = (1980, 1, 1, 0, 0, 0)  # of all members: the same content makes the same file

Weights = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class WeightSlot:
    """Where the bytes of a tensor go."""

    tensor: str
    start: int
    size: int


def insert_weights(template: Path, weights: Weights) -> bytes:
    """The model file, with its holes filled from a checkpoint.

    Raises:
        InvalidModelError: the checkpoint is of another net.
    """
    with zipfile.ZipFile(template) as archive:
        content = bytearray(archive.read(_MODEL))
        holes = [WeightSlot(**hole) for hole in json.loads(archive.read(_HOLES))]
    for hole in holes:
        own = _bytes(weights[hole.tensor]) if hole.tensor in weights else b""
        if len(own) != hole.size:
            raise InvalidModelError(f"the checkpoint has no {hole.tensor} of {hole.size} bytes; it is of another net")
        content[hole.start : hole.start + hole.size] = own
    return bytes(content)


def strip_weights(model: bytes, weights: Weights, target: Path) -> tuple[WeightSlot, ...]:
    """Write a template of a model file: each tensor of the checkpoint that is in it, byte for byte, becomes a hole."""
    content, holes = bytearray(model), []
    for name, values in sorted(weights.items()):
        own = _bytes(values)
        start = content.find(own) if values.dtype.kind == "f" and values.any() else -1
        if start >= 0:
            content[start : start + len(own)] = bytes(len(own))
            holes.append(WeightSlot(name, start, len(own)))
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in ((_MODEL, bytes(content)), (_HOLES, json.dumps([asdict(hole) for hole in holes]).encode())):
            archive.writestr(zipfile.ZipInfo(name, _DATE), part, zipfile.ZIP_DEFLATED, 9)
    return tuple(holes)


def _bytes(values: NDArray[Any]) -> bytes:
    return np.ascontiguousarray(values).tobytes()
