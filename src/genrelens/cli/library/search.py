"""`genrelens library search`: the tracks that are told to be something."""

from typing import Annotated

import typer

from genrelens.cli.library.options import Genre, MinConfidence, PathPattern, opened, queried


def search(
    context: typer.Context,
    genre: Genre = None,
    min_confidence: MinConfidence = 0.0,
    path: PathPattern = None,
    top: Annotated[int, typer.Option(min=1, help="How many genres to tell for each track.")] = 3,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with the segments.")] = False,
) -> None:
    """List judged tracks by genre, confidence or path."""
    from itertools import chain

    from genrelens.cli.output import Rows
    from genrelens.errors import NoTracksError
    from genrelens.library.catalog.tracks import iter_tracks

    with opened(context) as catalog:
        tracks = iter_tracks(catalog, queried(genre, min_confidence, path))
        first = next(tracks, None)
        if first is None:
            raise NoTracksError("no judged track is like that; `genrelens library status` tells what there is")
        rows = Rows("json" if json else "table", tuple(score.label for score in first.prediction.scores), top)
        for track in chain([first], tracks):
            rows.write(track.prediction)
