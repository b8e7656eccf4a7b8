"""The database schema as numbered migrations, each applied once, in order and atomically."""

import sqlite3

# Files, predictions, failures and runs.
_TRACKS = """
    CREATE TABLE tracks (
        id INTEGER PRIMARY KEY,
        path BLOB NOT NULL UNIQUE,             -- absolute, in the system's encoding
        size INTEGER NOT NULL,                 -- bytes
        mtime_ns INTEGER NOT NULL,
        digest TEXT,                           -- of the encoded audio, if computed
        vanished INTEGER NOT NULL DEFAULT 0    -- 1 if the last scan did not find the file
    );
    CREATE INDEX tracks_by_content ON tracks (size, mtime_ns);
    CREATE TABLE answers (
        track INTEGER PRIMARY KEY REFERENCES tracks ON DELETE CASCADE,
        size INTEGER NOT NULL,                 -- of the file that was classified
        mtime_ns INTEGER NOT NULL,
        genre TEXT NOT NULL,
        confidence REAL NOT NULL,
        model TEXT NOT NULL,
        version TEXT NOT NULL,
        windows TEXT NOT NULL,                 -- number of windows, or 'all'
        prediction TEXT NOT NULL,              -- JSON without the path
        embedding BLOB                         -- float16, mean over the windows; null if the model has none
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
        options TEXT NOT NULL                  -- JSON
    );
"""

# The journal of tag changes, with the patches that undo them.
_CHANGES = """
    CREATE TABLE changes (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
        track INTEGER NOT NULL,                -- kept when the track is removed from the catalog
        path BLOB NOT NULL,                    -- of the file itself, if the track's path is a link
        partial BLOB NOT NULL,                 -- path of the new file until it replaces the old one
        state TEXT NOT NULL,                   -- 'begun', 'prepared', 'written', 'undoing', 'undone'
        old_genres TEXT NOT NULL,              -- JSON, like the new ones
        new_genres TEXT NOT NULL,
        old_size INTEGER NOT NULL,
        old_mtime_ns INTEGER NOT NULL,
        new_size INTEGER,
        new_mtime_ns INTEGER,
        old_hash TEXT,                         -- SHA-256 of the whole file
        new_hash TEXT,
        patch BLOB                             -- turns the new file into the old one
    );
    CREATE INDEX changes_by_run ON changes (run, state);
    CREATE INDEX changes_by_state ON changes (state) WHERE state IN ('begun', 'prepared', 'undoing');
"""

# The revision of the predictions, which indexes and maps depend on, and the map's coordinates.
_UPDATE_REVISION = "BEGIN UPDATE revision SET stamp = hex(randomblob(16)); END"
_SIMILARITY = f"""
    CREATE TABLE revision (stamp TEXT NOT NULL);           -- changes with every change of a prediction
    INSERT INTO revision VALUES (hex(randomblob(16)));
    CREATE TRIGGER answers_added AFTER INSERT ON answers {_UPDATE_REVISION};
    CREATE TRIGGER answers_changed AFTER UPDATE ON answers {_UPDATE_REVISION};
    CREATE TRIGGER answers_removed AFTER DELETE ON answers {_UPDATE_REVISION};
    CREATE TABLE map (
        stamp TEXT NOT NULL,                               -- the revision that the map was computed from
        model TEXT NOT NULL,
        version TEXT NOT NULL
    );
    CREATE TABLE places (
        track INTEGER PRIMARY KEY REFERENCES tracks ON DELETE CASCADE,
        x REAL NOT NULL,                                   -- 0 to 1
        y REAL NOT NULL
    );
"""

MIGRATIONS = (_TRACKS, _CHANGES, _SIMILARITY)


def execute_script(connection: sqlite3.Connection, script: str) -> None:
    """Execute statements one by one: `executescript` would commit the open transaction first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
