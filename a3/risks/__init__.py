"""Risks: fact tables and grammars behind the offline explorer."""
