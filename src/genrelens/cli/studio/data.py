"""`genrelens data`: check a dataset before training on it, find duplicates and label errors, and draw pictures."""

import csv
import re
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genrelens.cli.options import Cores, Quiet
from genrelens.cli.studio.options import SplitSeed, needs_train_extra

if TYPE_CHECKING:
    from pydantic import BaseModel

app = typer.Typer(name="data", help="Check a dataset, or draw it, before training on it.", no_args_is_help=True)

_SIZE = re.compile(r"(\d{2,4})x(\d{2,4})")
_MIN_SIZE, _MIN_SIZE_WITH_AXES, _MAX_SIZE = (32, 32), (240, 160), (4096, 4096)  # width and height in pixels

Data = Annotated[str, typer.Argument(help="Dataset, in the form of --data of `genrelens train`.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print comma-separated values with a header.")]


@app.command("check")
def check(
    data: Data,
    split: Annotated[str, typer.Option(help="Split scheme to check for leaks; see `genrelens evaluate`.")] = "given",
    seed: SplitSeed = 1,
    threads: Cores = None,
    quiet: Quiet = False,
) -> None:
    """Find defects that would harm training: undecodable, silent, clipped, too short or duplicate files, and leaks.

    Also shows the number of tracks per genre. Exits with 1 if it finds something.
    """
    from genrelens import workers
    from genrelens.cli.output import progress_bar

    with needs_train_extra():
        from genrelens.train.data.check import check_dataset
        from genrelens.train.data.manifest import read_manifest
        from genrelens.train.data.splits import assign_splits

    manifest = assign_splits(read_manifest(data), split, seed)
    with progress_bar("Checking", len(manifest.tracks), visible=not quiet) as progress:
        report = check_dataset(manifest, threads or workers.available_cores(), progress)
    print(report.text())
    if report.findings:
        raise typer.Exit(1)


@app.command("duplicates")
def duplicates(
    data: Data,
    split: Annotated[
        str, typer.Option(help="Split scheme to check for leaking duplicates; see `genrelens evaluate`.")
    ] = "given",
    seed: SplitSeed = 1,
    seconds: Annotated[float, typer.Option(min=10, help="Seconds to compare, from the middle of each track.")] = 30,
    as_json: Json = False,
    as_csv: Csv = False,
    threads: Cores = None,
    quiet: Quiet = False,
) -> None:
    """Find tracks that share a recording, even if it is cut, filtered, quieter or encoded in another format.

    Covers, and copies at another tempo or pitch, are not found. The time grows with the square of the number of
    tracks: 1000 excerpts take half a minute or less. Exits with 1 if it finds something, or a track is unreadable.
    """
    from genrelens import workers
    from genrelens.cli.output import progress_bar

    with needs_train_extra():
        from genrelens.train.data.duplicates import find_duplicates
        from genrelens.train.data.manifest import read_manifest
        from genrelens.train.data.splits import assign_splits

    _require_single_format(as_json, as_csv)
    manifest = assign_splits(read_manifest(data), split, seed)
    cores = threads or workers.available_cores()
    report = find_duplicates(manifest, cores, partial(progress_bar, visible=not quiet), seconds)
    for failure in report.failures:
        typer.echo(f"skipped: {failure}", err=True)
    if as_json or as_csv:
        _print_rows(report.pairs, as_json=as_json)
    else:
        print(report.text())
    if report.pairs or report.failures:
        raise typer.Exit(1)


@app.command("suspects")
def suspects(
    answers: Annotated[
        list[Path], typer.Argument(help="Results of `genrelens evaluate --out`; for several folds, all files.")
    ],
    margin: Annotated[
        float,
        typer.Option(min=0, max=1, help="How much more probable than the given label the predicted one must be."),
    ] = 0.3,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Find probable label errors from the predictions of a model that was not trained on the tracks.

    The most suspect label comes first. Exits with 1 if there are any. Check them by ear: a model also doubts labels
    of music that it does not understand.
    """
    with needs_train_extra():
        from genrelens.train.evaluation.compare import read_evaluation
        from genrelens.train.evaluation.label_errors import find_label_errors

    _require_single_format(as_json, as_csv)
    found = find_label_errors([read_evaluation(file) for file in answers], margin)
    if as_json or as_csv:
        _print_rows(found, as_json=as_json)
    else:
        print("\n".join(map(str, found)) or "nothing found")
    if found:
        raise typer.Exit(1)


@app.command("pictures")
def pictures(
    data: Data,
    folder: Annotated[Path, typer.Argument(help="Output folder; pictures are named GENRE/NAME.png.")],
    axes: Annotated[
        bool, typer.Option("--axes", help="Draw axes, labels and a colour bar. Default: the plot fills the picture.")
    ] = False,
    size: Annotated[str, typer.Option(help="Width and height in pixels.")] = "432x288",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing pictures.")] = False,
    threads: Cores = None,
    quiet: Quiet = False,
) -> None:
    """Draw the log-mel spectrogram of every track as a PNG picture, for training on pictures.

    Existing pictures are skipped, so an interrupted run can be resumed. Exits with 1 if some tracks could not be
    drawn; each is named with the reason.
    """
    from genrelens import workers
    from genrelens.cli.output import progress_bar

    with needs_train_extra():
        from genrelens.features.frontend import FrontEnd
        from genrelens.train.data.manifest import read_manifest
        from genrelens.train.data.render import PictureStyle, picture_jobs, render_all

    width, height = _parse_size(size, _MIN_SIZE_WITH_AXES if axes else _MIN_SIZE)
    jobs = picture_jobs(read_manifest(data), folder)
    pending = [job for job in jobs if overwrite or not job.target.exists()]
    failed = 0
    style, cores = PictureStyle(width, height, axes), threads or workers.available_cores()
    with progress_bar("Drawing", len(pending), visible=not quiet) as progress:
        for _, error in render_all(pending, FrontEnd(), style, cores):
            if error:
                typer.echo(f"skipped: {error}", err=True)
                failed += 1
            progress()
    print(f"{len(pending) - failed} pictures drawn, {len(jobs) - len(pending)} already exist, {failed} failed")
    if failed:
        raise typer.Exit(1)


def _parse_size(size: str, smallest: tuple[int, int]) -> tuple[int, int]:
    match = _SIZE.fullmatch(size)
    pixels = (int(match[1]), int(match[2])) if match else (0, 0)
    if not all(low <= value <= high for low, value, high in zip(smallest, pixels, _MAX_SIZE, strict=True)):
        limits = " to ".join("x".join(map(str, limit)) for limit in (smallest, _MAX_SIZE))
        raise typer.BadParameter(f"{size!r} is not a size from {limits}", param_hint="--size")
    return pixels


def _require_single_format(as_json: bool, as_csv: bool) -> None:
    if as_json and as_csv:
        raise typer.BadParameter("choose one of --json and --csv")


def _print_rows(rows: "Iterable[BaseModel]", *, as_json: bool) -> None:
    """Print JSON lines, or CSV with columns such as "first.name" for nested records."""
    if as_json:
        for row in rows:
            print(row.model_dump_json())
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    for number, row in enumerate(rows):
        cells = dict(_flatten(row.model_dump(mode="json")))
        if number == 0:
            writer.writerow(cells)
        writer.writerow(cells.values())


def _flatten(content: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", round(value, 3) if isinstance(value, float) else value
