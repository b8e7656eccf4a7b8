"""A catalog, files that need not be audio, and answers that nobody gave."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from genrelens.library.catalog.catalog import Catalog


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(tmp_path / "library.db") as opened:
        yield opened


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    return folder
