"""Names, types, help and units of every metric are as Prometheus wants them, and each says what the document says."""

from __future__ import annotations

import re
from typing import Any

import pytest

from engine.metrics.catalogue import COUNTER, GAUGE, HISTOGRAM, KINDS, METRICS, Metric, samples_of
from tests.support.counts import stats

#: Units that are no base units, by a part of a name.
DERIVED = {
    "ms", "milliseconds", "us", "microseconds", "ns", "nanoseconds", "minutes", "hours", "days", "kb", "mb", "gb", "kib", "mib",
    "gib", "kilobytes", "megabytes", "gigabytes", "bits", "percent", "percentage", "min", "minute",
}  # fmt: skip
#: Labels that would have a value for each agent, task or client.
ENDLESS = {"agent", "task", "task_id", "id", "pid", "session", "client", "key", "method", "trace", "trace_id"}


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_name_is_as_promtool_wants_it(metric: Metric) -> None:
    assert re.fullmatch(r"engine(_[a-z][a-z0-9]*)+", metric.name)
    parts = metric.name.split("_")
    assert not DERIVED & set(parts)
    assert not {GAUGE, COUNTER, HISTOGRAM, "metric", "count", "sum", "bucket"} & set(parts)
    assert (parts[-1] == "total") is (metric.kind == COUNTER)
    assert parts[-1] != "info" or metric.kind == GAUGE
    for unit in ("bytes", "seconds"):
        assert unit not in parts or parts[-1] == unit or parts[-2:] == [unit, "total"]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_help_is_a_sentence_and_labels_have_few_values(metric: Metric) -> None:
    assert re.fullmatch(r"[A-Z][^\n]+\.", metric.help)
    assert len(metric.help) <= 120
    assert not ENDLESS & set(metric.labels)
    assert all(re.fullmatch(r"[a-z_]+", label) and not label.startswith("__") for label in metric.labels)
    assert ("le" in metric.labels) is (metric.kind == HISTOGRAM)


def test_no_name_is_there_twice() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def read(document: dict[str, Any] | None) -> dict[str, dict[tuple[str, ...], float]]:
    return {metric.name: dict(samples) for metric, samples in samples_of(document)}


def test_each_metric_says_what_the_document_says() -> None:
    found = read(stats())
    assert found["engine_up"] == {(): 1}
    assert found["engine_build_info"] == {("0.1.0", "sync"): 1}
    assert found["engine_agents"] == {("live",): 3, ("asleep",): 2, ("dormant",): 5}
    assert found["engine_tasks_ended_total"] == {("done",): 60, ("failed",): 4, ("cancelled",): 2, ("expired",): 1}
    assert found["engine_workers"] == {("running",): 3, ("away",): 1}
    assert found["engine_alerts"] == {("agent",): 1, ("queue",): 0}
    assert found["engine_pool_tasks_ended_total"] == {
        ("p1", "done"): 40, ("p1", "failed"): 3, ("p2", "done"): 20, ("p2", "failed"): 1,
    }  # fmt: skip
    assert found["engine_pool_memory_limit_bytes"] == {("p1",): 128e6}
    assert found["engine_pool_frames_bytes_total"][("p2", "out")] == 400
    assert found["engine_log_dropped_total"] == {(): 7}
    assert found["engine_keeper_restarts_total"] == {(): 2}


def test_a_keeper_and_a_log_that_there_are_not_say_nothing() -> None:
    found = read({**stats(), "keeper": None, "log": None})
    assert found["engine_keeper_restarts_total"] == found["engine_log_events_total"] == {}


def test_buckets_are_cumulative_and_end_with_all() -> None:
    found = read(stats())["engine_task_duration_seconds"]
    assert found["6.4e-05",] == 2  # 63 us, and nothing of what lasted 64
    assert found["0.000128",] == 5
    assert found["1.048576",] == 9
    assert found["67.108864",] == 9
    assert (found["+Inf",], found["sum",]) == (10, 0.0505)
    counts = [count for bound, count in found.items() if bound != ("sum",)]
    assert counts == sorted(counts)


def test_of_an_engine_that_does_not_answer_one_thing_is_known() -> None:
    assert read(None) == {"engine_up": {(): 0}}


def test_a_thousand_kinds_have_a_hundred_samples_and_one_for_the_rest() -> None:
    kinds = {f"kind_{at}": 1_000 - at for at in range(1_000)}
    found = read(stats() | {"agents": stats()["agents"] | {"kinds": kinds}})["engine_kind_agents"]
    assert len(found) == KINDS + 1
    assert sum(found.values()) == sum(kinds.values())
    assert found["kind_0",] == 1_000
    assert ("kind_100",) not in found
    some = dict(list(kinds.items())[:KINDS])
    assert read(stats() | {"agents": stats()["agents"] | {"kinds": some}})["engine_kind_agents"] == {
        (name,): count for name, count in some.items()
    }
