"""Classification of all pending tracks of a catalog in worker processes, saved batch by batch."""

from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

from genrelens import workers
from genrelens.audio.windows import WindowCount
from genrelens.classifier import BATCH_WINDOWS, cached_classifier
from genrelens.errors import AudioUnreadableError, GenrelensError, WorkerError
from genrelens.library.catalog.catalog import Catalog, catalog_lock, path_from_bytes, path_to_bytes
from genrelens.library.catalog.tracks import save_failure, save_prediction
from genrelens.library.classify.results import DecodedFile, TrackResult, classify_tracks, crash_result, try_decode_file
from genrelens.model.session import Model
from genrelens.prediction import Failure

_BATCH = 8  # tracks that a process classifies, and one transaction saves: half a second of work
_PAGE = 1000  # paths read from the catalog at a time

_PENDING = """
    FROM tracks LEFT JOIN answers ON answers.track = tracks.id LEFT JOIN failures ON failures.track = tracks.id
    WHERE NOT vanished
    AND ((answers.size, answers.mtime_ns) = (tracks.size, tracks.mtime_ns)
         AND (answers.model, answers.version, answers.windows) = (:model, :version, :windows)) IS NOT TRUE
    AND (:retry OR ((failures.size, failures.mtime_ns) = (tracks.size, tracks.mtime_ns)) IS NOT TRUE)
"""


def run(
    catalog: Catalog, model: Model, *, windows: WindowCount, processes: int, retry: bool = False
) -> Generator[list[TrackResult]]:
    """Classify the pending tracks, and yield the results of each batch once they are saved.

    However the run ends, the yielded results are saved, and the next run continues with the rest. A file that kills
    its process affects no other file. Programs that call this need the usual `if __name__ == "__main__":` of
    multiprocessing.

    Args:
        catalog: catalog filled by `scan`.
        model: an audio model.
        windows: number of windows per track, evenly spaced, or "all".
        processes: number of worker processes.
        retry: whether to retry files that failed and have not changed since.

    Raises:
        LibraryBusyError: another run uses this catalog.
        WrongInputError: the model takes pictures.
        CatalogError: the catalog cannot be written.
    """
    _ = model.card.audio_input  # fail early for picture models
    classify = partial(classify_files, model=model.path, windows=windows)
    with catalog_lock(catalog, "run"):
        paths = pending_paths(catalog, model, windows=windows, retry=retry)
        batches = iter(lambda: list(islice(paths, _BATCH)), [])
        for batch, results in workers.map_unordered(classify, batches, processes):
            if isinstance(results, WorkerError):
                results = list(_classify_one_by_one(classify, batch))
            elif isinstance(results, GenrelensError):  # caused by the model, so it would fail for every track
                raise results
            save_results(catalog, results, windows)
            yield results


def pending_paths(catalog: Catalog, model: Model, *, windows: WindowCount, retry: bool = False) -> Iterator[Path]:
    """Yield the tracks not yet classified by this model with this number of windows, or changed since."""
    query = f"SELECT path {_PENDING} AND path > :last ORDER BY path LIMIT {_PAGE}"
    values = _query_values(model, windows, retry)
    last = b""
    while rows := catalog.connection.execute(query, {**values, "last": last}).fetchall():
        yield from (path_from_bytes(row["path"]) for row in rows)
        last = rows[-1]["path"]


def count_pending(catalog: Catalog, model: Model, *, windows: WindowCount, retry: bool = False) -> int:
    """Return the number of tracks that `pending_paths` would yield."""
    rows = catalog.connection.execute(f"SELECT COUNT(*) {_PENDING}", _query_values(model, windows, retry))
    return int(rows.fetchone()[0])


def classify_files(paths: Sequence[Path], model: Path, windows: WindowCount) -> list[TrackResult]:
    """Classify files with a model that this process loads once, in memory for one model run.

    Raises:
        ModelError: the model cannot be used.
    """
    classifier = cached_classifier(model)
    results: list[TrackResult] = []
    decoded: list[DecodedFile] = []
    for path in paths:
        file = try_decode_file(path, classifier.card.audio_input, windows)
        if isinstance(file, TrackResult):
            results.append(file)
            continue
        decoded.append(file)
        if sum(len(file.track.windows) for file in decoded) >= BATCH_WINDOWS:
            results += classify_tracks(classifier, decoded)
            decoded = []
    return results + classify_tracks(classifier, decoded)


def save_results(catalog: Catalog, results: Sequence[TrackResult], windows: WindowCount) -> None:
    """Save results in one transaction.

    If a file changed since the last scan, its new stamp is recorded. A file whose stamp or content cannot be read
    stays pending: its disk may be back tomorrow, and repaired permissions do not change a stamp. A file that the
    catalog no longer has at this path is skipped.

    Raises:
        CatalogError: the catalog cannot be written.
    """
    with catalog.transaction() as connection:
        for result in results:
            row = connection.execute("SELECT id FROM tracks WHERE path = ?", (path_to_bytes(result.path),)).fetchone()
            if row is None or result.stamp is None or _is_unreadable(result):
                continue
            connection.execute(
                "UPDATE tracks SET size = ?, mtime_ns = ?, digest = NULL WHERE id = ? AND (size, mtime_ns) != (?, ?)",
                (*result.stamp, row["id"], *result.stamp),
            )
            if isinstance(result.result, Failure):
                save_failure(catalog, row["id"], result.stamp, result.result)
            else:
                save_prediction(catalog, row["id"], result.stamp, str(windows), result.result, result.embedding)


def _is_unreadable(result: TrackResult) -> bool:
    """Return whether the operating system refused to read the file."""
    return isinstance(result.result, Failure) and result.result.error.type == AudioUnreadableError.__name__


def _classify_one_by_one(
    classify: Callable[[Sequence[Path]], list[TrackResult]], batch: Sequence[Path]
) -> Iterator[TrackResult]:
    """Classify the files of a batch that killed its process, each in a task of its own."""
    crashes = 0
    for (path,), results in workers.map_unordered(classify, [[path] for path in batch], 1):
        if isinstance(results, GenrelensError):
            crashes += 1
            if crashes == len(batch) > 1:
                raise WorkerError("every worker process crashes; is there enough memory for this many --threads?")
            yield crash_result(path)
        else:
            yield from results


def _query_values(model: Model, windows: WindowCount, retry: bool) -> dict[str, object]:
    return {"model": model.card.name, "version": model.card.version, "windows": str(windows), "retry": retry}
