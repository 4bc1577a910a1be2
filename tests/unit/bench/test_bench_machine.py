"""Facts of the machine and of processes, as the kernel gives them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import orjson
import pytest

from bench.machine import machine_facts
from bench.processes import cpu_ns, family, on_one_core, pss_bytes

#: a child that says that it runs, and ends when its input does.
CHILD = [sys.executable, "-c", "import sys; print('up', flush=True); sys.stdin.read()"]


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process of this test."""
    with subprocess.Popen(CHILD, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"up\n"
        yield child


def test_the_facts_name_cores_versions_load_and_commit() -> None:
    facts = machine_facts()
    assert {"cores", "cpu", "memory_bytes", "kernel", "python", "packages", "filesystem", "load", "commit"} == set(facts)
    assert orjson.loads(orjson.dumps(facts)) == facts


def test_a_family_is_a_process_and_its_children(child: subprocess.Popen[bytes]) -> None:
    assert {os.getpid(), child.pid} <= set(family())
    assert family(child.pid) == [child.pid]


def test_memory_of_two_processes_is_more_than_of_one(child: subprocess.Popen[bytes]) -> None:
    assert pss_bytes([os.getpid(), child.pid]) > pss_bytes([child.pid]) > 100_000


def test_cpu_time_of_a_process_grows_with_its_work() -> None:
    before = cpu_ns([os.getpid()])
    sum(range(1_000_000))
    assert cpu_ns([os.getpid()]) > before


def test_a_block_on_one_core_holds_every_process_and_gives_the_cores_back(child: subprocess.Popen[bytes]) -> None:
    before = os.sched_getaffinity(0)
    with on_one_core([os.getpid(), child.pid]) as core:
        assert os.sched_getaffinity(0) == os.sched_getaffinity(child.pid) == {core}
    assert os.sched_getaffinity(0) == os.sched_getaffinity(child.pid) == before
