"""What the commands that train have in common: where the data are, and how the user is told."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import typer

from genrelens import workers
from genrelens.cli.progress import progress_bar
from genrelens.train.data.log_mels import default_cache_folder
from genrelens.train.data.dataset import LoadingOptions


def loading(data: str, cache: Path | None, threads: int | None, *, allow_leak: bool, quiet: bool) -> LoadingOptions:
    """What the shared options say of the data."""
    return LoadingOptions(
        data=data,
        cache=cache or default_cache_folder(),
        processes=threads or workers.available_cores(),
        allow_leak=allow_leak,
        progress_bars=partial(progress_bar, visible=not quiet),
    )


def notifier(quiet: bool) -> Callable[[str], None]:
    """What puts sentences on stderr, or keeps quiet."""
    return (lambda _: None) if quiet else partial(typer.echo, err=True)
