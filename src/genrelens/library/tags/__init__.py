"""Tag formats: reading and writing the genres of each kind of audio file."""
