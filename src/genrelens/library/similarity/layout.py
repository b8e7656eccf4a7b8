"""Layout of the map, on which tracks that sound alike are neighbours."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from genrelens.errors import MissingExtraError, NoTracksError
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.similarity.embeddings import FloatArray, catalog_revision, load_embeddings, main_embedding_model

MIN_TRACKS = 10  # tracks that a map needs
_PERPLEXITY = 30  # effective number of neighbours of a track, in a large library
_SEED = 0

LayoutFunction = Callable[[FloatArray], NDArray[np.floating]]


def update_map(catalog: Catalog, layout: LayoutFunction | None = None) -> bool:
    """Compute and store the coordinates of all tracks, including vanished ones, and return whether that was needed.

    Args:
        catalog: the catalog, which stores the map until its predictions change.
        layout: function from embeddings, shape (n, channels), to coordinates, shape (n, 2); t-SNE by default.

    Raises:
        NoTracksError: there are too few tracks with embeddings.
        MissingExtraError: openTSNE is not installed.
    """
    model = main_embedding_model(catalog)
    source = (catalog_revision(catalog), model.name, model.version)
    if catalog.connection.execute("SELECT 1 FROM map WHERE (stamp, model, version) = (?, ?, ?)", source).fetchone():
        return False
    embeddings = load_embeddings(catalog, model)
    if len(embeddings.ids) < MIN_TRACKS:
        count = f"a map needs at least {MIN_TRACKS} tracks with embeddings, but there are {len(embeddings.ids)}"
        raise NoTracksError(f"{count}; classify more with `genrelens library run`")
    coordinates = _fit_unit_square((layout or tsne_layout)(embeddings.rows))
    _save_map(catalog, source, embeddings.ids.tolist(), coordinates)
    return True


def tsne_layout(rows: FloatArray) -> NDArray[np.floating]:
    """Map rows, shape (n, channels), to a plane, shape (n, 2), reproducibly (van der Maaten & Hinton, 2008).

    Raises:
        MissingExtraError: openTSNE is not installed.
    """
    try:
        from openTSNE import TSNE
    except ModuleNotFoundError as error:
        remedy = "install it with `pip install 'genrelens[library]'`"
        raise MissingExtraError(f"a map needs {error.name}; {remedy}") from error
    perplexity = min(_PERPLEXITY, (len(rows) - 1) / 3)
    # A single thread: several would sum in a different order each time.
    return np.asarray(TSNE(perplexity=perplexity, metric="cosine", n_jobs=1, random_state=_SEED).fit(rows))


def _fit_unit_square(coordinates: NDArray[np.floating]) -> NDArray[np.floating]:
    """Scale coordinates, shape (n, 2), to 0..1, by the same factor on both axes."""
    low, high = coordinates.min(axis=0), coordinates.max(axis=0)
    centre, size = (low + high) / 2, float((high - low).max()) or 1.0
    return np.asarray((coordinates - centre) / size + 0.5)


def _save_map(
    catalog: Catalog, source: tuple[str, str, str], ids: list[int], coordinates: NDArray[np.floating]
) -> None:
    with catalog.transaction() as connection:
        connection.execute("DELETE FROM map")
        connection.execute("DELETE FROM places")
        existing = {row["id"] for row in connection.execute("SELECT id FROM tracks")}  # some may have been removed
        rows = ((n, *xy) for n, xy in zip(ids, coordinates.tolist(), strict=True) if n in existing)
        connection.executemany("INSERT INTO places VALUES (?, ?, ?)", rows)
        connection.execute("INSERT INTO map VALUES (?, ?, ?)", source)
