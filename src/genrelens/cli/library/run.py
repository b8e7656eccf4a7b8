"""`genrelens library run`: judge all that is not judged yet."""

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrelens.cli.library.cluster import Work, on_cluster
from genrelens.cli.library.options import opened
from genrelens.cli.options import Cores, ModelName, Quiet, Windows, taken

if TYPE_CHECKING:
    from genrelens.audio.windows import WindowCount
    from genrelens.model.session import Model


def run(
    context: typer.Context,
    model: ModelName = "lens",
    windows: Windows = "3",
    retry: Annotated[bool, typer.Option("--retry", help="Also try again what could not be judged before.")] = False,
    threads: Cores = None,
    nice: Annotated[
        int, typer.Option(min=0, max=19, help="How far to stand back for other programs, as the command `nice` has it.")
    ] = 10,
    engine: Annotated[
        Literal["local", "ray"],
        typer.Option(
            help="Processes on this machine; or the Ray cluster that RAY_ADDRESS names or this machine is of."
        ),
    ] = "local",
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="PLACE",
            help="With ray: not the catalog's tracks, but those in this folder, or that this file names one a line; "
            "paths, or addresses such as s3://bucket/music.",
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="FOLDER",
            help="With ray: also keep what comes of them here, as Parquet; a path or an address.",
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Judge the tracks that are new, changed, or not judged by this model yet.

    It may be ended at any time, and goes on there the next time. Exits with 1 if some files could not be judged: each
    is named with its reason, and is not tried again until it changes.
    """
    from genrelens import workers
    from genrelens.cli.progress import progress_bar
    from genrelens.model import zoo
    from genrelens.model.session import Model
    from genrelens.prediction import Failure

    if (source or target) and engine != "ray":
        raise typer.BadParameter("--from and --to need --engine ray")
    if source and not target:
        raise typer.BadParameter("--from needs a folder for what comes of it; give --to")
    take = taken(windows)
    if hasattr(os, "nice"):  # the processes that judge inherit it
        os.nice(nice)
    loaded = Model(zoo.find(model), threads=1)
    cores = threads or workers.available_cores()
    done = failed = 0
    stopped = False
    if engine == "ray":
        work = on_cluster(context, loaded, take, retry=retry, cores=cores, source=source, target=target)
    else:
        work = _here(context, loaded, take, retry=retry, processes=cores)
    with work as (total, batches), progress_bar("Listening", total, visible=not quiet) as advance:
        try:
            for batch in batches:
                for outcome in batch:
                    if isinstance(outcome.result, Failure):
                        typer.secho(outcome.result.error.message, fg="red", err=True)
                        failed += 1
                    advance()
                done += len(batch)
        except KeyboardInterrupt:
            stopped = True
            batches.close()
    print(f"{done - failed:,} judged, {failed:,} failed, {max(0, total - done):,} still to do")
    if stopped or failed:
        raise typer.Exit(130 if stopped else 1)


@contextlib.contextmanager
def _here(context: typer.Context, model: "Model", take: "Take", *, retry: bool, processes: int) -> "Iterator[Work]":
    """How many tracks of the catalog wait, and what comes of them, batch by batch."""
    from genrelens.library.classify.run import count_pending
    from genrelens.library.classify.run import run as judge

    with opened(context) as catalog:
        total = count_pending(catalog, model, windows=take, retry=retry)
        yield total, judge(catalog, model, windows=take, processes=processes, retry=retry)
