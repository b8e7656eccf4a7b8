"""`genrelens data`: is this data set fit to train on, and what do its tracks look like?"""

import re
from pathlib import Path
from typing import Annotated

import typer

from genrelens.cli.options import Cores, Quiet

app = typer.Typer(name="data", help="Look at data, or draw it, before training on it.", no_args_is_help=True)

_SIZE = re.compile(r"(\d{2,4})x(\d{2,4})")
_SMALLEST, _SMALLEST_WITH_AXES, _LARGEST = (32, 32), (240, 160), (4096, 4096)


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
        from genrelens.train.check import check_data
        from genrelens.train.manifest import read_manifest
        from genrelens.train.splits import split as divide

    manifest = divide(read_manifest(data), split, seed)
    with progress_bar("Checking", len(manifest.items), visible=not quiet) as advance:
        report = check_data(manifest, threads or workers.cores(), advance)
    print(report.text())
    if report.findings:
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
        from genrelens.frontend import FrontEnd
        from genrelens.train.manifest import read_manifest
        from genrelens.train.render import Look, picture_jobs, render_all

    width, height = _pixels(size, _SMALLEST_WITH_AXES if axes else _SMALLEST)
    jobs = picture_jobs(read_manifest(data), folder)
    wanted = [job for job in jobs if overwrite or not job.target.exists()]
    failed = 0
    with progress_bar("Drawing", len(wanted), visible=not quiet) as advance:
        for _, error in render_all(wanted, FrontEnd(), Look(width, height, axes), threads or workers.cores()):
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
