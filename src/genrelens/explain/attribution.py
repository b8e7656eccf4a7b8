"""Attribution of logits to places in the model input, and averaging of overlapping windows on a time axis."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genrelens.model.session import ModelInput

Floats = NDArray[np.floating[Any]]
LogitsFunction = Callable[[ModelInput], Floats]  # from windows to logits (windows, labels)

_BATCH = 8  # occluded windows per model run: more need memory without being faster


def class_activation(maps: Floats, weights: Floats) -> Floats:
    """Return class activation maps: the contribution of each place to each logit (Zhou et al., CVPR 2016).

    For models that end in global average pooling and a linear layer. For these, the maps equal Grad-CAM (Selvaraju et
    al., ICCV 2017) before it clips negative values, times the number of places.

    Args:
        maps: last feature maps, shape (windows, channels, rows, columns).
        weights: weights of the linear layer, shape (labels, channels).

    Returns:
        Shape (windows, labels, rows, columns); the mean over rows and columns is the logits without their bias.
    """
    return np.asarray(np.einsum("lc,wcrt->wlrt", weights, maps, optimize=True))


def occlusion(logits: LogitsFunction, inputs: ModelInput, rows: int, columns: int) -> Floats:
    """Return how far each logit drops when a patch is occluded (Zeiler & Fergus, ECCV 2014).

    An occluded patch is filled with the mean of each row over its window: nothing happens there, and the timbre
    is unchanged. Silence would be an event in itself, which lowers logits wherever it is placed.

    Args:
        logits: computes the logits of windows.
        inputs: windows, shape (windows, channels, bands, frames).
        rows: number of patches from the lowest to the highest band.
        columns: number of patches from the first to the last frame.

    Returns:
        Shape (windows, labels, rows, columns).
    """
    original = logits(inputs)
    patch_of = _equal_parts(inputs.shape[2], rows)[:, None] * columns + _equal_parts(inputs.shape[3], columns)
    drops = np.empty((*original.shape, rows * columns), np.float32)
    for index, (window, window_logits) in enumerate(zip(inputs, original, strict=True)):
        fill = window.mean(axis=2, keepdims=True)
        for first in range(0, rows * columns, _BATCH):
            patches = np.arange(first, min(first + _BATCH, rows * columns))
            occluded = np.where(patch_of == patches[:, None, None, None], fill, window)
            drops[index, :, patches] = window_logits - logits(occluded)
    return drops.reshape(*original.shape, rows, columns)


class TimeAxis:
    """Columns in time, each the mean of all values added there.

    Args:
        edges: ascending start of each column and end of the last one, in seconds, shape (columns + 1,).
        shape: shape of a column; axes of size 1 are broadcast to the values.
    """

    def __init__(self, edges: Floats, *shape: int) -> None:
        self.edges = edges
        self._total: Floats = np.zeros((*shape, len(edges) - 1))
        self._seconds = np.zeros(len(edges) - 1)

    def add(self, values: Floats, start: float, end: float) -> None:
        """Add values (..., count) that divide the time from `start` to `end` seconds evenly."""
        source_edges = np.linspace(start, end, values.shape[-1] + 1)
        overlaps = np.minimum(source_edges[1:, None], self.edges[1:])
        overlaps -= np.maximum(source_edges[:-1, None], self.edges[:-1])
        seconds = np.maximum(overlaps, 0)
        self._total = self._total + values @ seconds
        self._seconds += seconds.sum(axis=0)

    def mean(self, fill_value: float = 0.0) -> Floats:
        """Return the columns, shape (..., columns), with `fill_value` where nothing was added."""
        covered = self._seconds > 0
        return np.where(covered, self._total / np.where(covered, self._seconds, 1), fill_value)


def _equal_parts(size: int, parts: int) -> NDArray[np.int64]:
    """Return the index of the part that each of `size` places belongs to, of a number of equal parts."""
    return np.arange(size) * parts // size
