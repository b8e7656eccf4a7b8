import sqlite3
from pathlib import Path

import pytest

from genrelens.errors import CatalogError
from genrelens.library.catalog import catalog as catalog_module
from genrelens.library.catalog.catalog import Catalog, ReadOnlyCatalog, path_from_bytes, path_to_bytes
from genrelens.library.catalog.migrations import MIGRATIONS


def test_committed_rows_persist(tmp_path: Path) -> None:
    with Catalog(tmp_path / "deep" / "c.db") as catalog, catalog.transaction() as connection:
        connection.execute("INSERT INTO tracks (path, size, mtime_ns) VALUES (?, 1, 2)", (b"/a",))
    with Catalog(tmp_path / "deep" / "c.db") as catalog:
        assert [tuple(row) for row in catalog.connection.execute("SELECT path, size FROM tracks")] == [(b"/a", 1)]


def test_failed_transaction_is_rolled_back(tmp_path: Path) -> None:
    with Catalog(tmp_path / "c.db") as catalog:
        twice = [(b"/a",), (b"/a",)]
        with pytest.raises(sqlite3.IntegrityError), catalog.transaction() as connection:
            connection.executemany("INSERT INTO tracks (path, size, mtime_ns) VALUES (?, 1, 2)", twice)
        assert catalog.connection.execute("SELECT COUNT(*) FROM tracks").fetchone()[0] == 0


def test_failed_migration_is_rolled_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create = "CREATE TABLE more (x);\n"
    monkeypatch.setattr(catalog_module, "MIGRATIONS", (*MIGRATIONS, create + "INSERT INTO missing VALUES (1);"))
    with pytest.raises(CatalogError, match="no such table"):
        Catalog(tmp_path / "c.db")
    monkeypatch.setattr(catalog_module, "MIGRATIONS", (*MIGRATIONS, create))
    with Catalog(tmp_path / "c.db") as catalog:
        assert catalog.connection.execute("SELECT COUNT(*) FROM more").fetchone()[0] == 0


def test_catalog_of_a_later_version_is_refused(tmp_path: Path) -> None:
    with Catalog(tmp_path / "c.db") as catalog:
        catalog.connection.execute("PRAGMA user_version = 1000")
    with pytest.raises(CatalogError, match="later GenreLens"):
        Catalog(tmp_path / "c.db")


def test_file_that_is_not_a_catalog_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a database, but text longer than a database header\n" * 100)
    with pytest.raises(CatalogError, match="cannot be used as a catalog"):
        Catalog(tmp_path / "text")
    with pytest.raises(CatalogError, match="cannot be opened"):
        Catalog(tmp_path)


def test_full_disk_raises_and_keeps_previous_rows(tmp_path: Path) -> None:
    with Catalog(tmp_path / "c.db") as catalog:
        pages = catalog.connection.execute("PRAGMA page_count").fetchone()[0]
        catalog.connection.execute(f"PRAGMA max_page_count = {pages + 1}")
        with pytest.raises(CatalogError, match=r"cannot be written .*full"), catalog.transaction() as connection:
            connection.executemany(
                "INSERT INTO tracks (path, size, mtime_ns) VALUES (?, 1, 2)", [(b"%0999d" % i,) for i in range(100)]
            )
        assert catalog.connection.execute("SELECT COUNT(*) FROM tracks").fetchone()[0] == 0


def test_file_names_that_are_not_utf8_round_trip() -> None:
    assert path_to_bytes(path_from_bytes(b"/music/\xff\xfe.mp3")) == b"/music/\xff\xfe.mp3"


def test_read_only_catalog_cannot_be_written(catalog: Catalog, tmp_path: Path) -> None:
    with ReadOnlyCatalog(catalog.path) as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.connection.execute("DELETE FROM tracks")
    with pytest.raises(CatalogError, match="library scan"):
        ReadOnlyCatalog(tmp_path / "missing.db")
