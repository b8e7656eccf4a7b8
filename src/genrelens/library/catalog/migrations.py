"""How the catalog's tables came to be: numbered steps, each done once, in order, whole or not at all."""

import sqlite3
from collections.abc import Callable


def tracks(connection: sqlite3.Connection) -> None:
    """Files, what was told of them, and why nothing could be."""
    _run(
        connection,
        """
        CREATE TABLE tracks (
            id INTEGER PRIMARY KEY,
            path BLOB NOT NULL UNIQUE,             -- absolute, as the system spells it
            size INTEGER NOT NULL,                 -- bytes
            mtime_ns INTEGER NOT NULL,
            digest TEXT,                           -- of the encoded audio, where it was asked for
            vanished INTEGER NOT NULL DEFAULT 0    -- whether the last scan did not find it
        );
        CREATE INDEX tracks_by_content ON tracks (size, mtime_ns);
        CREATE TABLE answers (
            track INTEGER PRIMARY KEY REFERENCES tracks ON DELETE CASCADE,
            size INTEGER NOT NULL,                 -- of the file that was judged
            mtime_ns INTEGER NOT NULL,
            genre TEXT NOT NULL,
            confidence REAL NOT NULL,
            model TEXT NOT NULL,
            version TEXT NOT NULL,
            windows TEXT NOT NULL,                 -- how many were heard, or 'all'
            prediction TEXT NOT NULL,              -- as JSON, without its path
            embedding BLOB                         -- float16, the mean over the windows; if the model gives one
        );
        CREATE INDEX answers_by_genre ON answers (genre, confidence);
        CREATE TABLE failures (
            track INTEGER PRIMARY KEY REFERENCES tracks ON DELETE CASCADE,
            size INTEGER NOT NULL,
            mtime_ns INTEGER NOT NULL,
            type TEXT NOT NULL,
            message TEXT NOT NULL
        );
        CREATE TABLE runs (
            id INTEGER PRIMARY KEY,
            began TEXT NOT NULL,                   -- ISO 8601, UTC
            options TEXT NOT NULL                  -- as JSON
        );
        """,
    )


def changes(connection: sqlite3.Connection) -> None:
    """What was written into files, with what makes the old ones of them again."""
    _run(
        connection,
        """
        CREATE TABLE changes (
            id INTEGER PRIMARY KEY,
            run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
            track INTEGER NOT NULL,                -- kept when the catalog forgets the track
            path BLOB NOT NULL,                    -- of the file itself, where the track's is a link
            partial BLOB NOT NULL,                 -- the new file, until it takes the old one's place
            state TEXT NOT NULL,                   -- 'begun', 'prepared', 'written', 'undoing', 'undone'
            old_genres TEXT NOT NULL,              -- as JSON, as are the new ones
            new_genres TEXT NOT NULL,
            old_size INTEGER NOT NULL,
            old_mtime_ns INTEGER NOT NULL,
            new_size INTEGER,
            new_mtime_ns INTEGER,
            old_hash TEXT,                         -- SHA-256 of the whole file
            new_hash TEXT,
            patch BLOB                             -- from the new file to the old one
        );
        CREATE INDEX changes_by_run ON changes (run, state);
        CREATE INDEX changes_by_state ON changes (state) WHERE state IN ('begun', 'prepared', 'undoing');
        """,
    )


def similarity(connection: sqlite3.Connection) -> None:
    """What tells that embeddings have changed, and where tracks lie on the map that was drawn of them."""
    changed = "BEGIN UPDATE revision SET stamp = hex(randomblob(16)); END"
    _run(
        connection,
        f"""
        CREATE TABLE revision (stamp TEXT NOT NULL);           -- another whenever an answer is
        INSERT INTO revision VALUES (hex(randomblob(16)));
        CREATE TRIGGER answers_added AFTER INSERT ON answers {changed};
        CREATE TRIGGER answers_changed AFTER UPDATE ON answers {changed};
        CREATE TRIGGER answers_removed AFTER DELETE ON answers {changed};
        CREATE TABLE map (
            stamp TEXT NOT NULL,                               -- the revision that it was made of
            model TEXT NOT NULL,
            version TEXT NOT NULL
        );
        CREATE TABLE places (
            track INTEGER PRIMARY KEY REFERENCES tracks ON DELETE CASCADE,
            x REAL NOT NULL,                                   -- 0 to 1
            y REAL NOT NULL
        );
        """,
    )


def _run(connection: sqlite3.Connection, script: str) -> None:
    """Run statements one by one: `executescript` would first commit what the migration is to be one with."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (tracks, changes, similarity)
