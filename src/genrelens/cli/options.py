"""Options shared by several commands."""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from genrelens.audio.windows import WindowCount

ModelName = Annotated[str, typer.Option("--model", "-m", help="Model name, path of an .onnx file, or URL.")]
Cores = Annotated[
    int | None, typer.Option("--threads", "-t", min=1, help="CPU cores to use, as threads or processes. Default: all.")
]
Windows = Annotated[str, typer.Option(help="Windows to analyse per track, evenly spaced, or 'all' (overlapping).")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Do not show progress on stderr.")]
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
    bool,
    typer.Option("--allow-leak", help="Continue even if splits share an artist or a recording."),
]
Accelerator = Annotated[
    Literal["auto", "cpu", "cuda", "mps"],
    typer.Option("--accelerator", help="Device type to train on; auto uses the fastest one available."),
]


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
