"""Albums: which tracks belong together, and the genre they agree on."""
