"""What in its input a net's answer comes from, window by window; and windows that overlap, laid on one time axis."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
ModelInput = NDArray[np.float32]  # of windows: (windows, planes, rows, frames)
LogitsFunction = Callable[[ModelInput], Floats]  # from windows to logits (windows, labels)

_AT_A_TIME = 8  # occluded windows judged together: more are no faster, and take more memory


def class_activation(maps: Floats, weights: Floats) -> Floats:
    """How much each place of the last maps adds to each logit (Zhou et al., CVPR 2016).

    For a net that ends in the mean of its maps and a linear layer. There it is Grad-CAM (Selvaraju et al., ICCV
    2017), before that sets to 0 what speaks against a label, times the number of places.

    Args:
        maps: (windows, channels, rows, columns).
        weights: from the mean of maps to logits, (labels, channels).

    Returns:
        Shape (windows, labels, rows, columns); its mean over rows and columns is the logits without their bias.
    """
    return np.asarray(np.einsum("lc,wcrt->wlrt", weights, maps, optimize=True))


def occlusion(judge: LogitsFunction, planes: ModelInput, rows: int, columns: int) -> Floats:
    """How far each logit falls when a patch is made grey (Zeiler & Fergus, ECCV 2014).

    Grey is the mean over a window of the row that a place is in: nothing happens there, and the timbre is that of
    the rest. Silence instead would be an event of its own, and make answers fall wherever it is put.

    Args:
        judge: from windows to logits.
        planes: of windows, (windows, planes, bands, frames).
        rows: how many patches there are from the lowest to the highest band.
        columns: how many there are from the first to the last frame.

    Returns:
        Shape (windows, labels, rows, columns).
    """
    before = judge(planes)
    patch_of = _equal_parts(planes.shape[2], rows)[:, None] * columns + _equal_parts(planes.shape[3], columns)
    falls = np.empty((*before.shape, rows * columns), np.float32)
    for window, (own, logits) in enumerate(zip(planes, before, strict=True)):
        grey = own.mean(axis=2, keepdims=True)
        for first in range(0, rows * columns, _AT_A_TIME):
            patches = np.arange(first, min(first + _AT_A_TIME, rows * columns))
            occluded = np.where(patch_of == patches[:, None, None, None], grey, own)
            falls[window, :, patches] = logits - judge(occluded)
    return falls.reshape(*before.shape, rows, columns)


class TimeAxis:
    """Columns in time, each the mean of all that is laid on it.

    Args:
        edges: where columns begin, in seconds, and where the last one ends; (columns + 1,), ascending.
        shape: of a column; one of 1 grows to what is laid.
    """

    def __init__(self, edges: Floats, *shape: int) -> None:
        self.edges = edges
        self._total: Floats = np.zeros((*shape, len(edges) - 1))
        self._heard = np.zeros(len(edges) - 1)

    def add(self, values: Floats, start: float, end: float) -> None:
        """Lay values (..., count), evenly spread from `start` to `end` seconds, on the axis."""
        own = np.linspace(start, end, values.shape[-1] + 1)
        shared = np.minimum(own[1:, None], self.edges[1:]) - np.maximum(own[:-1, None], self.edges[:-1])
        seconds = np.maximum(shared, 0)
        self._total = self._total + values @ seconds
        self._heard += seconds.sum(axis=0)

    def mean(self, nothing: float = 0.0) -> Floats:
        """The columns, (..., columns); `nothing` where nothing was laid."""
        return np.where(self._heard > 0, self._total / np.where(self._heard > 0, self._heard, 1), nothing)


def _equal_parts(size: int, parts: int) -> NDArray[np.int64]:
    """Which of so many equal parts each of `size` places is in."""
    return np.arange(size) * parts // size
