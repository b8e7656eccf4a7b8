"""Reader for PyTorch checkpoints that needs no torch: a zip of raw tensors and a pickle that describes them."""

import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genrelens.errors import InvalidModelError, display_name

Array = NDArray[Any]

_DTYPES = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8"}
_FORMAT_ERRORS = (LookupError, ValueError, TypeError, EOFError, AttributeError)  # of malformed pickles


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
