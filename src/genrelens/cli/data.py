"""`genrelens data`: is this data set fit to train on, and what do its tracks look like?"""

import csv
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genrelens.cli.options import Cores, Quiet

if TYPE_CHECKING:
    from pydantic import BaseModel

app = typer.Typer(name="data", help="Inspect a dataset, or draw it, before training on it.", no_args_is_help=True)

_SIZE = re.compile(r"(\d{2,4})x(\d{2,4})")
_SMALLEST, _SMALLEST_WITH_AXES, _LARGEST = (32, 32), (240, 160), (4096, 4096)

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Csv = Annotated[bool, typer.Option("--csv", help="Comma-separated values, with a header.")]


@app.command("check")
def check(
    data: Annotated[str, typer.Argument(help="As --data of `genrelens train`.")],
    split: Annotated[str, typer.Option(help="Look for leaks in this split; see `genrelens evaluate`.")] = "given",
    seed: Annotated[int, typer.Option(help="Of the draw of a split.")] = 1,
    threads: Cores = None,
    quiet: Quiet = False,
) -> None:
    """Find what would spoil a training: files that cannot be decoded, are silent, clipped, too short or twice there.

    Also tells how many tracks each genre has, and what stands on two sides of the split. Exits with 1 if
    something was found.
    """
    from genrelens import workers
    from genrelens.cli.extras import needs_train_extra
    from genrelens.cli.progress import progress_bar

    with needs_train_extra():
        from genrelens.train.data.check import check_dataset
        from genrelens.train.data.manifest import read_manifest
        from genrelens.train.data.splits import assign_splits as divide

    manifest = divide(read_manifest(data), split, seed)
    with progress_bar("Checking", len(manifest.tracks), visible=not quiet) as advance:
        report = check_dataset(manifest, threads or workers.available_cores(), advance)
    print(report.text())
    if report.findings:
        raise typer.Exit(1)


@app.command("duplicates")
def duplicates(
    data: Annotated[str, typer.Argument(help="As --data of `genrelens train`.")],
    split: Annotated[str, typer.Option(help="The split whose sides are told; see `genrelens evaluate`.")] = "given",
    seed: Annotated[int, typer.Option(help="Of the draw of a split.")] = 1,
    seconds: Annotated[float, typer.Option(min=10, help="Of each track that are compared, from its middle.")] = 30,
    json: Json = False,
    as_csv: Csv = False,
    threads: Cores = None,
    quiet: Quiet = False,
) -> None:
    """Find tracks that share a recording, also if one is cut, filtered, quieter or encoded otherwise.

    Covers are not found, nor other tempos and pitches. The time grows with the square of the tracks: 1000
    excerpts take half a minute or less. Exits with 1 if something was found, or a track could not be read.
    """
    from genrelens import workers
    from genrelens.cli.extras import needs_train_extra
    from genrelens.cli.progress import progress_bar

    with needs_train_extra():
        from genrelens.train.data.duplicates import find_duplicates
        from genrelens.train.data.manifest import read_manifest
        from genrelens.train.data.splits import assign_splits as divide

    _require_one(json, as_csv)
    manifest = divide(read_manifest(data), split, seed)
    report = find_duplicates(
        manifest,
        threads or workers.available_cores(),
        lambda what, total: progress_bar(what, total, visible=not quiet),
        seconds,
    )
    for failure in report.failures:
        typer.echo(f"left out: {failure}", err=True)
    if json or as_csv:
        _print_rows(report.pairs, json=json)
    else:
        print(report.text())
    if report.pairs or report.failures:
        raise typer.Exit(1)


@app.command("suspects")
def suspects(
    answers: Annotated[
        list[Path], typer.Argument(help="What `genrelens evaluate --out` wrote; of several folds, all files.")
    ],
    margin: Annotated[
        float, typer.Option(min=0, max=1, help="Of confidence, by which the model must prefer its own answer.")
    ] = 0.3,
    json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Tell whose label a model doubts that did not learn from those tracks, the most doubtful first.

    Exits with 1 if there are some. Listen to them: a model also doubts what it has not understood.
    """
    from genrelens.cli.extras import needs_train_extra

    with needs_train_extra():
        from genrelens.train.evaluation.compare import read_evaluation
        from genrelens.train.evaluation.label_errors import find_label_errors

    _require_one(json, as_csv)
    found = find_label_errors([read_evaluation(file) for file in answers], margin)
    if json or as_csv:
        _print_rows(found, json=json)
    else:
        print("\n".join(str(one) for one in found) or "nothing found")
    if found:
        raise typer.Exit(1)


@app.command("pictures")
def pictures(
    data: Annotated[str, typer.Argument(help="As --data of `genrelens train`.")],
    folder: Annotated[Path, typer.Argument(help="To put the pictures in, as GENRE/NAME.png.")],
    axes: Annotated[
        bool, typer.Option("--axes", help="Draw axes, labels and colour bar; else the plot fills the picture.")
    ] = False,
    size: Annotated[str, typer.Option(help="Width and height in pixels.")] = "432x288",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Draw also what is there already.")] = False,
    threads: Cores = None,
    quiet: Quiet = False,
) -> None:
    """Draw the log-mel spectrogram of every track as a PNG picture, to train on with pictures as input.

    Pictures that are there already are passed by, so an interrupted run goes on. Exits with 1 if some tracks
    could not be drawn: each is named with its reason.
    """
    from genrelens import workers
    from genrelens.cli.extras import needs_train_extra
    from genrelens.cli.progress import progress_bar

    with needs_train_extra():
        from genrelens.features.frontend import FrontEnd
        from genrelens.train.data.manifest import read_manifest
        from genrelens.train.data.render import PictureStyle, picture_jobs, render_all

    width, height = _pixels(size, _SMALLEST_WITH_AXES if axes else _SMALLEST)
    jobs = picture_jobs(read_manifest(data), folder)
    wanted = [job for job in jobs if overwrite or not job.target.exists()]
    failed = 0
    with progress_bar("Drawing", len(wanted), visible=not quiet) as advance:
        for _, error in render_all(
            wanted, FrontEnd(), PictureStyle(width, height, axes), threads or workers.available_cores()
        ):
            if error:
                typer.echo(f"left out: {error}", err=True)
                failed += 1
            advance()
    there = len(jobs) - len(wanted)
    print(f"{len(wanted) - failed} pictures drawn, {there} there already, {failed} failed")
    if failed:
        raise typer.Exit(1)


def _pixels(size: str, smallest: tuple[int, int]) -> tuple[int, int]:
    found = _SIZE.fullmatch(size)
    pixels = (int(found[1]), int(found[2])) if found else (0, 0)
    if not all(low <= given <= high for low, given, high in zip(smallest, pixels, _LARGEST, strict=True)):
        limits = " to ".join("x".join(map(str, limit)) for limit in (smallest, _LARGEST))
        raise typer.BadParameter(f"{size!r} is not a size from {limits}", param_hint="--size")
    return pixels


def _require_one(json: bool, as_csv: bool) -> None:
    if json and as_csv:
        raise typer.BadParameter("choose one of --json and --csv")


def _print_rows(rows: "Iterable[BaseModel]", *, json: bool) -> None:
    """Print JSON lines, or a table whose columns are called "first.name" for parts of parts."""
    if json:
        for row in rows:
            print(row.model_dump_json())
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    header: list[str] = []
    for row in rows:
        cells = dict(_cells(row.model_dump(mode="json")))
        if not header:
            header = list(cells)
            writer.writerow(header)
        writer.writerow(cells.values())


def _cells(content: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, dict):
            yield from _cells(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", round(value, 3) if isinstance(value, float) else value
