"""The estimate in words: calls, tokens, dollars and hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from a3.config import Config
from a3.estimate.assumed import BASIS, SECONDS
from a3.estimate.call_kinds import Calls, calls
from a3.types.endpoint import EndpointSpec, Price

ROLES = {
    "model.source.endpoint": "target",
    "agent.endpoint": "agent",
    "judge.endpoint": "judge",
    "judge.final.endpoint": "final judge",
}
"""Who is called under which key of the configuration."""


def told(config: Config) -> str:
    """Calls, tokens, dollars and hours, line by line; what is unknown is called so, never 0."""
    most, likely = calls(config), calls(config, expected=True)
    if not most:
        return "no calls to any API, $0"
    specs = endpoints(config)
    lines = [f"at most {_sum(most, specs)}; expected {_sum(likely, specs)}"]
    for who, spec in specs.items():
        each = [_detailed([c for c in made if c.who == who], spec) for made in (most, likely)]
        lines.append(f"{spec.model} as {who}: at most {each[0]}; expected {each[1]}")
    hours = [sum(_seconds(c, specs[c.who]) for c in made) / 3600 for made in (likely, most)]
    pace = ", ".join(f"{who} {SECONDS[who]:g} s" for who in specs)
    return (
        "\n         ".join(lines) + f"\n         (expected: {BASIS})\n"
        f"  hours: calls about {hours[0]:.1f}, at most {hours[1]:.1f} (assumed of one: {pace}); "
        "training and answers on this machine unknown"
    )


def endpoints(config: Config) -> dict[str, EndpointSpec]:
    """Who is called where."""
    return {ROLES[key]: spec for key, spec in config.endpoints.items()}


def _seconds(made: Calls, spec: EndpointSpec) -> float:
    return made.n * SECONDS[made.who] / min(spec.concurrency, made.at_once)


def _sum(made: Sequence[Calls], specs: Mapping[str, EndpointSpec]) -> str:
    parts = [_usd(specs[c.who].known_price, c.tokens_in, c.tokens_out) for c in made]
    known = [usd for usd in parts if usd is not None]
    usd = sum(known) if len(known) == len(parts) else None
    return f"{sum(c.n for c in made):,} calls, {_dollars(usd)}"


def _detailed(made: Sequence[Calls], spec: EndpointSpec) -> str:
    tokens_in, tokens_out = sum(c.tokens_in for c in made), sum(c.tokens_out for c in made)
    return (
        f"{sum(c.n for c in made):,} calls ({tokens_in / 1e6:.1f} M tokens in, "
        f"{tokens_out / 1e6:.1f} M out, {_dollars(_usd(spec.known_price, tokens_in, tokens_out))})"
    )


def _usd(price: Price | None, tokens_in: int, tokens_out: int) -> float | None:
    """None where the price is unknown."""
    return None if price is None else (tokens_in * price.input + tokens_out * price.output) / 1e6


def _dollars(usd: float | None) -> str:
    return "dollars unknown" if usd is None else f"${usd:,.2f}"
