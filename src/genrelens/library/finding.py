"""From what someone types to a track of the catalog."""

import os

from genrelens.errors import NoTracksError, TrackNotFoundError, shown
from genrelens.library.catalog import Catalog, encoded
from genrelens.library.tracks import Judged, numbered


def track_named(catalog: Catalog, text: str) -> Judged:
    """The track with this number or at this path, with its embedding; a file called 12 is ./12.

    Raises:
        TrackNotFoundError: the catalog has no such track.
        NoTracksError: it was not judged yet.
    """
    name, value = ("id", text) if text.isdecimal() and text.isascii() else ("path", encoded(os.path.abspath(text)))  # noqa: PTH100
    row = catalog.connection.execute(f"SELECT id FROM tracks WHERE {name} = ?", (value,)).fetchone()
    if row is None:
        raise TrackNotFoundError(
            f"the catalog has no track {shown(text)}; `genrelens library search` lists what it has"
        )
    found = numbered(catalog, [row["id"]], embeddings=True)
    if not found:
        raise NoTracksError(f"{shown(text)} was not judged yet; `genrelens library run` does that")
    return found[0]
