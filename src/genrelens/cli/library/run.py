"""`genrelens library run`: judge all that is not judged yet."""

import os
from typing import Annotated

import typer

from genrelens.cli.library.options import opened
from genrelens.cli.options import Cores, ModelName, Quiet, Windows, taken


def run(
    context: typer.Context,
    model: ModelName = "lens",
    windows: Windows = "3",
    retry: Annotated[bool, typer.Option("--retry", help="Also try again what could not be judged before.")] = False,
    threads: Cores = None,
    nice: Annotated[
        int, typer.Option(min=0, max=19, help="How far to stand back for other programs, as the command `nice` has it.")
    ] = 10,
    quiet: Quiet = False,
) -> None:
    """Judge the tracks that are new, changed, or not judged by this model yet.

    It may be ended at any time, and goes on there the next time. Exits with 1 if some files could not be judged: each
    is named with its reason, and is not tried again until it changes.
    """
    from genrelens import workers, zoo
    from genrelens.cli.progress import progress_bar
    from genrelens.library.run import count_pending
    from genrelens.library.run import run as judge
    from genrelens.model import Model
    from genrelens.prediction import Failure

    take = taken(windows)
    if hasattr(os, "nice"):  # the processes that judge inherit it
        os.nice(nice)
    loaded = Model(zoo.find(model), threads=1)
    done = failed = 0
    stopped = False
    with opened(context) as catalog:
        total = count_pending(catalog, loaded, windows=take, retry=retry)
        batches = judge(catalog, loaded, windows=take, processes=threads or workers.cores(), retry=retry)
        with progress_bar("Listening", total, visible=not quiet) as advance:
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
