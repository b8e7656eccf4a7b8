"""A tagging run: genres are written to the files of a library. It can be interrupted at any time, and undone."""

from collections.abc import Iterator

from genrelens.errors import FileChangedError, GenrelensError, display_name
from genrelens.library.albums.albums import Grouping, iter_tracks_by
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.catalog.tracks import ClassifiedTrack, TrackQuery, refresh_stamp
from genrelens.library.tagging.genre_map import GenreMap
from genrelens.library.tagging.journal import Journal
from genrelens.library.tagging.plan import PlannedChange, TagPolicy, plan_file
from genrelens.library.tagging.safe_write import safe_write
from genrelens.library.tagging.undo import recover


def preview(
    catalog: Catalog, query: TrackQuery, policy: TagPolicy, *, by: Grouping = "track"
) -> Iterator[PlannedChange]:
    """Yield the planned change to each file, by path, without touching any file."""
    for track in iter_tracks_by(by, catalog, query):
        yield plan_file(track, policy)


def tag(
    catalog: Catalog, query: TrackQuery, policy: TagPolicy, *, by: Grouping = "track", keep_times: bool = False
) -> Iterator[PlannedChange]:
    """Write planned changes file by file, and yield each with its outcome.

    A file that cannot be written is yielded as skipped and left unchanged; the run continues with the others.

    Args:
        catalog: catalog with the tracks and the journal.
        query: tracks to tag.
        policy: which genres are written.
        by: "album" to write the genre of the album to each of its tracks, where the album has one.
        keep_times: whether to keep modification times; otherwise they are new, so that players read the files again.

    Raises:
        LibraryBusyError: another run changes files of this catalog.
        CatalogError: the journal cannot be written; no further file is touched.
    """
    journal = Journal(catalog)
    with journal.locked():
        recover(journal)
        run: int | None = None
        # Stamps are read again, as a track may be a link to a file that this run has written.
        for track in (refresh_stamp(catalog, track) for track in iter_tracks_by(by, catalog, query)):
            change = plan_file(track, policy)
            if change.skipped is not None:
                yield change
                continue
            if run is None:
                run = journal.begin_run(_journal_options(query, policy, by, keep_times=keep_times))
            yield _write_change(journal, run, track, change, policy, keep_times=keep_times)


def _write_change(
    journal: Journal, run: int, track: ClassifiedTrack, change: PlannedChange, policy: TagPolicy, *, keep_times: bool
) -> PlannedChange:
    try:
        safe_write(journal, run, track, change, policy.profile, keep_times=keep_times)
    except FileChangedError as error:
        return change.skip("changed", str(error))
    except GenrelensError as error:
        return change.skip("failed", str(error))
    except OSError as error:
        reason = error.strerror or error
        return change.skip("failed", f"{display_name(track.path)} cannot be written ({reason}); nothing was changed")
    return change


def _journal_options(query: TrackQuery, policy: TagPolicy, by: Grouping, *, keep_times: bool) -> dict[str, object]:
    """Return the options of a run for the journal; of the genre map, only whether there was one."""
    return {
        "genre": query.genre,
        "path": query.path,
        "existing": policy.existing,
        "min-confidence": policy.min_confidence,
        "top": policy.top,
        "by": by,
        "map": policy.genre_map != GenreMap(),
        "profile": policy.profile,
        "keep-times": keep_times,
        "break-links": policy.break_links,
    }
