"""`genrelens library playlist`: tracks for an hour, or for an evening."""

from pathlib import Path
from typing import Annotated

import typer

from genrelens.cli.library.options import Genre, MinConfidence, PathPattern, opened, queried

_WEEK = 7 * 24 * 60  # min


def playlist(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", "-o", help="The file: .m3u8, .xspf or .jspf.", dir_okay=False)],
    genre: Genre = None,
    min_confidence: MinConfidence = 0.0,
    path: PathPattern = None,
    like: Annotated[
        str | None, typer.Option("--like", metavar="TRACK", help="Begin with this track (number or path), go on alike.")
    ] = None,
    minutes: Annotated[float, typer.Option(min=1, max=_WEEK, help="It lasts so long, or a little less.")] = 60,
    smooth: Annotated[bool, typer.Option("--smooth", help="Put similar tracks next to each other.")] = False,
    seed: Annotated[int | None, typer.Option(min=0, help="Draw the same tracks each time; without --like.")] = None,
) -> None:
    """Make a playlist: the tracks most like another one, or drawn from all that are asked for.

    Tracks are taken one by one as long as they fit into the minutes. No artist follows himself if that can be avoided.
    """
    from genrelens.library.catalog.lookup import find_track
    from genrelens.library.playlists.formats import formatter_for, write_playlist
    from genrelens.library.playlists.playlist import PlaylistRequest, make_playlist

    if like is not None and seed is not None:
        raise typer.BadParameter("with --like, nothing is drawn that a --seed could decide", param_hint="--seed")
    formatter_for(out)  # before the work, as the name may be wrong
    with opened(context) as catalog:
        seed_track = None if like is None else find_track(catalog, like)
        wish = PlaylistRequest(queried(genre, min_confidence, path), minutes, seed_track, smooth, seed)
        items = make_playlist(catalog, wish)
    write_playlist(out, items)
    print(f"{out}: {len(items)} tracks, {sum(item.seconds for item in items) / 60:.0f} minutes")
