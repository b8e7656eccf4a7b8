"""The catalog: one SQLite file that knows all there is to know of a music library."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import platformdirs

from genrelens.errors import CatalogError, display_name
from genrelens.library.catalog.migrations import MIGRATIONS

_PATIENCE = 30.0  # s that a statement waits while another process writes


def default_path() -> Path:
    """Where the catalog of this user is."""
    return Path(platformdirs.user_data_dir("genrelens")) / "library.db"


class Catalog:
    """An opened catalog, made or brought up to date as needed. Use it in a `with`.

    Readers and one writer do not wait for each other (write-ahead log), and what was committed survives any end of
    the process.

    Raises:
        CatalogError: the file cannot be opened, is no catalog, or a later GenreLens wrote it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.connection = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise CatalogError(f"{display_name(path)} cannot be opened ({error}); give another --catalog") from error
        try:
            self._prepare()
        except sqlite3.Error as error:
            self.connection.close()
            raise CatalogError(
                f"{display_name(path)} cannot be used as a catalog ({error}); give another --catalog"
            ) from error
        except BaseException:
            self.connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All that the block writes, or nothing of it.

        Raises:
            CatalogError: it cannot be written; the disk is full, or another process writes all the time.
        """
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:  # a full disk may have ended it already
                    self.connection.execute("ROLLBACK")
                raise
        except sqlite3.OperationalError as error:
            raise CatalogError(
                f"{display_name(self.path)} cannot be written ({error}); what it held before is safe"
            ) from error

    def _prepare(self) -> None:
        self.connection.row_factory = sqlite3.Row
        self.connection.execute("PRAGMA foreign_keys = ON")
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = NORMAL")
        if self._version() > len(MIGRATIONS):
            raise CatalogError(f"{display_name(self.path)} was written by a later GenreLens; update this one")
        if self._version() < len(MIGRATIONS):
            self._migrate()

    def _migrate(self) -> None:
        with self.transaction() as connection:  # in which another process may have been first
            for number, migrate in enumerate(MIGRATIONS[self._version() :], self._version() + 1):
                migrate(connection)
                connection.execute(f"PRAGMA user_version = {number}")

    def _version(self) -> int:
        return int(self.connection.execute("PRAGMA user_version").fetchone()[0])


class ReadOnlyCatalog(Catalog):
    """A catalog that is only looked into, as a server does for each request.

    Raises:
        CatalogError: there is none, or another GenreLens wrote it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_PATIENCE, isolation_level=None
            )
            self.connection.row_factory = sqlite3.Row
            (version,) = self.connection.execute("PRAGMA user_version").fetchone()
        except sqlite3.Error as error:
            raise CatalogError(
                f"{display_name(path)} cannot be opened ({error}); make it with `genrelens library scan`"
            ) from error
        if version != len(MIGRATIONS):
            self.connection.close()
            raise CatalogError(f"{display_name(path)} was written by another GenreLens; open it with `genrelens library` once")


def path_to_bytes(path: str | os.PathLike[str]) -> bytes:
    """A path as the catalog keeps it: names on disk are bytes, which need not be UTF-8."""
    return os.fsencode(path)


def path_from_bytes(path: bytes) -> Path:
    """The path that `path_to_bytes` made this of."""
    return Path(os.fsdecode(path))
