"""Commands that need more than the base install say so in words."""

import contextlib
from collections.abc import Iterator

from genrelens.errors import MissingExtraError


@contextlib.contextmanager
def needs_train_extra() -> Iterator[None]:
    """Turn a failing import of an optional library into a sentence.

    Raises:
        MissingExtraError: a library of the extra `train` is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("genrelens"):
            raise
        raise MissingExtraError(f"this needs {error.name}; install it with `pip install 'genrelens[train]'`") from error
