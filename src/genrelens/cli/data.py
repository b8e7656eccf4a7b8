"""`genrelens data`: is this data set fit to train on?"""

from typing import Annotated

import typer

from genrelens.cli.options import Cores, Quiet

app = typer.Typer(name="data", help="Look at data before training on it.", no_args_is_help=True)


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
