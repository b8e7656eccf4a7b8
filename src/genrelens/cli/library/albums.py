"""`genrelens library albums`: what each album is, and which of its tracks are something else."""

from typing import TYPE_CHECKING, Annotated

import typer

from genrelens.cli.library.options import PathPattern

if TYPE_CHECKING:
    from rich.text import Text

    from genrelens.library.albums.albums import Album


def albums(
    context: typer.Context,
    path: PathPattern = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with the mean of all scores.")] = False,
) -> None:
    """Tell the genre of each album, and the tracks that stand out.

    An album has a genre if at least half of its tracks are told it; a compilation has none.
    """
    from rich.console import Console

    from genrelens.cli.library.options import opened, queried
    from genrelens.errors import NoTracksError
    from genrelens.library.albums.albums import iter_albums as found
    from genrelens.library.catalog.tracks import iter_tracks

    out = Console(highlight=False, soft_wrap=True)
    nothing = True
    with opened(context) as catalog:
        for album in found(iter_tracks(catalog, queried(None, 0.0, path))):
            nothing = False
            if json:
                print(_line_of_json(album))
            else:
                out.print(_lines(album))
    if nothing:
        raise NoTracksError("no track there has an answer yet; scan a folder and run the model, or give another --path")


def _lines(album: "Album") -> "Text":
    from rich.text import Text

    from genrelens.cli.output import percent
    from genrelens.errors import display_name
    from genrelens.model.labels import LABEL_SEPARATOR

    text = Text()
    if agreed := album.consensus:
        text.append(f"{f'{LABEL_SEPARATOR} '.join(agreed.genres):<12} ", "bold cyan")
        text.append(f"{percent(agreed.confidence):>5}  {percent(agreed.agreement):>5} agree", "bold")
    else:
        text.append(f"{'various' if album.is_compilation else 'no consensus':<12} {'':>18}", "bold yellow")
    text.append(f"{len(album.tracks):>4} {'tracks' if len(album.tracks) > 1 else 'track '}  ", "dim")
    text.append(display_name(f"{album.artist}: {album.name}" if album.artist else album.name))
    text.append(f"  {display_name(album.folder)}", "dim")
    for track in album.outliers:
        told = track.prediction
        text.append(
            f"\n  ! {f'{LABEL_SEPARATOR} '.join(told.genres):<12}{percent(told.confidence):>5}  {display_name(track.path)}", "yellow"
        )
    return text


def _line_of_json(album: "Album") -> str:
    import json

    agreed = album.consensus
    content = {
        "folder": str(album.folder),
        "album": album.name,
        "artist": album.artist,
        "tracks": [str(track.path) for track in album.tracks],
        "various": album.is_compilation,
        "genre": agreed.genres[0] if agreed else None,
        "genres": list(agreed.genres) if agreed else [],
        "confidence": agreed.confidence if agreed else None,
        "agreement": agreed.agreement if agreed else None,
        "scores": [score.model_dump() for score in agreed.scores] if agreed else [],
        "outliers": [
            {
                "path": str(track.path),
                "genres": list(track.prediction.genres),
                "confidence": track.prediction.confidence,
            }
            for track in album.outliers
        ],
    }
    return json.dumps(content, ensure_ascii=True, allow_nan=False)
