"""Training recipes: their schema, and functions that read and override them."""
