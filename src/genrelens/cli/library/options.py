"""What the commands of `genrelens library` share."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from genrelens.library.catalog import Catalog
    from genrelens.library.tracks import Query

Genre = Annotated[str | None, typer.Option("--genre", "-g", help="Only tracks that are told to be this.")]
MinConfidence = Annotated[
    float, typer.Option(min=0, max=1, help="Only tracks that this is told of with so much confidence, 0 to 1.")
]
PathPattern = Annotated[
    str | None, typer.Option("--path", "-p", help="Only this file, what is in this folder, or what fits this pattern.")
]


def opened(context: typer.Context) -> "Catalog":
    """The catalog that was asked for."""
    from genrelens.library.catalog import Catalog, default_path

    return Catalog(context.obj or default_path())


def queried(genre: str | None, min_confidence: float, path: str | None) -> "Query":
    """The tracks that were asked for; a folder may be given relative to where one is."""
    import os

    from genrelens.library.tracks import Query

    plain = path is not None and not set(path) & set("*?[")
    return Query(genre, min_confidence, os.path.abspath(path) if path and plain else path)  # noqa: PTH100
