"""From a configured endpoint to a model that answers."""

from __future__ import annotations

import os

from a3.errors import ConfigError
from a3.llm.endpoint import Endpoint
from a3.llm.line import Line
from a3.llm.provider import Provider
from a3.types.endpoint import EndpointSpec


def connect(spec: EndpointSpec, line: Line, draw: int = 0) -> Endpoint:
    """An endpoint with its provider. Raises ConfigError without the key that it needs.

    Replies found under one `draw` are not found under another.
    """
    if reason := why_not(spec):
        raise ConfigError("an endpoint needs its key", reason, f"export {spec.key_variable}=...")
    return Endpoint(spec, _provider(spec), line, draw=draw)


def why_not(spec: EndpointSpec) -> str | None:
    """What is missing for a call, if anything; nothing is asked of the service."""
    if spec.key_variable and not _key(spec):
        return f"{spec.key_variable} is not set"
    return None


def _provider(spec: EndpointSpec) -> Provider:
    key = _key(spec)
    if spec.provider == "anthropic":
        from a3.llm.anthropic import Anthropic

        return Anthropic(spec, key)
    from a3.llm.openai_compatible import OpenAICompatible

    return OpenAICompatible(spec, key)


def _key(spec: EndpointSpec) -> str | None:
    """Without the line break that a file or a paste leaves behind it."""
    return os.environ.get(spec.key_variable, "").strip() or None if spec.key_variable else None
