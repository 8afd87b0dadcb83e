"""The search: proposers over a fixed space, and selection."""
