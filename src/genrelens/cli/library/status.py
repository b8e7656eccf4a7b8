"""`genrelens library status`: counts of tracks by state, genre, error and model."""

from collections.abc import Mapping
from typing import Annotated

import typer

from genrelens.cli.library.options import open_catalog

_NAME_WIDTH = 24  # characters


def status(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Count the tracks by state, genre, error and model."""
    from genrelens.library.catalog.status import library_status

    with open_catalog(context) as catalog:
        summary = library_status(catalog)
    if json:
        print(summary.to_json())
        return
    _print_counts(
        "tracks", {"classified": summary.judged, "failed": summary.failed, "pending": summary.pending}, summary.tracks
    )
    _print_counts("genres", summary.genres, summary.judged)
    _print_counts("errors", summary.errors, summary.failed)
    models = {f"{model.model} {model.version}, {model.windows} windows": model.tracks for model in summary.models}
    _print_counts("classified by", models, summary.judged)
    if summary.vanished:
        print(f"{summary.vanished:,} tracks are missing; their predictions are kept in case they return")


def _print_counts(title: str, counts: Mapping[str, int], total: int) -> None:
    from genrelens.cli.output import bar

    if not counts:
        return
    print(f"{title:<{_NAME_WIDTH}}{total:>9,}")
    for name, count in counts.items():
        print(f"  {name:<{_NAME_WIDTH - 2}}{count:>9,}  {bar(count / total if total else 0)}".rstrip())
    print()
