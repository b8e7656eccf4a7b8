"""The SQLite file that holds a music library."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import platformdirs
from filelock import FileLock, Timeout

from genrelens.errors import CatalogError, LibraryBusyError, display_name
from genrelens.library.catalog.migrations import MIGRATIONS, execute_script

_WRITE_TIMEOUT = 30.0  # seconds that a statement waits while another process writes


def default_path() -> Path:
    """Return the path of the current user's catalog."""
    return Path(platformdirs.user_data_dir("genrelens")) / "library.db"


class Catalog:
    """An open catalog, created or migrated as needed; a context manager that closes it.

    Readers and one writer do not block each other (write-ahead log), and committed data survives a crash of the
    process.

    Raises:
        CatalogError: the file cannot be opened, is not a catalog, or was written by a later version of GenreLens.
    """

    def __init__(self, path: Path) -> None:
        self.path, name = path, display_name(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.connection = sqlite3.connect(path, timeout=_WRITE_TIMEOUT, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise CatalogError(f"{name} cannot be opened ({error}); pass another --catalog") from error
        try:
            self._prepare()
        except BaseException as error:
            self.connection.close()
            if isinstance(error, sqlite3.Error):
                raise CatalogError(f"{name} cannot be used as a catalog ({error}); pass another --catalog") from error
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit everything that the block writes, or roll it back if the block fails.

        Raises:
            CatalogError: the catalog cannot be written: the disk is full, or another process keeps writing.
        """
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:  # a full disk may have ended the transaction already
                    self.connection.execute("ROLLBACK")
                raise
        except sqlite3.OperationalError as error:
            name = display_name(self.path)
            raise CatalogError(f"{name} cannot be written ({error}); its previous contents are safe") from error

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
        with self.transaction() as connection:  # the version is read inside: another process may have been faster
            for number, script in enumerate(MIGRATIONS[self._version() :], self._version() + 1):
                execute_script(connection, script)
                connection.execute(f"PRAGMA user_version = {number}")

    def _version(self) -> int:
        return int(self.connection.execute("PRAGMA user_version").fetchone()[0])


class ReadOnlyCatalog(Catalog):
    """A catalog opened without write access, as a server does for each request.

    Raises:
        CatalogError: the file is missing, or was written by another version of GenreLens.
    """

    def __init__(self, path: Path) -> None:
        self.path, name = path, display_name(path)
        url = f"{path.absolute().as_uri()}?mode=ro"
        try:
            self.connection = sqlite3.connect(url, uri=True, timeout=_WRITE_TIMEOUT, isolation_level=None)
            self.connection.row_factory = sqlite3.Row
            version = self._version()
        except sqlite3.Error as error:
            raise CatalogError(f"{name} cannot be opened ({error}); create it with `genrelens library scan`") from error
        if version != len(MIGRATIONS):
            self.connection.close()
            remedy = "open it once with `genrelens library`"
            raise CatalogError(f"{name} was written by another version of GenreLens; {remedy}")


@contextlib.contextmanager
def catalog_lock(catalog: Catalog, operation: str) -> Iterator[None]:
    """Hold the lock for one operation on a catalog; the system releases it however the process ends.

    The lock file is created next to the catalog. Different operations, such as "run", can run at the same time.

    Raises:
        LibraryBusyError: another process holds the lock.
    """
    try:
        held = FileLock(catalog.path.with_name(f"{catalog.path.name}.{operation}.lock")).acquire(timeout=0)
    except Timeout as error:
        users = f"another `genrelens library {operation}` uses {display_name(catalog.path)}"
        raise LibraryBusyError(f"{users}; wait for it, or stop it") from error
    with held:
        yield


def path_to_bytes(path: str | os.PathLike[str]) -> bytes:
    """Encode a path for the catalog: file names are bytes, which need not be UTF-8."""
    return os.fsencode(path)


def path_from_bytes(path: bytes) -> Path:
    """Decode a path written by `path_to_bytes`."""
    return Path(os.fsdecode(path))
