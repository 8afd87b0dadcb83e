"""Chat models behind an endpoint: providers, limits, and the one door from text to type."""
