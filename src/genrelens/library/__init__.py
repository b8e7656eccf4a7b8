"""Music libraries: the catalog of tracks and predictions, and what is done with it."""
