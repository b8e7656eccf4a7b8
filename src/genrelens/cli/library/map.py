"""`genrelens library map`: a picture of all tracks on a map of similarity."""

from pathlib import Path
from typing import Annotated

import typer

from genrelens.cli.library.options import open_catalog


def draw_map(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", "-o", help="PNG file to write.", dir_okay=False)] = Path("map.png"),
) -> None:
    """Draw a map of the library on which similar tracks are close to each other.

    The layout is stored in the catalog and recomputed when predictions have changed. `genrelens serve --library` shows
    the same map.
    """
    from genrelens.files import atomic_write
    from genrelens.library.similarity.embeddings import main_embedding_model
    from genrelens.library.similarity.layout import update_map
    from genrelens.library.similarity.map_picture import draw_map as draw_picture
    from genrelens.library.similarity.map_picture import load_points

    if out.suffix.lower() != ".png":
        raise typer.BadParameter("the map is a PNG picture; end its name in .png", param_hint="--out")
    with open_catalog(context) as catalog:
        update_map(catalog)
        model, points = main_embedding_model(catalog), load_points(catalog)
    with atomic_write(out) as file:
        file.write(draw_picture(points, f"{model.name} {model.version}"))
    print(f"{out}: {len(points)} tracks")
