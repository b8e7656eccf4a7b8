"""Scanning: which audio files a folder holds, and what was added, changed, moved or removed."""
