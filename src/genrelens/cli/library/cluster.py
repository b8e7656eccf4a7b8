"""The cluster engine of `genrelens library run`."""

import contextlib
import sys
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import typer

from genrelens.cli.library.options import open_catalog

if TYPE_CHECKING:
    from genrelens.audio.windows import WindowCount
    from genrelens.library.classify.results import TrackResult
    from genrelens.model.session import Model

Work = tuple[int, "Generator[list[TrackResult]]"]


@contextlib.contextmanager
def on_cluster(
    context: typer.Context,
    model: "Model",
    window_count: "WindowCount",
    *,
    retry: bool,
    cores: int,
    source: str | None,
    target: str | None,
) -> Iterator[Work]:
    """Yield the number of pending tracks, of the catalog or of `source`, and an iterator over batches of results."""
    from genrelens.cli.options import needs_extra

    with needs_extra("ray"):
        from genrelens.library.classify.run import count_pending
        from genrelens.library.cluster.ray_engine import cluster_connection
        from genrelens.library.cluster.result_folder import ResultFolder
        from genrelens.library.cluster.run import pending_sources, run_catalog, run_sources
        from genrelens.library.cluster.urls import find_audio

    places = find_audio(source) if source else []
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(sys.stderr))  # Ray reports lost nodes on stdout
        stack.enter_context(cluster_connection(cores))
        folder = stack.enter_context(ResultFolder(target)) if target else None
        if source and folder:
            left = pending_sources(places, folder, model, windows=window_count, retry=retry)
            yield len(left), run_sources(left, folder, model, windows=window_count)
            return
        catalog = stack.enter_context(open_catalog(context))
        total = count_pending(catalog, model, windows=window_count, retry=retry)
        yield total, run_catalog(catalog, model, windows=window_count, retry=retry, folder=folder)
