"""`genrelens library tag`: genres into files, planned first."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrelens.cli.library.options import Genre, PathPattern, opened, queried

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from genrelens.library.albums.albums import Grouping
    from genrelens.library.catalog.catalog import Catalog
    from genrelens.library.catalog.tracks import TrackQuery
    from genrelens.library.tagging.plan import Change, Policy

_WORDS = {
    "unknown": "of no known genre",
    "unsure": "told with too little confidence",
    "unmapped": "of a genre that the map leaves out",
    "has genres": "have genres, which are kept",
    "up to date": "have these genres already",
    "changed": "changed since they were judged",
    "linked": "have several names",
    "gone": "not there any more",
    "unreadable": "with tags that cannot be read",
    "failed": "cannot be written",
}


def tag(
    context: typer.Context,
    genre: Genre = None,
    path: PathPattern = None,
    write: Annotated[bool, typer.Option("--write", help="Write what is planned; without this, only tell it.")] = False,
    existing: Annotated[
        Literal["keep", "append", "replace"], typer.Option(help="What becomes of genres that a file has.")
    ] = "keep",
    min_confidence: Annotated[
        float, typer.Option(min=0, max=1, help="The least confidence with which a genre is written, 0 to 1.")
    ] = 0.5,
    top: Annotated[int, typer.Option(min=1, help="How many genres at most, each with that confidence.")] = 1,
    by: Annotated[
        Literal["track", "album"], typer.Option(help="Whose genre a file gets: its own, or its album's.")
    ] = "track",
    map_file: Annotated[
        Path | None, typer.Option("--map", help="A TOML file of your names and tree of genres.")
    ] = None,
    profile: Annotated[
        Literal["generic", "navidrome", "jellyfin", "plex", "rekordbox"],
        typer.Option(help="The player that is to read several genres."),
    ] = "generic",
    keep_times: Annotated[bool, typer.Option("--keep-times", help="Keep the files' times of modification.")] = False,
    break_links: Annotated[
        bool, typer.Option("--break-links", help="Write files with several names; the others keep what was there.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for each track.")] = False,
) -> None:
    """Write genres into the tags of files that were judged: first tell the plan, then do it with --write.

    No other field is touched, and all can be undone (`genrelens library undo`). Exits with 1 if a file could not be
    read or written: each is named with its reason, and is as it was.
    """
    from genrelens.library.tagging.genre_map import GenreMap, read_genre_map
    from genrelens.library.tagging.plan import Policy

    names = read_genre_map(map_file) if map_file else GenreMap()
    policy = Policy(existing, min_confidence, top, names, profile, break_links)
    with opened(context) as catalog:
        changes = _changes(catalog, queried(genre, 0.0, path), policy, by, write=write, keep_times=keep_times)
        failed = _report(changes, write=write, json=json)
    if failed:
        raise typer.Exit(1)


def _changes(
    catalog: "Catalog", query: "TrackQuery", policy: "Policy", by: "Grouping", *, write: bool, keep_times: bool
) -> "Iterator[Change]":
    from genrelens.library.tagging import run

    if write:
        return run.tag(catalog, query, policy, by=by, keep_times=keep_times)
    return run.planned(catalog, query, policy, by=by)


def _report(changes: "Iterator[Change]", *, write: bool, json: bool) -> int:
    """Print changes as they come, then how many there are of each kind; gives the number of failures."""
    from rich.console import Console

    from genrelens.library.tagging.plan import BY_CHOICE

    out = Console(highlight=False, soft_wrap=True)
    err = Console(stderr=True, highlight=False, soft_wrap=True)
    counts: Counter[str] = Counter()
    failed = 0
    for change in changes:
        counts[change.skipped or "done"] += 1
        failed += change.skipped is not None and change.skipped not in BY_CHOICE
        if json:
            print(change.to_json(), flush=True)
        else:
            _print(change, out, err)
    if not json:
        _count(counts, err, write=write)
    return failed


def _print(change: "Change", out: "Console", err: "Console") -> None:
    from rich.text import Text

    from genrelens.errors import display_name

    if change.detail:
        err.print(Text(change.detail, "red"))
    if change.skipped is None:
        line = Text()
        line.append(_joined(change.old), "dim")
        line.append(" -> ")
        line.append(_joined(change.new), "bold cyan")
        out.print(line.append(f"  {display_name(change.path)}"))


def _joined(genres: tuple[str, ...]) -> str:
    from genrelens.errors import display_name

    return " | ".join(display_name(genre) for genre in genres) or "(none)"


def _count(counts: "Counter[str]", err: "Console", *, write: bool) -> None:
    done = counts.pop("done", 0)
    err.print(f"{done} {'written' if write else 'to write'}")
    for reason, words in _WORDS.items():
        if counts[reason]:
            err.print(f"{counts[reason]} {words}")
    if done:
        err.print("undo it with `genrelens library undo`" if write else "nothing was changed; write with --write")
