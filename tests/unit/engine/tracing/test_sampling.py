"""What OpenTelemetry's variables say about sampling."""

from __future__ import annotations

import pytest

from engine.errors import ConfigError
from engine.tracing.sampling import tracer_of
from pools.span import CLIENT, Parent

SAMPLED, UNSAMPLED = (Parent("f" * 32, "1" * 16, is_sampled) for is_sampled in (True, False))


@pytest.mark.parametrize(
    ("environ", "first", "sampled", "unsampled"),
    [
        ({}, True, True, False),
        ({"OTEL_TRACES_SAMPLER": ""}, True, True, False),
        ({"OTEL_TRACES_SAMPLER": "always_on"}, True, True, True),
        ({"OTEL_TRACES_SAMPLER": "always_off"}, False, False, False),
        ({"OTEL_TRACES_SAMPLER": "parentbased_always_off"}, False, True, False),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}, False, False, False),
        ({"OTEL_TRACES_SAMPLER": "traceidratio"}, True, True, True),
        ({"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}, False, True, False),
    ],
)
def test_a_sampler(environ: dict[str, str], first: bool, sampled: bool, unsampled: bool) -> None:
    tracer = tracer_of(environ, lambda _span: None)
    begun = [tracer.begin("send", CLIENT, parent) is not None for parent in (None, SAMPLED, UNSAMPLED)]
    assert begun == [first, sampled, unsampled]


@pytest.mark.parametrize("said", ["2", "-1", "x", "nan"])
def test_a_share_that_is_none(said: str) -> None:
    with pytest.raises(ConfigError, match="share"):
        tracer_of({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": said}, lambda _span: None)


def test_a_sampler_that_there_is_not() -> None:
    with pytest.raises(ConfigError, match="parentbased_traceidratio"):
        tracer_of({"OTEL_TRACES_SAMPLER": "jaeger_remote"}, lambda _span: None)
