"""What is printed and what is kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

from rich.console import Console

from bench.figures import Figure, Metric, Reading, figures_of
from bench.report import facts_line, figure_table, json_lines
from bench.results import append_results

AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
FACTS: dict[str, object] = {
    "cores": 2,
    "cpu": "a cpu",
    "kernel": "6.1",
    "python": "3.11.7",
    "packages": {"uvloop": "0.23.0"},
    "filesystem": "ext4",
    "load": [0.5, 0.25, 0.1],
    "commit": "abc+dirty",
}


def figures() -> list[Figure]:
    """Two figures of one workload, the second without a yardstick."""
    metrics = [Metric("map", "tasks/s", "a rate", reach="ratio ≥ 0.3"), Metric("rows", "tasks/s", "another")]
    rounds = [{"map": Reading(value, 4_000_000.0, 10), "rows": Reading(2.0, None, 10)} for value in (1_000_000.0, 2_000_000.0)]
    return figures_of("throughput", metrics, rounds)


def test_the_first_json_line_is_the_workloads_own_figure() -> None:
    first, second = map(json.loads, json_lines(figures(), "abc"))
    assert first == {
        "workload": "throughput",
        "metric": "map",
        "value": 1_500_000,
        "unit": "tasks/s",
        "raw": 4_000_000,
        "ratio": 0.375,
        "n": 10,
        "runs": 2,
        "commit": "abc",
    }
    assert (second["raw"], second["ratio"]) == (None, None)


def test_a_kept_line_is_complete_in_itself(tmp_path: Path) -> None:
    path = append_results(figures(), FACTS, AT, tmp_path / "results")
    first, second = map(json.loads, path.read_text().splitlines())
    assert path.name == "2026-03-04-throughput.jsonl"
    assert first["at"] == "2026-03-04T05:06:07+00:00"
    assert (first["low"], first["high"], first["commit"]) == (1_000_000.0, 2_000_000.0, "abc+dirty")
    assert first["machine"] == second["machine"] == FACTS


def test_results_are_appended_and_never_rewritten(tmp_path: Path) -> None:
    path = append_results(figures(), FACTS, AT, tmp_path)
    before = path.read_bytes()
    append_results(figures(), FACTS, AT, tmp_path)
    assert path.read_bytes() == before + before


def test_the_table_shows_median_range_yardstick_and_aim() -> None:
    console = Console(width=160, record=True, file=StringIO())
    console.print(figure_table(figures()))
    text = console.export_text()
    assert "1,500,000 tasks/s" in text
    assert "1,000,000 - 2,000,000" in text
    assert "0.375" in text
    assert "ratio ≥ 0.3" in text


def test_the_machine_stands_in_one_line() -> None:
    assert facts_line(FACTS) == (
        "2 cores (a cpu), Linux 6.1, Python 3.11.7, uvloop 0.23.0, ext4, load 0.5 0.25 0.1, commit abc+dirty"
    )
