"""Classification of all pending tracks of a catalog in worker processes."""
