"""`genrelens library similar`: tracks that sound similar to a given neighbour."""

from typing import TYPE_CHECKING, Annotated

import typer

from genrelens.cli.library.options import Genre, MinConfidence, PathPattern, make_query, open_catalog

if TYPE_CHECKING:
    from genrelens.library.similarity.neighbours import Neighbour


def similar(
    context: typer.Context,
    track: Annotated[str, typer.Argument(help="Track of the catalog: its number or path.")],
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="Maximum number of tracks.")] = 10,
    genre: Genre = None,
    min_confidence: MinConfidence = 0.0,
    path: PathPattern = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    """List the tracks most similar to a given one, by the cosine similarity of their embeddings."""
    from genrelens.library.catalog.lookup import find_track
    from genrelens.library.similarity.neighbours import find_similar

    with open_catalog(context) as catalog:
        found = find_similar(catalog, find_track(catalog, track), count, make_query(genre, min_confidence, path))
    print_neighbour = _print_json if json else _print_row
    for neighbour in found:
        print_neighbour(neighbour)


def _print_json(neighbour: "Neighbour") -> None:
    import json

    prediction = neighbour.track.prediction
    fields = {"id": neighbour.track.id, "path": prediction.path, "similarity": round(neighbour.similarity, 4)}
    fields |= {"genres": prediction.genres, "confidence": prediction.confidence, "duration": prediction.duration}
    print(json.dumps(fields))


def _print_row(neighbour: "Neighbour") -> None:
    from genrelens.cli.output import display_genres, percent
    from genrelens.errors import display_name

    prediction = neighbour.track.prediction
    print(
        f"{neighbour.similarity:5.2f}  {display_genres(prediction.genres):<16} {percent(prediction.confidence):>5}  "
        f"{neighbour.track.id:>6}  {display_name(prediction.path)}"
    )
