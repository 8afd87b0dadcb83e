"""A model behind an API, as configured."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from a3.types.base import Frozen


class Price(Frozen):
    """Dollars per million tokens, and what cached input costs beside other input."""

    model: str | None = None
    """The model whose price this is; None: whichever is called."""
    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cache_read: float = Field(default=1.0, ge=0)
    """Times `input`."""
    cache_write: float = Field(default=1.0, ge=0)
    """Times `input`."""


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
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """What chat completions call it: OpenAI's reasoning models take the second alone."""
    concurrency: int = Field(gt=0)
    """Most calls in flight; fewer while the provider is short of room."""
    attempts: int = Field(gt=0)
    timeout_s: float = Field(gt=0)
    price: Price | None = None
    """None: unknown, and never taken for free."""

    @property
    def known_price(self) -> Price | None:
        """None where the price is unknown, or another model's."""
        price = self.price
        return price if price is not None and price.model in (None, self.model) else None

    @model_validator(mode="after")
    def _no_secret_is_written(self) -> EndpointSpec:
        # A run folder holds the configuration. Of the whole, so that the error does not show it.
        if self.base_url and _may_hold_a_key(self.base_url):
            raise ValueError(
                "base_url may hold no user, password, query or fragment, since it is written to "
                "the run folder; put the key into an environment variable and name that in "
                "key_variable"
            )
        return self


def _may_hold_a_key(url: str) -> bool:
    """Whether there is more in an address than where to go, as far as it can be read."""
    try:
        place = urlsplit(url).netloc or url
    except ValueError:
        place = url
    return "@" in place or "?" in url or "#" in url
