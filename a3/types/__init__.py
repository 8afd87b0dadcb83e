"""The types that meet config, disk, a process or a model."""
