"""The page about logs, metrics and traces says what there is, and Grafana's dashboard asks for what there is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.metrics.catalogue import COUNTER, HISTOGRAM, METRICS
from engine.tracing.exporter import EXPORTERS
from engine.tracing.sampling import SAMPLERS
from pools import hearing, speech
from pools.span import ATTRIBUTES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "observability.md").read_text()
DASHBOARD: dict[str, Any] = json.loads((ROOT / "examples" / "grafana" / "engine.json").read_text())
#: Panels of the classic model that need no plug-in.
PANELS = {"row", "stat", "timeseries", "table"}
UNITS = {"short", "ops", "s", "bytes", "Bps", "percentunit"}


def rows(heading: str) -> list[list[str]]:
    """The cells of a table of the page, by its first heading."""
    _, _, table = PAGE.partition(f"| {heading} |")
    lines = table.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines]


def test_the_table_of_metrics_is_that_of_the_code() -> None:
    told = [[metric.name, metric.kind, ", ".join(metric.labels) or "-", metric.help] for metric in METRICS]
    assert rows("metric") == told


def test_the_table_of_attributes_is_that_of_the_code() -> None:
    assert rows("attribute") == [list(pair) for pair in ATTRIBUTES.items()]


def test_its_numbers_and_names_are_those_of_the_code() -> None:
    workers = f"{speech.RATE_BYTES >> 10} KiB a second and {speech.BURST_BYTES >> 20} MiB at once"
    programs = f"programs in workers {hearing.RATE_BYTES >> 10} KiB and {hearing.BURST_BYTES >> 20} MiB"
    assert f"A worker may say {workers}; {programs}" in PAGE
    assert all(f"`{name}`" in PAGE for name in EXPORTERS)
    assert any(f"parentbased_{name}" in PAGE for name in SAMPLERS)


def panels() -> Iterator[dict[str, Any]]:
    for panel in DASHBOARD["panels"]:
        yield panel
        yield from panel.get("panels", ())


def queries() -> Iterator[str]:
    """Every question of the dashboard to Prometheus."""
    for panel in panels():
        yield from (target["expr"] for target in panel.get("targets", ()))
    yield from (one["expr"] for one in DASHBOARD["annotations"]["list"] if "expr" in one)
    yield from (one["definition"] for one in DASHBOARD["templating"]["list"] if "definition" in one)


def known() -> dict[str, tuple[str, set[str]]]:
    """Every name that a question may have, with the type and the labels of its metric."""
    found: dict[str, tuple[str, set[str]]] = {}
    for metric in METRICS:
        ends = ("_bucket", "_sum", "_count") if metric.kind == HISTOGRAM else ("",)
        found |= {f"{metric.name}{end}": (metric.kind, {*metric.labels, "instance"}) for end in ends}
    return found


@pytest.mark.parametrize("query", sorted(set(queries())))
def test_every_question_is_about_a_metric_that_there_is(query: str) -> None:
    names = re.findall(r"\bengine_[a-z_]+", query)
    assert names
    for name in names:
        assert name in known(), name
    labels = set().union(*(known()[name][1] for name in names))
    matchers = re.findall(r"([a-z_]+)\s*=~?\"", query)
    grouped = [label.strip() for group in re.findall(r"by \(([^)]*)\)", query) for label in group.split(",")]
    assert {*matchers, *grouped} <= labels
    assert query.count("(") == query.count(")")
    assert query.count("{") == query.count("}")


@pytest.mark.parametrize("query", sorted({query for query in queries() if "label_values" not in query}))
def test_what_only_grows_is_asked_for_as_a_rate(query: str) -> None:
    for name in re.findall(r"\bengine_[a-z_]+", query):
        is_growing = known()[name][0] in (COUNTER, HISTOGRAM)
        is_rate = re.search(rf"(?:rate|increase|changes)\({name}\{{[^}}]*\}}\[\$__(?:rate_)?interval\]\)", query) is not None
        assert is_rate is is_growing, name


def test_every_metric_is_on_the_dashboard() -> None:
    asked = " ".join(queries())
    assert [metric.name for metric in METRICS if metric.name not in asked] == []


def test_labels_of_legends_are_those_of_the_answers() -> None:
    for panel in panels():
        for target in panel.get("targets", ()):
            shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            grouped = {label.strip() for group in re.findall(r"by \(([^)]*)\)", target["expr"]) for label in group.split(",")}
            assert shown <= grouped, target["expr"]


def test_the_dashboard_has_the_form_that_grafana_documents() -> None:
    assert DASHBOARD["id"] is None
    assert 8 <= len(DASHBOARD["uid"]) <= 40
    assert (DASHBOARD["title"], DASHBOARD["timezone"], DASHBOARD["schemaVersion"]) == ("Engine", "browser", 39)
    for name, kind in {"tags": list, "panels": list, "links": list, "editable": bool, "time": dict, "refresh": str}.items():
        assert type(DASHBOARD[name]) is kind
    assert set(DASHBOARD["time"]) == {"from", "to"}
    assert type(DASHBOARD["templating"]["list"]) is type(DASHBOARD["annotations"]["list"]) is list
    numbers = [panel["id"] for panel in panels()]
    assert len(set(numbers)) == len(numbers)


def test_panels_have_a_place_of_their_own_and_a_source() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        assert panel["type"] in PANELS
        assert panel["title"]
        place = panel["gridPos"]
        assert set(place) == {"x", "y", "w", "h"}
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }  # fmt: skip
        assert not taken & cells, panel["title"]
        taken |= cells
        if panel["type"] == "row":
            continue
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["fieldConfig"]["defaults"].get("unit", "short") in UNITS
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references) > 0


def test_variables_that_are_used_are_there() -> None:
    names = [one["name"] for one in DASHBOARD["templating"]["list"]]
    assert names == ["datasource", "instance", "pool"]
    used = {name for query in queries() for name in re.findall(r"\$(?!__)\{?(\w+)", query)}
    assert used <= set(names)
