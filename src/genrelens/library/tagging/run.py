"""Genres written into a library's files: one run, which can be ended at any moment and undone at any later one."""

from collections.abc import Iterator

from genrelens.errors import FileChangedError, GenrelensError, display_name
from genrelens.library.albums.albums import Grouping, iter_tracks_by
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.catalog.tracks import ClassifiedTrack, TrackQuery, refresh_stamp
from genrelens.library.tagging import journal
from genrelens.library.tagging.genre_map import GenreMap
from genrelens.library.tagging.plan import Change, Policy, plan
from genrelens.library.tagging.recovery import recover
from genrelens.library.tagging.safe_write import rewrite


def planned(catalog: Catalog, query: TrackQuery, policy: Policy, *, by: Grouping = "track") -> Iterator[Change]:
    """What would change, by path. No file is touched."""
    for _, change in plan(iter_tracks_by(by, catalog, query), policy):
        yield change


def tag(
    catalog: Catalog, query: TrackQuery, policy: Policy, *, by: Grouping = "track", keep_times: bool = False
) -> Iterator[Change]:
    """Write what is planned, file by file, and yield what became of each.

    A file that cannot be written is yielded as skipped, and is as it was; the others go on. Its time of modification
    is new, for players to look again, unless `keep_times` is asked for. By album, a file gets what its album is told to
    be, where that has a genre.

    Raises:
        LibraryBusyError: another run changes files of this catalog.
        CatalogError: the journal cannot be written; no further file is touched.
    """
    with journal.kept(catalog):
        recover(catalog)
        run: int | None = None
        tracks = (refresh_stamp(catalog, track) for track in iter_tracks_by(by, catalog, query))  # a link's file may be written
        for track, change in plan(tracks, policy):
            if change.skipped is not None:
                yield change
                continue
            if run is None:
                run = journal.begin_run(catalog, _told(query, policy, by, keep_times=keep_times))
            yield _written(catalog, run, track, change, policy, keep_times=keep_times)


def _written(catalog: Catalog, run: int, track: ClassifiedTrack, change: Change, policy: Policy, *, keep_times: bool) -> Change:
    try:
        rewrite(catalog, run, track, change, policy.profile, keep_times=keep_times)
    except FileChangedError as error:
        return change.without("changed", str(error))
    except GenrelensError as error:
        return change.without("failed", str(error))
    except OSError as error:
        reason = error.strerror or error
        return change.without("failed", f"{display_name(track.path)} cannot be written ({reason}); nothing was changed")
    return change


def _told(query: TrackQuery, policy: Policy, by: Grouping, *, keep_times: bool) -> dict[str, object]:
    """What the journal tells of a run: its options; of the map, whether there was one."""
    return {
        "genre": query.genre,
        "path": query.path,
        "existing": policy.existing,
        "min-confidence": policy.min_confidence,
        "top": policy.top,
        "by": by,
        "map": policy.names != GenreMap(),
        "profile": policy.profile,
        "keep-times": keep_times,
        "break-links": policy.break_links,
    }
