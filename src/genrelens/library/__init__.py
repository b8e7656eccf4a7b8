"""A music library: what is in it, what each track is, and what was changed in its files."""
