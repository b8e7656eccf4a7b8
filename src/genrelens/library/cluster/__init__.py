"""Classification on a Ray cluster, with local or remote files."""
