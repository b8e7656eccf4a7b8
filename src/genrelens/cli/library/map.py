"""`genrelens library map`: all tracks on a map, as a picture."""

from pathlib import Path
from typing import Annotated

import typer

from genrelens.cli.library.options import opened


def draw_map(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", "-o", help="The picture, a PNG file.", dir_okay=False)] = Path(
        "map.png"
    ),
) -> None:
    """Draw a map of the library, on which tracks that sound alike are neighbours.

    It is kept in the catalog, and worked out anew when the answers in that have changed. `genrelens serve --library`
    shows it, too.
    """
    from genrelens.files import atomic_write
    from genrelens.library.similarity.embeddings import main_embedding_model
    from genrelens.library.similarity.layout import update_map
    from genrelens.library.similarity.map_picture import draw_map as drawn
    from genrelens.library.similarity.map_picture import load_points

    if out.suffix.lower() != ".png":
        raise typer.BadParameter("the map is a PNG picture; end its name in .png", param_hint="--out")
    with opened(context) as catalog:
        update_map(catalog)
        maker, shown = main_embedding_model(catalog), load_points(catalog)
    with atomic_write(out) as file:
        file.write(drawn(shown, f"{maker.model} {maker.version}"))
    print(f"{out}: {len(shown)} tracks")
