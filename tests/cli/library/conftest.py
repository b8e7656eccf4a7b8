"""Catalogs for the tests of `genrelens library`."""

from functools import partial
from pathlib import Path

import pytest

from genrelens.library.catalog.catalog import Catalog
from tests.support.catalog import add_classified_track, fill_catalog
from tests.support.library import RunLibrary, make_music, run_library
from tests.support.models import make_card, make_mapped_model
from tests.support.tagged_files import make_tagged


@pytest.fixture(scope="session")
def mapped_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small model with embeddings that classifies tones as "low" or "high"."""
    return make_mapped_model(tmp_path_factory.mktemp("models") / "mapped.onnx", make_card())


@pytest.fixture(scope="session")
def classified_catalog(tmp_path_factory: pytest.TempPathFactory, mapped_model: Path) -> Path:
    """Return a catalog of two classified tracks and one that failed; they are in the folder `music` next to it."""
    folder = tmp_path_factory.mktemp("library")
    make_music(folder / "music")
    run_library(folder / "library.db", "scan", folder / "music")
    run_library(folder / "library.db", "run", "--model", mapped_model, "--threads", 1, "--nice", 0)
    return folder / "library.db"


@pytest.fixture
def library(classified_catalog: Path) -> RunLibrary:
    """Return a function that runs a command on the classified catalog, which all tests share."""
    return partial(run_library, classified_catalog)


@pytest.fixture
def run(tmp_path: Path) -> RunLibrary:
    """Return a function that runs a command on the test's own catalog, `library.db` in `tmp_path`."""
    return partial(run_library, tmp_path / "library.db")


@pytest.fixture
def embedded_tracks(tmp_path: Path) -> None:
    """Fill the test's catalog with 10 jazz and 10 rock tracks, each genre with similar embeddings."""
    with Catalog(tmp_path / "library.db") as catalog:
        fill_catalog(catalog, tmp_path, ["jazz", "rock"] * 10)


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Fill the test's catalog; return the folder of a tagged FLAC, an untagged M4A and an Opus of low confidence."""
    folder = tmp_path / "music"
    folder.mkdir()
    with Catalog(tmp_path / "library.db") as catalog:
        add_classified_track(catalog, make_tagged(folder, "flac"))
        add_classified_track(catalog, make_tagged(folder, "m4a-bare"))
        add_classified_track(catalog, make_tagged(folder, "opus"), Rock=0.4, Pop=0.3)
    return folder
