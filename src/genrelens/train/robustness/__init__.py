"""Does a model hear genre, or something that goes along with it? Changes that must not matter, and what they do."""
