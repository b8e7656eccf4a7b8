from pathlib import Path

import numpy as np
import pytest

from genrelens.errors import NoTracksError
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.similarity.embeddings import (
    EmbeddingModel,
    catalog_revision,
    load_embeddings,
    main_embedding_model,
)
from tests.support.catalog import fill_catalog, insert_track, simple_prediction


def test_revision_changes_only_with_predictions(catalog: Catalog, tmp_path: Path) -> None:
    fill_catalog(catalog, tmp_path, ["jazz"])
    before = catalog_revision(catalog)
    catalog.connection.execute("UPDATE tracks SET vanished = 1")
    assert catalog_revision(catalog) == before
    catalog.connection.execute("DELETE FROM tracks")
    assert catalog_revision(catalog) != before


def test_all_zero_embedding_stays_zero(catalog: Catalog, tmp_path: Path) -> None:
    for number, row in enumerate(((3, 4), (0, 0))):
        insert_track(catalog, simple_prediction(tmp_path / f"{number}.mp3"), np.array(row, np.float32))
    embeddings = load_embeddings(catalog, EmbeddingModel("tilt", "1"))
    assert np.allclose(embeddings.rows, np.array([[0.6, 0.8], [0.0, 0.0]]))


def test_catalog_without_embeddings_has_no_main_model(catalog: Catalog) -> None:
    with pytest.raises(NoTracksError, match="no present track has an embedding"):
        main_embedding_model(catalog)
