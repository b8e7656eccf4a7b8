"""A run on a cluster: what waits goes there, and what comes of it is kept in the catalog, as Parquet, or both."""

import os
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

from genrelens.audio.windows import WindowCount
from genrelens.library.catalog.catalog import Catalog, catalog_lock
from genrelens.library.catalog.tracks import FileStamp
from genrelens.library.classify.results import TrackResult
from genrelens.library.classify.run import pending_paths, save_results
from genrelens.library.cluster.ray_engine import classify_on_cluster
from genrelens.library.cluster.result_folder import ResultFolder, from_table, run_settings
from genrelens.model.session import Model


def run_catalog(
    catalog: Catalog, model: Model, *, windows: WindowCount, retry: bool = False, folder: ResultFolder | None = None
) -> Generator[list[TrackResult]]:
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
    with catalog_lock(catalog, "run"):
        if folder:
            waiting = {os.fspath(path) for path in pending_paths(catalog, model, windows=windows, retry=retry)}
            for outcomes in _taken_over(folder, waiting, model, windows):
                save_results(catalog, outcomes, windows)
                yield outcomes
        left = [os.fspath(path) for path in pending_paths(catalog, model, windows=windows, retry=retry)]
        for outcomes in _judged(left, model, windows, folder):
            save_results(catalog, outcomes, windows)
            yield outcomes


def pending_sources(
    places: Sequence[str], folder: ResultFolder, model: Model, *, windows: WindowCount, retry: bool = False
) -> list[str]:
    """The places of which a folder has no outcome; or, if failures are tried again, no answer.

    Raises:
        AddressError: the folder cannot be read.
    """
    known = folder.paths(run_settings(model.card, windows), failed=not retry)
    return [place for place in places if place not in known]


def run_sources(
    places: Sequence[str], folder: ResultFolder, model: Model, *, windows: WindowCount
) -> Generator[list[TrackResult]]:
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


def _taken_over(folder: ResultFolder, waiting: set[str], model: Model, windows: WindowCount) -> Iterator[list[TrackResult]]:
    for table in folder.tables(run_settings(model.card, windows)):
        found = [outcome for outcome in from_table(table) if os.fspath(outcome.path) in waiting]
        yield [outcome for outcome in found if outcome.stamp and outcome.stamp == FileStamp.try_from_path(Path(outcome.path))]


def _judged(
    places: Sequence[str], model: Model, windows: WindowCount, folder: ResultFolder | None
) -> Iterator[list[TrackResult]]:
    for table in classify_on_cluster(places, model, windows):
        if folder:
            folder.add(table)
        yield from_table(table)
