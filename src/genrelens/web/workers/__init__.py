"""Worker processes: pool, messages and the fair queue."""
