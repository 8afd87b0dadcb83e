"""Configuration: composed by Hydra, parsed once into frozen types."""

from a3.config.load import dump, load, parse
from a3.config.schema import Config

__all__ = ["Config", "dump", "load", "parse"]
