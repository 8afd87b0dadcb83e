"""From a configured endpoint to a model that answers."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from a3.errors import ConfigError
from a3.llm.endpoint import Endpoint
from a3.llm.line import Line
from a3.llm.provider import Provider
from a3.types.endpoint import EndpointSpec


def connect(spec: EndpointSpec, line: Line, draw: int = 0) -> Endpoint:
    """An endpoint with its provider. Raises ConfigError without what it needs.

    Replies found under one `draw` are not found under another.
    """
    if reason := why_not(spec):
        raise ConfigError(
            "an endpoint needs its key and an address",
            reason,
            "set it: a key by `export NAME=...`, an address by ...endpoint.base_url=",
        )
    return Endpoint(spec, _provider(spec), line, draw=draw)


def why_not(spec: EndpointSpec) -> str | None:
    """What is missing for a call, if anything; nothing is asked of the service."""
    key = _key(spec)
    if spec.key_variable and not key:
        return f"{spec.key_variable} is not set"
    if key and not (key.isascii() and key.isprintable()):
        return f"{spec.key_variable} holds a character that no key does, a line break perhaps"
    if spec.base_url is not None and not _is_address(spec.base_url):
        return f"base_url={spec.base_url} is no address like https://host:8000/v1"
    return None


def _is_address(url: str) -> bool:
    try:
        found = urlsplit(url)
        return found.scheme in {"http", "https"} and bool(found.hostname) and found.port != 0
    except ValueError:  # Of a port that is no number, say.
        return False


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
