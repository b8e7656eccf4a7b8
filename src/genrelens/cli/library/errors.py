"""`genrelens library errors`: what could not be judged, and why."""

from typing import Annotated

import typer

from genrelens.cli.library.options import opened


def errors(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the files of which nothing can be told, by path, each with its reason."""
    from genrelens.library.catalog.tracks import iter_failures

    with opened(context) as catalog:
        for failure in iter_failures(catalog):
            print(failure.to_json() if json else f"{failure.error.type}: {failure.error.message}")
