"""The moving average of the weights, which is kept in their place."""

from typing import Any

from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor


class MovingAverage(WeightAveraging):
    """The mean of all weights so far; once it spans 1 / (1 - decay) steps, an exponential moving average.

    An average with that decay from the first step on would keep the first, random weights for as long, and a
    short training would end with little else.
    """

    def __init__(self, decay: float) -> None:
        super().__init__(avg_fn=_Average(decay))
        self._decay = decay

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it be sent to a new process."""
        return MovingAverage, (self._decay,)


class _Average:
    def __init__(self, decay: float) -> None:
        self._least_share = 1 - decay

    def __call__(self, average: Tensor, weights: Tensor, averaged: Tensor | int) -> Tensor:
        return average + (weights - average) * max(self._least_share, 1 / (int(averaged) + 1))
