"""A run on a cluster: what waits goes there, and what comes of it is kept in the catalog, as Parquet, or both."""

import os
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

from genrelens.audio.windows import Take
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.catalog.lock import locked
from genrelens.library.catalog.tracks import Stamp
from genrelens.library.classify.outcome import Outcome
from genrelens.library.classify.run import keep, pending
from genrelens.library.cluster.outcomes import OutcomeFolder, asked, outcomes_of
from genrelens.library.cluster.ray_engine import judged_on_cluster
from genrelens.model.session import Model


def run_catalog(
    catalog: Catalog, model: Model, *, windows: Take, retry: bool = False, folder: OutcomeFolder | None = None
) -> Generator[list[Outcome]]:
    """As `run.run`, on the cluster that one is connected to.

    Args:
        catalog: whose tracks lie where all nodes see them, at the same paths.
        model: of sound.
        windows: how many of each track to hear, spread over it; or "all".
        retry: whether files that could not be judged are tried again though they are as they were.
        folder: whose outcomes of files that are as they were are taken over, and which gets the others, too.

    Raises:
        LibraryBusyError: another run works on this catalog.
        WrongInputError: the model looks at pictures.
        ClusterError: the cluster cannot go on; what was yielded is kept.
    """
    with locked(catalog, "run"):
        if folder:
            waiting = {os.fspath(path) for path in pending(catalog, model, windows=windows, retry=retry)}
            for outcomes in _taken_over(folder, waiting, model, windows):
                keep(catalog, outcomes, windows)
                yield outcomes
        left = [os.fspath(path) for path in pending(catalog, model, windows=windows, retry=retry)]
        for outcomes in _judged(left, model, windows, folder):
            keep(catalog, outcomes, windows)
            yield outcomes


def places_left(
    places: Sequence[str], folder: OutcomeFolder, model: Model, *, windows: Take, retry: bool = False
) -> list[str]:
    """The places of which a folder has no outcome; or, if failures are tried again, no answer.

    Raises:
        AddressError: the folder cannot be read.
    """
    known = folder.paths(asked(model.card, windows), failed=not retry)
    return [place for place in places if place not in known]


def run_places(
    places: Sequence[str], folder: OutcomeFolder, model: Model, *, windows: Take
) -> Generator[list[Outcome]]:
    """Judge tracks that no catalog knows on the cluster that one is connected to.

    Args:
        places: paths that all nodes see, or addresses.
        folder: which gets the outcomes.
        model: of sound.
        windows: how many of each track to hear, spread over it; or "all".

    Raises:
        AddressError: the folder cannot be written.
        WrongInputError: the model looks at pictures.
        ClusterError: the cluster cannot go on; what was yielded is kept once the folder is left.
    """
    yield from _judged(places, model, windows, folder)


def _taken_over(folder: OutcomeFolder, waiting: set[str], model: Model, windows: Take) -> Iterator[list[Outcome]]:
    for table in folder.tables(asked(model.card, windows)):
        found = [outcome for outcome in outcomes_of(table) if os.fspath(outcome.path) in waiting]
        yield [outcome for outcome in found if outcome.stamp and outcome.stamp == Stamp.now(Path(outcome.path))]


def _judged(
    places: Sequence[str], model: Model, windows: Take, folder: OutcomeFolder | None
) -> Iterator[list[Outcome]]:
    for table in judged_on_cluster(places, model, windows):
        if folder:
            folder.add(table)
        yield outcomes_of(table)
