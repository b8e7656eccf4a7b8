"""Commands that need more than the base install say so in words."""

import contextlib
from collections.abc import Iterator

from genrelens.errors import MissingExtraError


@contextlib.contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Turn a failing import of an optional library into a sentence.

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
    """As `needs_extra`, for the training studio."""
    return needs_extra("train")
