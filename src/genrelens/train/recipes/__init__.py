"""Training recipes: their schema, and reading and overriding them."""
