"""The metrics of an engine as one page, at the moment when it is asked for.

Owns the question to the engine and the way of its answer into prometheus-client's families, of which that makes the text. An
engine that does not answer is a page too: it says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family

from engine.errors import NotRunning, UnsafePath
from engine.line import Line
from engine.metrics.catalogue import COUNTER, HISTOGRAM, Metric, Sample, samples_of
from pools.errors import LinkClosed

__all__ = ["Page", "ask"]

#: Seconds that an engine may take to answer: less than half of what Prometheus waits for a page, which may come second.
ANSWER_S = 4.0


def ask(name: str, environ: Mapping[str, str]) -> Mapping[str, Any] | None:
    """The engine's document of `stats`, None where it does not answer. Raises UnsafePath."""
    try:
        with Line(name, environ, timeout_s=ANSWER_S) as line:
            found: Mapping[str, Any] = line.request("stats")
            return found
    except UnsafePath:
        raise
    except (NotRunning, LinkClosed, OSError):
        return None


class Page:
    """Makes pages. asked: gives a document of `stats`, None where the engine is away."""

    def __init__(self, asked: Callable[[], Mapping[str, Any] | None]) -> None:
        self._asked = asked
        #: Whether the engine answered when the last page was made.
        self.is_up = False
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def describe(self) -> list[Family]:
        """Nothing: what there is depends on the engine."""
        return []

    def collect(self) -> Iterator[Family]:
        """The families of now."""
        stats = self._asked()
        self.is_up = stats is not None
        for metric, samples in samples_of(stats):
            family = _family(metric, list(samples))
            if family.samples:
                yield family

    def text(self, accepted: str = "") -> tuple[bytes, str]:
        """The page and its content type. accepted: the header in which a client says what it reads."""
        encode, content_type = choose_encoder(accepted)
        return encode(self._registry), content_type


def _family(metric: Metric, samples: list[Sample]) -> Family:
    if metric.kind == HISTOGRAM:
        *buckets, (_, total) = samples
        family = HistogramMetricFamily(metric.name, metric.help)
        family.add_metric([], [(bound, count) for (bound,), count in buckets], total)
        return family
    kind = CounterMetricFamily if metric.kind == COUNTER else GaugeMetricFamily
    found: Family = kind(metric.name, metric.help, labels=metric.labels)
    for labels, value in samples:
        found.add_metric(list(labels), value)  # type: ignore[attr-defined]
    return found
