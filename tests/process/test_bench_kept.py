"""The workloads of what is kept, in their short form: each measures all it names with a real engine, and leaves nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path

import psutil
import pytest

from bench.figures import figures_of
from bench.workload import Size, find_workload

#: Workloads whose engines keep state on the disk.
KEPT = ("durable", "recovery", "coldstart", "growth", "disk", "lz4")


@pytest.mark.parametrize("name", KEPT)
async def test_a_workload_measures_all_that_it_names_and_leaves_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    workload = find_workload(name)
    rounds = [each async for each in workload.rounds(Size(1, is_quick=True))]
    figures = figures_of(name, workload.metrics, rounds)
    assert [figure.metric for figure in figures] == list(workload.metrics)
    assert all(figure.n > 0 for figure in figures)
    assert psutil.Process().children(recursive=True) == []
    assert list(tmp_path.iterdir()) == []
