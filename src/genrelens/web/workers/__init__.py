"""Worker processes, and the pool that runs jobs on them."""
