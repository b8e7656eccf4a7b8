"""Defaults shared by Python, the command line, the REST API and the beets plugin; imports nothing."""

DEFAULT_MODEL = "lens"
DEFAULT_WINDOWS = 3  # windows analysed per track, evenly spaced
