"""Where the tracks of a library lie on a map, on which those that sound alike are neighbours."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from genrelens.errors import MissingExtraError, NoTracksError
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.similarity.embeddings import (
    EmbeddingModel,
    FloatArray,
    IdArray,
    catalog_revision,
    load_embeddings,
    main_embedding_model,
)

MIN_TRACKS = 10  # tracks that make a map
_PERPLEXITY = 30  # neighbours that matter to a track, in a large library
_SEED = 0

LayoutFunction = Callable[[FloatArray], NDArray[np.floating]]


def update_map(catalog: Catalog, layout: LayoutFunction | None = None) -> bool:
    """Have the catalog know where its tracks lie, vanished ones too; tell whether that had to be worked out.

    Args:
        catalog: what is known is kept in it, until its answers change.
        layout: from embeddings (n, channels) to places (n, 2); t-SNE if none is given.

    Raises:
        NoTracksError: there are too few tracks with embeddings.
        MissingExtraError: openTSNE is not installed.
    """
    maker, stamp = main_embedding_model(catalog), catalog_revision(catalog)
    made_of = (stamp, maker.model, maker.version)
    if catalog.connection.execute("SELECT 1 FROM map WHERE (stamp, model, version) = (?, ?, ?)", made_of).fetchone():
        return False
    vectors = load_embeddings(catalog, maker)
    if len(vectors.tracks) < MIN_TRACKS:
        told = f"a map needs at least {MIN_TRACKS} tracks with embeddings, and there are {len(vectors.tracks)}"
        raise NoTracksError(f"{told}; judge more with `genrelens library run`")
    places = _framed((layout or tsne_layout)(vectors.rows))
    _keep(catalog, maker, stamp, vectors.tracks, places)
    return True


def tsne_layout(rows: FloatArray) -> NDArray[np.floating]:
    """Lay rows (n, channels) out on a plane, (n, 2), the same each time (van der Maaten & Hinton, 2008).

    Raises:
        MissingExtraError: openTSNE is not installed.
    """
    try:
        from openTSNE import TSNE
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"a map needs {error.name}; install it with `pip install 'genrelens[library]'`"
        ) from error
    perplexity = min(_PERPLEXITY, (len(rows) - 1) / 3)
    # One thread: several would add up in another order each time.
    return np.asarray(TSNE(perplexity=perplexity, metric="cosine", n_jobs=1, random_state=_SEED).fit(rows))


def _framed(places: NDArray[np.floating]) -> NDArray[np.floating]:
    """Within 0 and 1, both axes by the same measure."""
    low, high = places.min(axis=0), places.max(axis=0)
    middle, size = (low + high) / 2, float((high - low).max()) or 1.0
    return np.asarray((places - middle) / size + 0.5)


def _keep(catalog: Catalog, maker: EmbeddingModel, stamp: str, tracks: IdArray, places: NDArray[np.floating]) -> None:
    with catalog.transaction() as connection:
        connection.execute("DELETE FROM map")
        connection.execute("DELETE FROM places")
        known = {row["id"] for row in connection.execute("SELECT id FROM tracks")}  # some may be gone meanwhile
        rows = zip(tracks.tolist(), places.tolist(), strict=True)
        connection.executemany("INSERT INTO places VALUES (?, ?, ?)", ((n, *xy) for n, xy in rows if n in known))
        connection.execute("INSERT INTO map VALUES (?, ?, ?)", (stamp, maker.model, maker.version))
