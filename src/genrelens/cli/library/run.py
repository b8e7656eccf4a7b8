"""`genrelens library run`: classify all pending tracks."""

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrelens.cli.library.cluster import Work, on_cluster
from genrelens.cli.library.options import open_catalog
from genrelens.cli.options import Cores, ModelName, Quiet, Windows, parse_windows
from genrelens.defaults import DEFAULT_WINDOWS

if TYPE_CHECKING:
    from genrelens.audio.windows import WindowCount
    from genrelens.model.session import Model


def run(
    context: typer.Context,
    model: ModelName = "lens",
    windows: Windows = str(DEFAULT_WINDOWS),
    retry: Annotated[bool, typer.Option("--retry", help="Also retry files that failed before.")] = False,
    threads: Cores = None,
    nice: Annotated[
        int, typer.Option(min=0, max=19, help="Process niceness: higher leaves more CPU to other programs.")
    ] = 10,
    engine: Annotated[
        Literal["local", "ray"],
        typer.Option(help="local: processes on this machine; ray: the Ray cluster of RAY_ADDRESS or of this machine."),
    ] = "local",
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="PLACE",
            help="With ray: classify the files in this folder, or listed in this file (one per line), instead of the "
            "catalog; paths, or URLs such as s3://bucket/music.",
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="FOLDER",
            help="With ray: also write the results to this folder as Parquet; a path or a URL.",
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Classify the tracks that are new, changed, or not yet classified by this model.

    The run may be interrupted at any time; the next run resumes it. Exits with 1 if some files could not be classified:
    each is listed with its reason, and is not retried until it changes.
    """
    from genrelens import workers
    from genrelens.cli.output import progress_bar
    from genrelens.model import zoo
    from genrelens.model.session import Model
    from genrelens.prediction import Failure

    if (source or target) and engine != "ray":
        raise typer.BadParameter("--from and --to need --engine ray")
    if source and not target:
        raise typer.BadParameter("--from needs a folder for the results; pass --to")
    window_count = parse_windows(windows)
    if hasattr(os, "nice"):  # worker processes inherit it
        os.nice(nice)
    loaded = Model(zoo.find(model), threads=1)
    cores = threads or workers.available_cores()
    done = failed = 0
    interrupted = False
    if engine == "ray":
        work = on_cluster(context, loaded, window_count, retry=retry, cores=cores, source=source, target=target)
    else:
        work = _on_this_machine(context, loaded, window_count, retry=retry, processes=cores)
    with work as (total, batches), progress_bar("Analysing", total, visible=not quiet) as progress:
        try:
            for batch in batches:
                for result in batch:
                    if isinstance(result.result, Failure):
                        typer.secho(result.result.error.message, fg="red", err=True)
                        failed += 1
                    progress()
                done += len(batch)
        except KeyboardInterrupt:
            interrupted = True
            batches.close()
    print(f"{done - failed:,} classified, {failed:,} failed, {max(0, total - done):,} pending")
    if interrupted or failed:
        raise typer.Exit(130 if interrupted else 1)


@contextlib.contextmanager
def _on_this_machine(
    context: typer.Context, model: "Model", window_count: "WindowCount", *, retry: bool, processes: int
) -> "Iterator[Work]":
    """Yield the number of pending tracks of the catalog, and an iterator over batches of results."""
    from genrelens.library.classify.run import count_pending
    from genrelens.library.classify.run import run as classify_pending

    with open_catalog(context) as catalog:
        total = count_pending(catalog, model, windows=window_count, retry=retry)
        yield total, classify_pending(catalog, model, windows=window_count, processes=processes, retry=retry)
