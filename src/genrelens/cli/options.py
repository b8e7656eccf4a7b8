"""Options that several commands share."""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from genrelens.audio.windows import Take

ModelName = Annotated[str, typer.Option("--model", "-m", help="A model's name, an .onnx file or an address.")]
Cores = Annotated[
    int | None, typer.Option("--threads", "-t", min=1, help="Cores to use, as threads or processes; all if not given.")
]
Windows = Annotated[
    str, typer.Option(help="How many windows of each track to hear, spread over it; or 'all', overlapping.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]
DataSet = Annotated[
    str,
    typer.Option(
        "--data",
        help="A folder with a folder of audio for each genre, a .csv file (path, label, group, split), "
        "gtzan:FOLDER, or gtzan:ARRAY.npy.",
    ),
]
Cache = Annotated[
    Path | None, typer.Option("--cache", help="Folder to keep log-mels in; the user's cache if not given.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A value in place of the recipe's, such as train.lr=1e-3; repeat."),
]


def taken(windows: str) -> "Take":
    """What `--windows` says.

    Raises:
        typer.BadParameter: it is neither "all" nor a number of 1 or more.
    """
    if windows == "all":
        return "all"
    if windows.isdecimal() and int(windows) > 0:
        return int(windows)
    raise typer.BadParameter(f"{windows!r} is neither 'all' nor a number of 1 or more", param_hint="--windows")


def parsed(settings: Iterable[str]) -> dict[str, Any]:
    """Keys and values of `--set`: a value is TOML, or, where it is none, text.

    Raises:
        typer.BadParameter: there is no "=".
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
