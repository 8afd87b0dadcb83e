"""A model behind an API, as configured."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from a3.types.base import Frozen


class Price(Frozen):
    """Dollars per million tokens."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cache_read: float | None = Field(default=None, ge=0)
    """None: as `input`."""
    cache_write: float | None = Field(default=None, ge=0)


class EndpointSpec(Frozen):
    """Which model, where, and within which limits."""

    provider: Literal["anthropic", "openai_compatible"]
    model: str
    base_url: str | None = None
    """None: the provider's own."""
    key_variable: str | None = None
    """Environment variable that holds the key; None: the endpoint needs none."""
    settings: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Further fields of every call, as the provider names them (effort, thinking, temperature)."""
    takes_temperature: bool = True
    """Whether calls may name a temperature; current Claude models reject any."""
    max_tokens: int = Field(gt=0)
    concurrency: int = Field(gt=0)
    """Most calls in flight; fewer while the provider is short of room."""
    attempts: int = Field(gt=0)
    timeout_s: float = Field(gt=0)
    price: Price | None = None
    """None: unknown, and never taken for free."""
