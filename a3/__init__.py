"""A3 repairs language models: it explores a failure, builds data, tunes, and proves the repair."""

__version__ = "0.1.0"
