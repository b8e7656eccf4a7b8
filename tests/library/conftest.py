"""A catalog for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from genrelens.library.catalog import Catalog


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(tmp_path / "library.db") as opened:
        yield opened
