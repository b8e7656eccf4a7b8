"""Runs on a cluster, with results saved to the catalog, a Parquet folder, or both."""

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
    """Classify the pending tracks on the connected cluster, and yield the results of each batch once they are saved.

    Args:
        catalog: catalog of tracks that all nodes can read at the same paths.
        model: an audio model.
        windows: number of windows per track, evenly spaced, or "all".
        retry: whether to retry files that failed and have not changed since.
        folder: folder whose results for unchanged files are reused, and to which the other results are added.

    Raises:
        LibraryBusyError: another run uses this catalog.
        WrongInputError: the model takes pictures.
        ClusterError: the cluster failed; the yielded results are saved.
    """
    with catalog_lock(catalog, "run"):
        if folder:
            pending = {os.fspath(path) for path in pending_paths(catalog, model, windows=windows, retry=retry)}
            for results in _reusable_results(folder, pending, model, windows):
                save_results(catalog, results, windows)
                yield results
        remaining = [os.fspath(path) for path in pending_paths(catalog, model, windows=windows, retry=retry)]
        for results in run_sources(remaining, folder, model, windows=windows):
            save_results(catalog, results, windows)
            yield results


def pending_sources(
    sources: Sequence[str], folder: ResultFolder, model: Model, *, windows: WindowCount, retry: bool = False
) -> list[str]:
    """Return the paths and URLs without a result in a folder; with `retry`, also those with a failure.

    Raises:
        RemoteFileError: the folder cannot be read.
    """
    finished = folder.paths(run_settings(model.card, windows), include_failed=not retry)
    return [source for source in sources if source not in finished]


def run_sources(
    sources: Sequence[str], folder: ResultFolder | None, model: Model, *, windows: WindowCount
) -> Generator[list[TrackResult]]:
    """Classify paths or URLs like `run_catalog`, without a catalog, and yield the results, also added to the folder.

    Raises:
        RemoteFileError: the folder cannot be written.
        WrongInputError: the model takes pictures.
        ClusterError: the cluster failed; the yielded results are written when the folder is closed.
    """
    for table in classify_on_cluster(sources, model, windows):
        if folder:
            folder.add(table)
        yield from_table(table)


def _reusable_results(
    folder: ResultFolder, pending: set[str], model: Model, windows: WindowCount
) -> Iterator[list[TrackResult]]:
    """Yield the stored results of pending files that have not changed since."""
    for table in folder.tables(run_settings(model.card, windows)):
        results = [result for result in from_table(table) if result.stamp and os.fspath(result.path) in pending]
        yield [result for result in results if result.stamp == FileStamp.try_from_path(Path(result.path))]
