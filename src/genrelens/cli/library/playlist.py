"""`genrelens library playlist`: a playlist of a given length."""

from pathlib import Path
from typing import Annotated

import typer

from genrelens.cli.library.options import Genre, MinConfidence, PathPattern, make_query, open_catalog

_WEEK = 7 * 24 * 60  # min


def playlist(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", "-o", help="Playlist to write: .m3u8, .xspf or .jspf.", dir_okay=False)],
    genre: Genre = None,
    min_confidence: MinConfidence = 0.0,
    path: PathPattern = None,
    like: Annotated[
        str | None,
        typer.Option(
            "--like", metavar="TRACK", help="Start with this track (number or path) and continue with similar ones."
        ),
    ] = None,
    minutes: Annotated[float, typer.Option(min=1, max=_WEEK, help="Maximum length in minutes.")] = 60,
    smooth: Annotated[bool, typer.Option("--smooth", help="Put similar tracks next to each other.")] = False,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the random selection; not with --like.")] = None,
) -> None:
    """Write a playlist of tracks similar to one track, or of a random selection.

    Tracks are added as long as they fit into the length. No artist appears twice in a row if that can be avoided.
    """
    from genrelens.library.catalog.lookup import find_track
    from genrelens.library.playlists.formats import formatter_for, write_playlist
    from genrelens.library.playlists.playlist import PlaylistRequest, make_playlist

    if like is not None and seed is not None:
        raise typer.BadParameter("--seed has no effect with --like, which selects without chance", param_hint="--seed")
    formatter_for(out)  # fail before the work if the extension is unsupported
    with open_catalog(context) as catalog:
        seed_track = None if like is None else find_track(catalog, like)
        request = PlaylistRequest(make_query(genre, min_confidence, path), minutes, seed_track, smooth, seed)
        items = make_playlist(catalog, request)
    write_playlist(out, items)
    print(f"{out}: {len(items)} tracks, {sum(item.seconds for item in items) / 60:.0f} minutes")
