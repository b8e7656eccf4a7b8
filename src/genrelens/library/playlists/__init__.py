"""Playlists: selection, ordering and playlist file formats."""
