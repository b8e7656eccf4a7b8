"""Tag formats: how a genre is read from and written to each kind of file."""
