"""`genrelens library tag`: write genres to the tags of files, after a preview."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrelens.cli.library.options import Genre, PathPattern, make_query, open_catalog

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import Console

    from genrelens.library.albums.albums import Grouping
    from genrelens.library.catalog.catalog import Catalog
    from genrelens.library.catalog.tracks import TrackQuery
    from genrelens.library.tagging.plan import PlannedChange, TagPolicy

_SKIP_SUMMARIES = {  # after the number of files
    "unknown": "of unknown genre",
    "unsure": "below the minimum confidence",
    "unmapped": "with genres that the map leaves out",
    "has genres": "with genres already, which are kept",
    "up to date": "up to date",
    "changed": "changed since they were classified",
    "linked": "with several hard links",
    "gone": "missing",
    "unreadable": "with unreadable tags",
    "failed": "not writable",
}


def tag(
    context: typer.Context,
    genre: Genre = None,
    path: PathPattern = None,
    write: Annotated[bool, typer.Option("--write", help="Write the changes; without it, only show them.")] = False,
    existing: Annotated[
        Literal["keep", "append", "replace"], typer.Option(help="What to do with genres that a file already has.")
    ] = "keep",
    min_confidence: Annotated[
        float, typer.Option(min=0, max=1, help="Lowest confidence with which a genre is written, 0 to 1.")
    ] = 0.5,
    top: Annotated[int, typer.Option(min=1, help="Maximum number of genres, each with that confidence.")] = 1,
    by: Annotated[
        Literal["track", "album"], typer.Option(help="Write each track's own genre, or the genre of its album.")
    ] = "track",
    map_file: Annotated[
        Path | None, typer.Option("--map", help="TOML file with your own genre names and genre tree.")
    ] = None,
    profile: Annotated[
        Literal["generic", "navidrome", "jellyfin", "plex", "rekordbox"],
        typer.Option(help="Player that reads the genres; decides how several genres are stored."),
    ] = "generic",
    keep_times: Annotated[bool, typer.Option("--keep-times", help="Keep the modification times of files.")] = False,
    break_links: Annotated[
        bool,
        typer.Option("--break-links", help="Also write files with several hard links; other links keep the old file."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    """Write predicted genres to the tags of files: first show the plan, then run it with --write.

    No other field is touched, and everything can be undone (`genrelens library undo`). Exits with 1 if a file could not
    be read or written: each is reported with the reason, and left unchanged.
    """
    from genrelens.library.tagging.genre_map import GenreMap, read_genre_map
    from genrelens.library.tagging.plan import TagPolicy

    genre_map = read_genre_map(map_file) if map_file else GenreMap()
    policy = TagPolicy(existing, min_confidence, top, genre_map, profile, break_links)
    with open_catalog(context) as catalog:
        changes = _iter_changes(catalog, make_query(genre, 0.0, path), policy, by, write=write, keep_times=keep_times)
        failures = _report(changes, write=write, json=json)
    if failures:
        raise typer.Exit(1)


def _iter_changes(
    catalog: "Catalog", query: "TrackQuery", policy: "TagPolicy", by: "Grouping", *, write: bool, keep_times: bool
) -> "Iterator[PlannedChange]":
    from genrelens.library.tagging import run

    if write:
        return run.tag(catalog, query, policy, by=by, keep_times=keep_times)
    return run.preview(catalog, query, policy, by=by)


def _report(changes: "Iterable[PlannedChange]", *, write: bool, json: bool) -> int:
    """Print changes as they are made, then a summary; return the number of failures."""
    from rich.console import Console

    from genrelens.library.tagging.plan import INTENDED_SKIPS

    out = Console(highlight=False, soft_wrap=True)
    err = Console(stderr=True, highlight=False, soft_wrap=True)
    counts: Counter[str] = Counter()
    failures = 0
    for change in changes:
        counts[change.skipped or "done"] += 1
        failures += change.skipped is not None and change.skipped not in INTENDED_SKIPS
        if json:
            print(change.to_json(), flush=True)
        else:
            _print_change(change, out, err)
    if not json:
        _print_summary(counts, err, write=write)
    return failures


def _print_change(change: "PlannedChange", out: "Console", err: "Console") -> None:
    from rich.text import Text

    from genrelens.errors import display_name

    if change.detail:
        err.print(Text(change.detail, "red"))
    if change.skipped is None:
        line = Text()
        line.append(_join_genres(change.old), "dim")
        line.append(" -> ")
        line.append(_join_genres(change.new), "bold cyan")
        out.print(line.append(f"  {display_name(change.path)}"))


def _join_genres(genres: tuple[str, ...]) -> str:
    from genrelens.errors import display_name

    return " | ".join(display_name(genre) for genre in genres) or "(none)"


def _print_summary(counts: "Counter[str]", err: "Console", *, write: bool) -> None:
    done = counts.pop("done", 0)
    err.print(f"{done} {'written' if write else 'to write'}")
    for reason, summary in _SKIP_SUMMARIES.items():
        if counts[reason]:
            err.print(f"{counts[reason]} {summary}")
    if done:
        err.print("undo it with `genrelens library undo`" if write else "nothing was changed; write with --write")
