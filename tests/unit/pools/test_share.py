"""A pool's share is a control group where one can be made, else a nice value that says what is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pools import cgroup
from pools.share import CpuShare, nice_for
from pools.spec import PoolSpec
from tests.support.cgroups import busy, fake_tree

NO_TREE = cgroup.NoTree("nothing is mounted")
CORES = 2


@pytest.fixture
def child() -> Iterator[int]:
    """The pid of a process that waits until the test has ended."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process.pid
    process.communicate(b"\n")


def test_a_pool_without_a_share_changes_nothing(tmp_path: Path, child: int) -> None:
    tree = fake_tree(tmp_path, 1)
    share = CpuShare(PoolSpec("p1"), "main", tree, CORES)
    before = os.getpriority(os.PRIO_PROCESS, child)
    share.admit(child)
    assert os.getpriority(os.PRIO_PROCESS, child) == before
    assert not list(tree.home.glob("engine.*"))
    assert (share.how, share.unavailable, share.describe()) == ("none", None, "no share asked for")
    assert share.remove()


@pytest.mark.parametrize("version", [1, 2])
def test_workers_go_into_the_group_and_keep_their_nice_value(tmp_path: Path, version: int, child: int) -> None:
    tree = fake_tree(tmp_path, version)
    share = CpuShare(PoolSpec("p1", cpu=0.25), "main", tree, CORES)
    before = os.getpriority(os.PRIO_PROCESS, child)
    share.admit(child)
    (group,) = tree.home.glob("engine.main.*")
    assert (group / "cgroup.procs").read_text() == str(child)
    assert os.getpriority(os.PRIO_PROCESS, child) == before
    assert share.describe() == f"cgroup v{version}, weighted"
    assert share.remove()
    assert not group.exists()


def test_a_group_that_is_gone_already_counts_as_removed(tmp_path: Path) -> None:
    tree = fake_tree(tmp_path, 1)
    share = CpuShare(PoolSpec("p1", cpu=0.25), "main", tree, CORES)
    (group,) = tree.home.glob("engine.main.*")
    shutil.rmtree(group)
    assert share.remove()
    assert share.remove()


def test_a_group_with_a_process_left_in_it_is_not_reported_as_removed(tmp_path: Path) -> None:
    tree = replace(fake_tree(tmp_path, 1), remove=busy)
    share = CpuShare(PoolSpec("p1", cpu=0.25), "main", tree, CORES)
    assert not share.remove()


def test_a_soft_share_without_groups_becomes_a_nice_value(child: int) -> None:
    share = CpuShare(PoolSpec("p1", cpu=0.25), "main", NO_TREE, CORES)
    share.admit(child)
    assert os.getpriority(os.PRIO_PROCESS, child) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 3)
    assert share.describe() == "nice 3; cgroup unavailable: nothing is mounted"


def test_a_hard_share_without_groups_says_that_the_cap_is_unavailable() -> None:
    share = CpuShare(PoolSpec("p1", cpu=0.25, cpu_hard=True), "main", NO_TREE, CORES)
    assert share.describe() == "nice 3; hard cap unavailable: nothing is mounted"
    assert share.how == "nice"


def test_a_group_that_cannot_be_made_gives_the_reason_and_the_nice_value(tmp_path: Path) -> None:
    tree = fake_tree(tmp_path, 1)
    missing = replace(tree, home=tree.home / "gone")
    share = CpuShare(PoolSpec("p1", cpu=0.25), "main", missing, CORES)
    assert share.how == "nice"
    assert "gone" in str(share.unavailable)
    assert "No such file or directory" in str(share.unavailable)


def test_a_group_with_other_processes_in_it_names_the_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, "_write", lambda file, text: busy(file))
    tree = fake_tree(tmp_path, 2)
    (tree.home / "cgroup.procs").write_text("1\n2\n")
    share = CpuShare(PoolSpec("p1", cpu=0.25), "main", tree, CORES)
    assert "start it in a delegated unit" in str(share.unavailable)


def test_a_worker_that_cannot_be_moved_is_made_nicer_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, child: int
) -> None:
    share = CpuShare(PoolSpec("p1", cpu=0.25), "main", fake_tree(tmp_path, 1), CORES)
    monkeypatch.setattr(cgroup, "_write", lambda file, text: busy(file))
    share.admit(child)
    assert share.how == "nice"
    assert f"worker {child} cannot be moved" in str(share.unavailable)
    assert os.getpriority(os.PRIO_PROCESS, child) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 3)


def test_a_worker_that_has_ended_already_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    CpuShare(PoolSpec("p1", cpu=0.25), "main", NO_TREE, CORES).admit(ended.pid)
    share = CpuShare(PoolSpec("p1", cpu=0.25), "main", fake_tree(tmp_path, 1), CORES)

    def gone(file: Path, text: str) -> None:
        raise ProcessLookupError(text)

    monkeypatch.setattr(cgroup, "_write", gone)
    share.admit(ended.pid)
    assert share.how == "cgroup v1"
    assert share.unavailable is None


def test_every_thread_of_a_worker_is_made_nicer() -> None:
    code = "import threading; threading.Thread(target=input, daemon=True).start(); print(flush=True); input()"
    worker = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert worker.stdout is not None
    worker.stdout.readline()
    CpuShare(PoolSpec("p1", cpu=0.25), "main", NO_TREE, CORES).admit(worker.pid)
    threads = [int(thread) for thread in os.listdir(f"/proc/{worker.pid}/task")]
    wanted = min(19, os.getpriority(os.PRIO_PROCESS, 0) + 3)
    assert len(threads) == 2
    assert {os.getpriority(os.PRIO_PROCESS, thread) for thread in threads} == {wanted}
    worker.communicate(b"\n\n")


@pytest.mark.parametrize(
    ("share", "cores", "workers", "nice"),
    [(0.25, 2, 1, 3), (0.5, 2, 1, 0), (1.0, 64, 4, 0), (0.25, 2, 2, 6), (0.001, 1, 1, 19)],
)
def test_the_nice_value_follows_the_kernels_table(share: float, cores: int, workers: int, nice: int) -> None:
    assert nice_for(share, cores, workers) == nice


@given(
    st.floats(min_value=1e-6, max_value=1),
    st.integers(min_value=1, max_value=512),
    st.integers(min_value=1, max_value=64),
)
def test_less_cpu_is_never_a_lower_nice_value(share: float, cores: int, workers: int) -> None:
    nice = nice_for(share, cores, workers)
    assert 0 <= nice <= 19
    assert nice_for(share / 2, cores, workers) >= nice


def test_a_real_cap_holds_a_busy_process_back() -> None:
    tree = cgroup.find_tree()
    if isinstance(tree, cgroup.NoTree):
        pytest.skip(f"no real control group here: {tree.reason}")
    if tree.version == cgroup.V2:
        pytest.skip("the unified hierarchy would have to move the tests themselves into a group")
    cores = os.cpu_count() or 1
    share = CpuShare(PoolSpec("p1", cpu=0.2 / cores, cpu_hard=True), f"unit-test-cap-{os.getpid()}", tree, cores)
    if share.how == "nice":
        pytest.skip(f"no real control group here: {share.unavailable}")
    burn = (
        "import time; input(); start = time.monotonic()\nwhile time.process_time() < 0.2: pass\nprint(time.monotonic() - start)"
    )
    busy_process = subprocess.Popen([sys.executable, "-c", burn], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        share.admit(busy_process.pid)
        out, _ = busy_process.communicate(b"\n", timeout=30)
    finally:
        busy_process.kill()
        busy_process.wait()
        assert share.remove()
    assert float(out) > 0.4
    assert not list(tree.home.glob(f"engine.unit-test-cap-{os.getpid()}.*"))
