"""The base of every type that meets config, disk, a process or a model."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Immutable, and strict about unknown fields, so that a stale file or a typo is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
