"""Judges: rulings on answers."""
