"""Which traces are recorded: what OTEL_TRACES_SAMPLER and its argument say. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.errors import ConfigError
from pools.span import Span, Tracer

__all__ = ["tracer_of"]

#: Each sampler with the share that it means, None where its argument says it.
SAMPLERS = {"always_on": 1.0, "always_off": 0.0, "traceidratio": None}
PARENTAL = "parentbased_"


def tracer_of(environ: Mapping[str, str], take: Callable[[Span], None]) -> Tracer:
    """What begins spans as the environment says. take: told those that have ended.  Raises ConfigError."""
    named = environ.get("OTEL_TRACES_SAMPLER") or "parentbased_always_on"
    sampler = named.removeprefix(PARENTAL)
    if sampler not in SAMPLERS:
        known = [*SAMPLERS, *(f"{PARENTAL}{name}" for name in SAMPLERS)]
        raise ConfigError(f"{named!r} is none of {', '.join(known)}", key="OTEL_TRACES_SAMPLER")
    ratio = SAMPLERS[sampler]
    if ratio is None:
        said = environ.get("OTEL_TRACES_SAMPLER_ARG") or "1"
        try:
            ratio = float(said)
        except ValueError:
            ratio = -1.0
        if not 0 <= ratio <= 1:
            raise ConfigError(f"{said!r} is not a share from 0 to 1", key="OTEL_TRACES_SAMPLER_ARG")
    return Tracer(take, ratio, is_parental=named.startswith(PARENTAL))
