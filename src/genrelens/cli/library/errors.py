"""`genrelens library errors`: files that could not be classified, with the reason."""

from typing import Annotated

import typer

from genrelens.cli.library.options import open_catalog


def errors(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    """List the files that could not be classified, by path, with the reason."""
    from genrelens.library.catalog.tracks import iter_failures

    with open_catalog(context) as catalog:
        for failure in iter_failures(catalog):
            print(failure.to_json() if json else f"{failure.error.type}: {failure.error.message}")
