"""`genrelens library albums`: the genre of each album, and the tracks that differ from it."""

from typing import TYPE_CHECKING, Annotated

import typer

from genrelens.cli.library.options import PathPattern, make_query, open_catalog

if TYPE_CHECKING:
    from rich.text import Text

    from genrelens.library.albums.albums import Album


def albums(
    context: typer.Context,
    path: PathPattern = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line, with mean scores.")] = False,
) -> None:
    """Show the genre of each album, and its outliers.

    An album has a genre if at least half of its tracks are predicted to be of it; a compilation has none.
    """
    from rich.console import Console

    from genrelens.errors import NoTracksError
    from genrelens.library.albums.albums import iter_albums
    from genrelens.library.catalog.tracks import iter_tracks

    out = Console(highlight=False, soft_wrap=True)
    empty = True
    with open_catalog(context) as catalog:
        for album in iter_albums(iter_tracks(catalog, make_query(None, 0.0, path))):
            empty = False
            if json:
                print(_format_json(album))
            else:
                out.print(_format_text(album))
    if empty:
        raise NoTracksError("no track there has a prediction; scan a folder and run the model, or pass another --path")


def _format_text(album: "Album") -> "Text":
    from rich.text import Text

    from genrelens.cli.output import display_genres, percent
    from genrelens.errors import display_name

    text = Text()
    if consensus := album.consensus:
        text.append(f"{display_genres(consensus.genres):<12} ", "bold cyan")
        text.append(f"{percent(consensus.confidence):>5}  {percent(consensus.agreement):>5} agree", "bold")
    else:
        text.append(f"{'various' if album.is_compilation else 'no consensus':<12} {'':>18}", "bold yellow")
    text.append(f"{len(album.tracks):>4} {'tracks' if len(album.tracks) > 1 else 'track '}  ", "dim")
    text.append(display_name(f"{album.artist}: {album.name}" if album.artist else album.name))
    text.append(f"  {display_name(album.folder)}", "dim")
    for track in album.outliers:
        genres, confidence = display_genres(track.prediction.genres), percent(track.prediction.confidence)
        text.append(f"\n  ! {genres:<12}{confidence:>5}  {display_name(track.path)}", "yellow")
    return text


def _format_json(album: "Album") -> str:
    import json

    consensus = album.consensus
    content = {
        "folder": str(album.folder),
        "album": album.name,
        "artist": album.artist,
        "tracks": [str(track.path) for track in album.tracks],
        "various": album.is_compilation,
        "genre": consensus.genres[0] if consensus else None,
        "genres": list(consensus.genres) if consensus else [],
        "confidence": consensus.confidence if consensus else None,
        "agreement": consensus.agreement if consensus else None,
        "scores": [score.model_dump() for score in consensus.scores] if consensus else [],
        "outliers": [
            {"path": str(track.path), "genres": track.prediction.genres, "confidence": track.prediction.confidence}
            for track in album.outliers
        ],
    }
    return json.dumps(content, ensure_ascii=True, allow_nan=False)
