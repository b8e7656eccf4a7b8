"""Options and messages that the training commands share."""

from functools import partial
from pathlib import Path

import typer

from genrelens import workers
from genrelens.cli.progress import progress_bar
from genrelens.progress import Notify
from genrelens.train.data.dataset import LoadingOptions
from genrelens.train.data.log_mels import default_cache_folder


def loading_options(
    data: str, cache: Path | None, threads: int | None, *, allow_leak: bool, quiet: bool
) -> LoadingOptions:
    """Return the loading options that the command-line options describe."""
    return LoadingOptions(
        data=data,
        cache=cache or default_cache_folder(),
        processes=threads or workers.available_cores(),
        allow_leak=allow_leak,
        progress_bars=partial(progress_bar, visible=not quiet),
    )


def notifier(quiet: bool) -> Notify:
    """Return a callback that prints messages to stderr, or discards them with --quiet."""
    return (lambda _: None) if quiet else partial(typer.echo, err=True)
