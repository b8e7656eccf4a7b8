"""`genrelens library status`: where the library stands."""

from collections.abc import Mapping
from typing import Annotated

import typer

from genrelens.cli.library.options import opened

_NAME = 24  # characters that a name takes


def status(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Count the tracks by state, genre, error and model."""
    from genrelens.library.catalog.status import library_status as count

    with opened(context) as catalog:
        found = count(catalog)
    if json:
        print(found.to_json())
        return
    _tell("tracks", {"judged": found.judged, "failed": found.failed, "pending": found.pending}, found.tracks)
    _tell("genres", found.genres, found.judged)
    _tell("errors", found.errors, found.failed)
    models = {f"{one.model} {one.version}, {one.windows} windows": one.tracks for one in found.models}
    _tell("judged by", models, found.judged)
    if found.vanished:
        print(f"{found.vanished:,} tracks have vanished; what was told of them is kept in case they return")


def _tell(title: str, counts: Mapping[str, int], total: int) -> None:
    from genrelens.cli.output import bar

    if not counts:
        return
    print(f"{title:<{_NAME}}{total:>9,}")
    for name, count in counts.items():
        print(f"  {name:<{_NAME - 2}}{count:>9,}  {bar(count / total if total else 0)}".rstrip())
    print()
