"""Callbacks through which long work reports to its caller."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

# Receives one line of text for the user, without a full stop, such as "epoch 3 of 20, validation accuracy 61.2 %".
Notify = Callable[[str], None]


class Progress(Protocol):
    """A callback that long work calls as items or bytes are finished."""

    def __call__(self, advance: int = 1, total: int | None = None) -> None:
        """Add `advance` finished items or bytes; `total` is passed once it is known."""
        ...


def no_progress(advance: int = 1, total: int | None = None) -> None:
    """Ignore the report: the default for callers that show nothing."""


# Opens a progress bar with a label for a number of items, one per stage of the work; the context yields the callback
# that advances it.
ProgressBars = Callable[[str, int], AbstractContextManager[Progress]]


def no_progress_bars(_label: str, _total: int, /) -> AbstractContextManager[Progress]:
    """Open a progress bar that shows nothing."""
    return nullcontext(no_progress)
