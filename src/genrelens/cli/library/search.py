"""`genrelens library search`: tracks by genre, confidence or path."""

from typing import Annotated

import typer

from genrelens.cli.library.options import Genre, MinConfidence, PathPattern, make_query, open_catalog


def search(
    context: typer.Context,
    genre: Genre = None,
    min_confidence: MinConfidence = 0.0,
    path: PathPattern = None,
    top: Annotated[int, typer.Option(min=1, help="Number of genres to report per track.")] = 3,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line, with segments.")] = False,
) -> None:
    """List classified tracks by genre, confidence or path."""
    from itertools import chain

    from genrelens.cli.output import ResultPrinter
    from genrelens.errors import NoTracksError
    from genrelens.library.catalog.tracks import iter_tracks

    with open_catalog(context) as catalog:
        tracks = iter_tracks(catalog, make_query(genre, min_confidence, path))
        first = next(tracks, None)
        if first is None:
            remedy = "`genrelens library status` shows what the catalog contains"
            raise NoTracksError(f"no classified track matches; {remedy}")
        labels = tuple(score.label for score in first.prediction.scores)
        printer = ResultPrinter("json" if json else "table", labels, top)
        for track in chain([first], tracks):
            printer.write(track.prediction)
