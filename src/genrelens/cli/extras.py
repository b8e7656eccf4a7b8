"""Checks for optional dependencies, with a message that names the extra to install."""

import contextlib
from collections.abc import Iterator

from genrelens.errors import MissingExtraError


@contextlib.contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Turn a failed import of an optional library into a clear error.

    Raises:
        MissingExtraError: a library of the extra is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("genrelens"):
            raise
        raise MissingExtraError(
            f"this needs {error.name}; install it with `pip install 'genrelens[{extra}]'`"
        ) from error


def needs_train_extra() -> contextlib.AbstractContextManager[None]:
    """Return `needs_extra` for the training commands."""
    return needs_extra("train")
