"""Callbacks through which long work reports to its caller."""

from collections.abc import Callable
from typing import Protocol

# Receives one complete sentence for the user, such as "epoch 3 of 20, validation accuracy 61.2 %".
Notify = Callable[[str], None]


class Progress(Protocol):
    """A callback that long work calls as items or bytes are finished."""

    def __call__(self, advance: int = 1, total: int | None = None) -> None:
        """Add `advance` finished items or bytes; `total` is passed once it is known."""
        ...


def no_progress(advance: int = 1, total: int | None = None) -> None:
    """Ignore the report: the default for callers that show nothing."""
