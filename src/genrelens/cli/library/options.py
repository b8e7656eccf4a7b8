"""What the commands of `genrelens library` share."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from genrelens.library.catalog.catalog import Catalog
    from genrelens.library.catalog.tracks import TrackQuery

Genre = Annotated[str | None, typer.Option("--genre", "-g", help="Only tracks that are told to be this.")]
MinConfidence = Annotated[
    float, typer.Option(min=0, max=1, help="Only tracks that this is told of with so much confidence, 0 to 1.")
]
PathPattern = Annotated[
    str | None, typer.Option("--path", "-p", help="Only this file, what is in this folder, or what fits this pattern.")
]


def opened(context: typer.Context) -> "Catalog":
    """The catalog that was asked for."""
    from genrelens.library.catalog.catalog import Catalog, default_path

    return Catalog(context.obj or default_path())


def queried(genre: str | None, min_confidence: float, path: str | None) -> "TrackQuery":
    """The tracks that were asked for; a file or folder may be given relative to where one is, whatever its name."""
    import os

    from genrelens.library.catalog.tracks import TrackQuery

    if path and (os.path.lexists(path) or not set(path) & set("*?[")):  # no pattern, or one that is a name as well
        path = os.path.abspath(path)  # noqa: PTH100 (links stay as they were given)
    return TrackQuery(genre, min_confidence, path)
