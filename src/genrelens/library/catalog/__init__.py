"""The catalog: one SQLite file with the tracks of a library, their predictions and failures."""
