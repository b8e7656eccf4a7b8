"""`genrelens library similar`: tracks that sound like another one."""

from typing import TYPE_CHECKING, Annotated

import typer

from genrelens.cli.library.options import Genre, MinConfidence, PathPattern, opened, queried

if TYPE_CHECKING:
    from genrelens.library.similarity.similar import Neighbour


def similar(
    context: typer.Context,
    track: Annotated[str, typer.Argument(help="A track of the catalog: its number, or its path.")],
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="The most tracks to tell.")] = 10,
    genre: Genre = None,
    min_confidence: MinConfidence = 0.0,
    path: PathPattern = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Tell which tracks sound most like another one, by the embeddings that the model made of them."""
    from genrelens.library.catalog.lookup import find_track
    from genrelens.library.similarity.similar import find_similar as most_similar

    with opened(context) as catalog:
        found = most_similar(catalog, find_track(catalog, track), count, queried(genre, min_confidence, path))
    tell = _print_json if json else _print_row
    for one in found:
        tell(one)


def _print_json(one: "Neighbour") -> None:
    import json

    told = one.track.prediction
    fields = {"id": one.track.id, "path": told.path, "similarity": round(one.similarity, 4)}
    print(json.dumps(fields | {"genres": told.genres, "confidence": told.confidence, "duration": told.duration}))


def _print_row(one: "Neighbour") -> None:
    from genrelens.cli.output import percent
    from genrelens.errors import display_name

    told = one.track.prediction
    print(
        f"{one.similarity:5.2f}  {', '.join(told.genres):<16} {percent(told.confidence):>5}  "
        f"{one.track.id:>6}  {display_name(told.path)}"
    )
