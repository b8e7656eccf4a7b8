"""`genrelens library`: a music library, from scan to tags and playlists."""

from pathlib import Path
from typing import Annotated

import typer

from genrelens.cli.library import map, playlist, similar  # noqa: A004 (it is a command's name)

app = typer.Typer(name="library", help="Know a music library: scan, judge, search, tag, undo.", no_args_is_help=True)


@app.callback()
def library(
    context: typer.Context,
    catalog: Annotated[
        Path | None,
        typer.Option(
            envvar="GENRELENS_CATALOG",
            help="The file that knows the library; one in the user's data folder if not given.",
        ),
    ] = None,
) -> None:
    """Know a music library: scan, judge, search, tag, undo."""
    context.obj = catalog


app.command()(similar.similar)
app.command()(playlist.playlist)
app.command("map")(map.draw_map)
