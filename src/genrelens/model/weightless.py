"""Weightless models: model files from which the weights of a published checkpoint were removed.

A model that builds on someone else's checkpoint can be shipped without redistributing the checkpoint. The weightless
model is a zip with the ONNX file, in which the bytes of those weights are zero, and a list of which tensor of the
checkpoint belongs where. The weights are inserted on the user's machine. `scripts/ship_backbone.py` creates the zip.

Checkpoints are read without torch: they are a zip of raw tensors and a pickle that describes them.
"""

import io
import json
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genrelens.errors import InvalidModelError, display_name

_MODEL, _SLOTS = "model.onnx", "holes.json"
_DATE = (1980, 1, 1, 0, 0, 0)  # of all members, so that the same content gives the same file

_DTYPES = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8"}
_FORMAT_ERRORS = (LookupError, ValueError, TypeError, EOFError, AttributeError)  # of malformed pickles

Array = NDArray[Any]
Weights = Mapping[str, Array]


@dataclass(frozen=True)
class WeightSlot:
    """The name of a removed tensor in the checkpoint, and its offset and length in the model file, in bytes."""

    tensor: str
    start: int
    size: int


def read_checkpoint(file: Path) -> dict[str, Array]:
    """Read the tensors of a checkpoint by name, in the format that torch writes since 1.6.

    No code from the file is executed: the unpickler accepts only tensors and dictionaries of them.

    Raises:
        InvalidModelError: the file is not a checkpoint, or contains other objects.
        OSError: the file cannot be read.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            (index,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
            content = _TensorUnpickler(archive, index.removesuffix("data.pkl")).load()
        return {str(name): value for name, value in content.items() if isinstance(value, np.ndarray)}
    except (zipfile.BadZipFile, pickle.UnpicklingError, *_FORMAT_ERRORS) as error:
        name = display_name(file)
        raise InvalidModelError(f"{name} is not a PyTorch checkpoint of weights; get the file again") from error


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
            missing = f"{slot.tensor} of {slot.size} bytes"
            raise InvalidModelError(f"the checkpoint has no {missing}; it belongs to a different model")
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


def _tensor_bytes(tensor: Array) -> bytes:
    return np.ascontiguousarray(tensor).tobytes()


class _TensorUnpickler(pickle.Unpickler):
    """An unpickler that resolves only the names that tensors need."""

    def __init__(self, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(io.BytesIO(archive.read(f"{folder}data.pkl")))
        self._archive, self._folder = archive, folder

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed")

    def persistent_load(self, pid: Any) -> Array:
        _, dtype, key, _, _ = pid
        return np.frombuffer(self._archive.read(f"{self._folder}data/{key}"), dtype)


def _rebuild_tensor(storage: Array, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any) -> Array:
    """Return a view of a storage; torch counts strides in elements, numpy in bytes."""
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if min((offset, *strides, *shape), default=0) < 0 or (all(shape) and last >= len(storage)):
        raise ValueError("a tensor exceeds its storage")
    byte_strides = tuple(stride * storage.itemsize for stride in strides)
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, byte_strides, writeable=False)
