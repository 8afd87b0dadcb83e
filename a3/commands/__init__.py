"""Commands: `python -m a3.<command> key=value ...`, one form for all."""
