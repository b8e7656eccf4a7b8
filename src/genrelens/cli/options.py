"""Options shared by several commands, and the error for a missing extra."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from genrelens.errors import MissingExtraError

if TYPE_CHECKING:
    from genrelens.audio.windows import WindowCount

ModelName = Annotated[str, typer.Option("--model", "-m", help="Model name, path to an .onnx file, or URL.")]
Cores = Annotated[
    int | None, typer.Option("--threads", "-t", min=1, help="CPU cores to use, as threads or processes. Default: all.")
]
Windows = Annotated[str, typer.Option(help="Windows to analyse per track, evenly spaced, or 'all' (overlapping).")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Do not show progress on stderr.")]


def parse_windows(windows: str) -> "WindowCount":
    """Parse `--windows`.

    Raises:
        typer.BadParameter: `windows` is neither "all" nor a number of 1 or more.
    """
    if windows == "all":
        return "all"
    if windows.isdecimal() and int(windows) > 0:
        return int(windows)
    raise typer.BadParameter(f"{windows!r} is neither 'all' nor a number of 1 or more", param_hint="--windows")


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
