"""The part of `genrelens library run` that needs a cluster."""

import contextlib
import sys
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import typer

from genrelens.cli.library.options import opened

if TYPE_CHECKING:
    from genrelens.audio.windows import Take
    from genrelens.library.classify.outcome import Outcome
    from genrelens.model.session import Model

Work = tuple[int, "Generator[list[Outcome]]"]


@contextlib.contextmanager
def on_cluster(
    context: typer.Context,
    model: "Model",
    take: "Take",
    *,
    retry: bool,
    cores: int,
    source: str | None,
    target: str | None,
) -> Iterator[Work]:
    """How many tracks wait, of the catalog or of `source`, and what comes of them, batch by batch."""
    from genrelens.cli.extras import needs_extra

    with needs_extra("ray"):
        from genrelens.library.classify.run import count_pending
        from genrelens.library.cluster.outcomes import OutcomeFolder
        from genrelens.library.cluster.ray_engine import connected
        from genrelens.library.cluster.run import places_left, run_catalog, run_places
        from genrelens.library.cluster.urls import audio_places

    places = audio_places(source) if source else []
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(sys.stderr))  # Ray tells of lost nodes on stdout
        stack.enter_context(connected(cores))
        folder = stack.enter_context(OutcomeFolder(target)) if target else None
        if source and folder:
            left = places_left(places, folder, model, windows=take, retry=retry)
            yield len(left), run_places(left, folder, model, windows=take)
            return
        catalog = stack.enter_context(opened(context))
        total = count_pending(catalog, model, windows=take, retry=retry)
        yield total, run_catalog(catalog, model, windows=take, retry=retry, folder=folder)
