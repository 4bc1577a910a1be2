"""A page can be read by Prometheus' own parser, and says what the engine said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from engine.errors import UnsafePath
from engine.metrics.catalogue import METRICS
from engine.metrics.page import Page, ask
from tests.support.counts import stats


def test_every_metric_is_on_the_page_with_its_type_and_help() -> None:
    page = Page(stats)
    body, content_type = page.text()
    assert content_type.startswith("text/plain; version=")
    found = {family.name: family for family in text_string_to_metric_families(body.decode())}
    assert page.is_up
    for metric in METRICS:
        family = found[metric.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (metric.kind, metric.help)
        ends = ("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",)
        assert {sample.name for sample in family.samples} == {f"{metric.name}{end}" for end in ends}
        assert {label for sample in family.samples for label in sample.labels} == set(metric.labels)
    assert len(found) == len(METRICS)


def test_a_client_that_reads_openmetrics_gets_that() -> None:
    body, content_type = Page(stats).text("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    families = {family.name: family for family in openmetrics.text_string_to_metric_families(body.decode())}
    assert families["engine_tasks_accepted"].samples[0].value == 70


def test_each_page_is_of_its_moment() -> None:
    documents: list[dict[str, Any] | None] = [stats(), None, {**stats(), "uptime_s": 99.0}]
    page = Page(lambda: documents.pop(0))
    first, second, third = (page.text()[0].decode() for _ in range(3))
    assert "engine_uptime_seconds 12.5" in first
    assert [line for line in second.splitlines() if not line.startswith("#")] == ["engine_up 0.0"]
    assert "engine_uptime_seconds 99.0" in third


def test_a_name_that_needs_quoting_does_not_break_the_page() -> None:
    document = stats()
    document["agents"]["kinds"] = {'a"b\\c\nd': 1}
    families = {family.name: family for family in text_string_to_metric_families(Page(lambda: document).text()[0].decode())}
    assert families["engine_kind_agents"].samples[0].labels == {"kind": 'a"b\\c\nd'}


def test_an_engine_that_is_not_there_does_not_answer(tmp_path: Path) -> None:
    assert ask("engine", {"ENGINE_HOME": str(tmp_path / "home")}) is None


def test_a_directory_of_somebody_else_is_not_asked(tmp_path: Path) -> None:
    run = tmp_path / "home" / "run"
    run.mkdir(parents=True, mode=0o777)
    run.chmod(0o777)
    with pytest.raises(UnsafePath):
        ask("engine", {"ENGINE_HOME": str(tmp_path / "home")})
