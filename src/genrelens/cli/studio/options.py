"""Options and messages that the commands of the training studio share."""

import contextlib
import tomllib
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from genrelens.cli.options import needs_extra
from genrelens.progress import Notify

if TYPE_CHECKING:
    from genrelens.train.data.dataset import LoadingOptions

DataSet = Annotated[
    str,
    typer.Option(
        "--data",
        help="Dataset: a folder with one subfolder of audio per genre, a .csv file (path, label, group, split), "
        "gtzan:FOLDER, or gtzan:ARRAY.npy.",
    ),
]
Cache = Annotated[
    Path | None, typer.Option("--cache", help="Folder for cached log-mels. Default: the user cache folder.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override a value of the recipe, such as train.lr=1e-3; repeatable."
    ),
]
SplitName = Annotated[
    Literal["train", "valid", "test"], typer.Option("--side", help="Split to evaluate on: train, valid or test.")
]
SplitScheme = Annotated[
    str,
    typer.Option(
        "--split",
        help="How tracks are assigned to splits: given, fault-filtered, stratified, tracks, fold-1-of-10; "
        "'none' evaluates all tracks.",
    ),
]
SplitSeed = Annotated[int, typer.Option("--seed", help="Seed of random splits.")]

AllowLeak = Annotated[
    bool, typer.Option("--allow-leak", help="Continue even if splits share an artist or a recording.")
]
Accelerator = Annotated[
    Literal["auto", "cpu", "cuda", "mps"],
    typer.Option("--accelerator", help="Device type to train on; auto uses the fastest one available."),
]


def needs_train_extra() -> contextlib.AbstractContextManager[None]:
    """Return the context in which a command imports the training studio; MissingExtraError if it is not installed."""
    return needs_extra("train")


def parse_settings(settings: Iterable[str]) -> dict[str, Any]:
    """Parse the values of `--set`: KEY=VALUE, where VALUE is TOML or else taken as a string.

    Raises:
        typer.BadParameter: a setting lacks the "=".
    """
    values: dict[str, Any] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise typer.BadParameter(f"{setting!r} has no =; write KEY=VALUE", param_hint="--set")
        try:
            values[key.strip()] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            values[key.strip()] = text
    return values


def loading_options(
    data: str, cache: Path | None, threads: int | None, *, allow_leak: bool, quiet: bool
) -> "LoadingOptions":
    """Return the loading options that the command-line options describe."""
    from genrelens import workers
    from genrelens.cli.output import progress_bar
    from genrelens.train.data.dataset import LoadingOptions
    from genrelens.train.data.log_mels import default_cache_folder

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
