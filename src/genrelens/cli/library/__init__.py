"""`genrelens library`: scan, classify, search, tag and undo a music library."""

from pathlib import Path
from typing import Annotated

import typer

from genrelens.cli.library import (
    albums,
    errors,
    export,
    map,  # noqa: A004 (the name of the command)
    playlist,
    run,
    scan,
    search,
    show,
    similar,
    status,
    tag,
    undo,
)

app = typer.Typer(
    name="library", help="Manage a music library: scan, classify, search, tag, undo.", no_args_is_help=True
)


@app.callback()
def library(
    context: typer.Context,
    catalog: Annotated[
        Path | None,
        typer.Option(
            envvar="GENRELENS_CATALOG",
            help="Catalog path (SQLite). Default: library.db in the user data folder.",
        ),
    ] = None,
) -> None:
    """Manage a music library: scan, classify, search, tag, undo."""
    context.obj = catalog


app.command()(scan.scan)
app.command()(run.run)
app.command()(status.status)
app.command()(errors.errors)
app.command()(show.show)
app.command()(search.search)
app.command()(export.export)
app.command()(albums.albums)
app.command()(tag.tag)
app.command()(undo.undo)
app.command()(similar.similar)
app.command()(playlist.playlist)
app.command("map")(map.draw_map)
