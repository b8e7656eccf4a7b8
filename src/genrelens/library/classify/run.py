"""Judging all of a library that is not judged yet, in worker processes, kept batch by batch."""

from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

from genrelens import workers
from genrelens.audio.windows import WindowCount
from genrelens.classifier import cached_classifier
from genrelens.errors import AudioUnreadableError, GenrelensError, WorkerError, display_name
from genrelens.library.catalog.catalog import Catalog, path_from_bytes, path_to_bytes
from genrelens.library.catalog.lock import catalog_lock
from genrelens.library.catalog.tracks import FileStamp, save_failure, save_prediction
from genrelens.library.classify.decoding import DecodedTrack
from genrelens.library.classify.outcome import BATCH_WINDOWS, TrackResult, failed, heard_or_failed, judge_tracks
from genrelens.model.session import Model
from genrelens.prediction import Failure

_BATCH = 8  # tracks that a process judges, and that are then kept, together: half a second's work
_PAGE = 1000  # tracks whose paths are read from the catalog at a time

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
    """Judge what is pending, and yield what came of each batch once it is kept.

    Whenever it ends, by whatever means, what was yielded is kept, and the next run does the rest. A file that kills
    its process costs only itself. Programs that call this need the usual `if __name__ == "__main__":` of
    multiprocessing.

    Args:
        catalog: that was filled by `scan`.
        model: of sound.
        windows: how many of each track to hear, spread over it; or "all".
        processes: that work beside this one.
        retry: whether files that could not be judged are tried again though they are as they were.

    Raises:
        LibraryBusyError: another run works on this catalog.
        WrongInputError: the model looks at pictures.
        CatalogError: the catalog cannot be written.
    """
    _ = model.card.audio_input  # or say now that it has none
    judge = partial(classify_files, model=model.path, windows=windows)
    with catalog_lock(catalog, "run"):
        waiting = pending_paths(catalog, model, windows=windows, retry=retry)
        batches = iter(lambda: list(islice(waiting, _BATCH)), [])
        for batch, outcomes in workers.map_unordered(judge, batches, processes):
            if isinstance(outcomes, WorkerError):
                outcomes = list(_one_by_one(judge, batch))
            elif isinstance(outcomes, GenrelensError):  # the model's doing: no track would fare better
                raise outcomes
            save_results(catalog, outcomes, windows)
            yield outcomes


def pending_paths(catalog: Catalog, model: Model, *, windows: WindowCount, retry: bool = False) -> Iterator[Path]:
    """The tracks, by path, that this model was not yet asked about, or not with so many windows, or not as they are."""
    query = f"SELECT path {_PENDING} AND path > :last ORDER BY path LIMIT {_PAGE}"
    values = _values(model, windows, retry)
    last = b""
    while rows := catalog.connection.execute(query, {**values, "last": last}).fetchall():
        yield from (path_from_bytes(row["path"]) for row in rows)
        last = rows[-1]["path"]


def count_pending(catalog: Catalog, model: Model, *, windows: WindowCount, retry: bool = False) -> int:
    """How many tracks `pending_paths` would yield."""
    rows = catalog.connection.execute(f"SELECT COUNT(*) {_PENDING}", _values(model, windows, retry))
    return int(rows.fetchone()[0])


def classify_files(paths: Sequence[Path], model: Path, windows: WindowCount) -> list[TrackResult]:
    """Judge files by a model that this process loads once; no more is held than one run of the net takes.

    Raises:
        ModelError: the model cannot be used.
    """
    classifier = cached_classifier(model)
    outcomes: list[TrackResult] = []
    heard: list[DecodedTrack] = []
    for path in paths:
        track = heard_or_failed(path, classifier.card.audio_input, windows)
        if isinstance(track, TrackResult):
            outcomes.append(track)
            continue
        heard.append(track)
        if sum(len(track.starts) for track in heard) >= BATCH_WINDOWS:
            outcomes += judge_tracks(classifier, heard)
            heard = []
    return outcomes + judge_tracks(classifier, heard)


def save_results(catalog: Catalog, outcomes: Sequence[TrackResult], windows: WindowCount) -> None:
    """Keep what came of tracks, all or nothing of it.

    A file that changed since the last scan is known as it is now. One that cannot be looked at or read stays pending:
    its disk may be back tomorrow, and no stamp tells that its rights were mended. One that the catalog no longer has at
    this place is passed over.

    Raises:
        CatalogError: the catalog cannot be written.
    """
    with catalog.transaction() as connection:
        for outcome in outcomes:
            row = connection.execute("SELECT id FROM tracks WHERE path = ?", (path_to_bytes(outcome.path),)).fetchone()
            if row is None or outcome.stamp is None or _is_refused(outcome):
                continue
            now = (outcome.stamp.size, outcome.stamp.mtime_ns)
            connection.execute(
                "UPDATE tracks SET size = ?, mtime_ns = ?, digest = NULL WHERE id = ? AND (size, mtime_ns) != (?, ?)",
                (*now, row["id"], *now),
            )
            if isinstance(outcome.result, Failure):
                save_failure(catalog, row["id"], outcome.stamp, outcome.result)
            else:
                save_prediction(catalog, row["id"], outcome.stamp, str(windows), outcome.result, outcome.embedding)


def _is_refused(outcome: TrackResult) -> bool:
    """Whether the system did not let the file be read."""
    return isinstance(outcome.result, Failure) and outcome.result.error.type == AudioUnreadableError.__name__


def _one_by_one(judge: Callable[[Sequence[Path]], list[TrackResult]], batch: Sequence[Path]) -> Iterator[TrackResult]:
    """Judge a batch that killed its process: the files that do not are judged after all."""
    died = 0
    for (path,), outcomes in workers.map_unordered(judge, [[path] for path in batch], 1):
        if isinstance(outcomes, GenrelensError):
            died += 1
            if died == len(batch) > 1:
                raise WorkerError("no worker process stays alive; is there memory enough for --threads so many?")
            told = f"{display_name(path)} made its process die (or memory ran out); try it alone by `genrelens predict`"
            yield failed(path, FileStamp.try_from_path(path), WorkerError(told))
        else:
            yield from outcomes


def _values(model: Model, windows: WindowCount, retry: bool) -> dict[str, object]:
    return {"model": model.card.name, "version": model.card.version, "windows": str(windows), "retry": retry}
