"""Options shared by the commands of `genrelens library`."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from genrelens.library.catalog.catalog import Catalog
    from genrelens.library.catalog.tracks import TrackQuery

Genre = Annotated[str | None, typer.Option("--genre", "-g", help="Only tracks with this predicted genre.")]
MinConfidence = Annotated[float, typer.Option(min=0, max=1, help="Only tracks with at least this confidence, 0 to 1.")]
PathPattern = Annotated[
    str | None, typer.Option("--path", "-p", help="Only this file, this folder, or paths that match this pattern.")
]


def open_catalog(context: typer.Context) -> "Catalog":
    """Open the catalog given by `--catalog`, or the default one."""
    from genrelens.library.catalog.catalog import Catalog, default_path

    return Catalog(context.obj or default_path())


def make_query(genre: str | None, min_confidence: float, path: str | None) -> "TrackQuery":
    """Build the query of the shared options; a relative path of an existing file or folder is made absolute."""
    import os

    from genrelens.library.catalog.tracks import TrackQuery

    if path and (os.path.lexists(path) or not set(path) & set("*?[")):  # not a pattern, or also the name of a file
        path = os.path.abspath(path)  # noqa: PTH100 (keeps symbolic links)
    return TrackQuery(genre, min_confidence, path)
