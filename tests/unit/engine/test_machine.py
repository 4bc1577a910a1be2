"""The machine is what this process may use of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.machine import available_bytes, read_machine

MEMINFO = "MemTotal:       16000000 kB\nMemFree:  1 kB\nMemAvailable:    9000000 kB\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text(MEMINFO)
    (tmp_path / "sys/fs/cgroup/memory").mkdir(parents=True)
    return tmp_path


def test_memory_is_the_whole_machines_and_cores_are_those_of_this_process(root: Path) -> None:
    machine = read_machine(root)
    assert machine.mem_bytes == 16_000_000 * 1024
    assert machine.cores == len(os.sched_getaffinity(0))
    assert available_bytes(root) == 9_000_000 * 1024


@pytest.mark.parametrize("limit", ["memory.max", "memory/memory.limit_in_bytes"])
def test_in_a_container_memory_is_the_containers(root: Path, limit: str) -> None:
    (root / "sys/fs/cgroup" / limit).write_text("512000000\n")
    assert read_machine(root).mem_bytes == 512_000_000


@pytest.mark.parametrize("no_limit", ["max\n", "9223372036854771712\n", ""])
def test_a_container_without_a_limit_has_the_machines_memory(root: Path, no_limit: str) -> None:
    (root / "sys/fs/cgroup/memory.max").write_text(no_limit)
    assert read_machine(root).mem_bytes == 16_000_000 * 1024


def test_this_machine_has_cores_and_memory() -> None:
    machine = read_machine()
    assert machine.cores >= 1
    assert machine.mem_bytes > 0
    assert available_bytes() > 0
