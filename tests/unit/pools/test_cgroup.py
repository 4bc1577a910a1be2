"""Groups are made below our own, weighted and capped as the kernel's interface asks, and taken away again."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pools import cgroup
from tests.support.cgroups import PID, STARTED, busy, fake_root, fake_tree, start_process

OWNER = f"{PID}-{STARTED}"


@pytest.mark.parametrize("version", [1, 2])
def test_the_tree_is_the_group_that_this_process_is_in(tmp_path: Path, version: int) -> None:
    home = fake_root(tmp_path, version)
    assert cgroup.find_tree(tmp_path) == cgroup.CpuTree(version, home, OWNER, tmp_path)


def test_a_container_that_sees_only_its_part_of_the_hierarchy_finds_its_group_in_it(tmp_path: Path) -> None:
    fake_root(tmp_path, 1)
    mount = "32 31 0:29 /docker/abc /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
    (tmp_path / "proc/self/mountinfo").write_text(mount)
    (tmp_path / "proc/self/cgroup").write_text("3:cpu:/docker/abc/init\n")
    home = tmp_path / "sys/fs/cgroup/cpu/init"
    home.mkdir(parents=True)
    found = cgroup.find_tree(tmp_path)
    assert isinstance(found, cgroup.CpuTree)
    assert found.home == home


def test_a_mount_point_with_a_space_is_read_as_the_kernel_writes_it(tmp_path: Path) -> None:
    fake_root(tmp_path, 1)
    (tmp_path / "proc/self/mountinfo").write_text("32 31 0:29 / /my\\040groups rw - cgroup cgroup rw,cpu\n")
    (tmp_path / "my groups/user/shell").mkdir(parents=True)
    found = cgroup.find_tree(tmp_path)
    assert isinstance(found, cgroup.CpuTree)
    assert found.home == tmp_path / "my groups/user/shell"


@pytest.mark.parametrize("group", ["/../outside", "/docker/other"])
def test_a_group_outside_what_is_mounted_is_no_place(tmp_path: Path, group: str) -> None:
    fake_root(tmp_path, 1)
    mount = "32 31 0:29 /docker/abc /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
    (tmp_path / "proc/self/mountinfo").write_text(mount)
    (tmp_path / "proc/self/cgroup").write_text(f"3:cpu:{group}\n")
    found = cgroup.find_tree(tmp_path)
    assert isinstance(found, cgroup.NoTree)
    assert "no cpu controller is mounted" in found.reason


def test_a_unified_hierarchy_without_the_cpu_controller_is_no_place(tmp_path: Path) -> None:
    fake_root(tmp_path, 2, controllers="memory pids")
    found = cgroup.find_tree(tmp_path)
    assert isinstance(found, cgroup.NoTree)


def test_a_hybrid_machine_uses_the_hierarchy_that_holds_the_cpu_controller(tmp_path: Path) -> None:
    home = fake_root(tmp_path, 1)
    mounts = tmp_path / "proc/self/mountinfo"
    mounts.write_text("41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n" + mounts.read_text())
    found = cgroup.find_tree(tmp_path)
    assert isinstance(found, cgroup.CpuTree)
    assert (found.version, found.home) == (1, home)


def test_a_group_that_is_not_writable_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = fake_root(tmp_path, 1)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert cgroup.find_tree(tmp_path) == cgroup.NoTree(f"{home} is not writable for this user")


def test_a_root_without_proc_says_which_file_is_missing(tmp_path: Path) -> None:
    found = cgroup.find_tree(tmp_path)
    assert isinstance(found, cgroup.NoTree)
    assert str(tmp_path / "proc/self/mountinfo") in found.reason


def test_a_soft_group_of_the_old_interface_weighs_its_cores_and_has_no_cap(tmp_path: Path) -> None:
    tree = fake_tree(tmp_path, 1)
    group = cgroup.make_group(tree, "main", "p1", 0.5, is_hard=False)
    assert group == tree.home / f"engine.main.{OWNER}.p1.0"
    assert (group / "cpu.shares").read_text() == "512"
    assert (group / "cpu.cfs_quota_us").read_text() == "-1"


def test_a_hard_group_of_the_old_interface_has_a_cap_too(tmp_path: Path) -> None:
    group = cgroup.make_group(fake_tree(tmp_path, 1), "main", "p1", 0.5, is_hard=True)
    assert (group / "cpu.cfs_quota_us").read_text() == "50000"
    assert (group / "cpu.cfs_period_us").read_text() == "100000"


@pytest.mark.parametrize(("is_hard", "cap"), [(False, "max 100000"), (True, "150000 100000")])
def test_a_group_of_the_new_interface_has_a_weight_and_a_cap_if_hard(tmp_path: Path, is_hard: bool, cap: str) -> None:
    tree = fake_tree(tmp_path, 2)
    group = cgroup.make_group(tree, "main", "p1", 1.5, is_hard=is_hard)
    assert (tree.home / "cgroup.subtree_control").read_text() == "+cpu"
    assert (group / "cpu.weight").read_text() == "150"
    assert (group / "cpu.max").read_text() == cap


@given(cores=st.floats(min_value=1e-6, max_value=4096), version=st.sampled_from([1, 2]))
def test_every_share_stays_within_what_the_kernel_takes(
    tmp_path_factory: pytest.TempPathFactory, cores: float, version: int
) -> None:
    tree = fake_tree(tmp_path_factory.mktemp("root"), version)
    group = cgroup.make_group(tree, "main", "p1", cores, is_hard=True)
    if version == 1:
        assert 2 <= int((group / "cpu.shares").read_text()) <= 262_144
        assert int((group / "cpu.cfs_quota_us").read_text()) >= 1_000
    else:
        assert 1 <= int((group / "cpu.weight").read_text()) <= 10_000
        assert int((group / "cpu.max").read_text().split()[0]) >= 1_000


def test_two_pools_of_one_name_in_one_process_get_groups_of_their_own(tmp_path: Path) -> None:
    tree = fake_tree(tmp_path, 1)
    first = cgroup.make_group(tree, "main", "p1", 0.5, is_hard=False)
    second = cgroup.make_group(tree, "main", "p1", 1.0, is_hard=False)
    assert first != second
    assert (first / "cpu.shares").read_text() == "512"


def test_a_group_that_cannot_be_set_up_is_not_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = fake_tree(tmp_path, 1)
    before = sorted(tree.home.iterdir())
    write = cgroup._write

    def refuse_quota(file: Path, text: str) -> None:
        if file.name == "cpu.cfs_quota_us":
            raise OSError(errno.EINVAL, "Invalid argument", str(file))
        write(file, text)

    monkeypatch.setattr(cgroup, "_write", refuse_quota)
    with pytest.raises(OSError, match="Invalid argument"):
        cgroup.make_group(tree, "main", "p1", 0.5, is_hard=True)
    assert sorted(tree.home.iterdir()) == before


def refuse_while_occupied(tree: cgroup.CpuTree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the fake group refuse to hand out cpu while its own list of processes is not empty, as the kernel does."""
    write = cgroup._write

    def kernel(file: Path, text: str) -> None:
        if file.name == "cgroup.subtree_control" and (tree.home / "cgroup.procs").read_text().split():
            busy(file)
        if file.name == "cgroup.procs":
            left = [pid for pid in (tree.home / "cgroup.procs").read_text().split() if pid != text]
            (tree.home / "cgroup.procs").write_text("\n".join(left))
        write(file, text)

    monkeypatch.setattr(cgroup, "_write", kernel)


def test_an_engine_alone_in_its_group_moves_aside_before_it_hands_out_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = fake_tree(tmp_path, 2)
    refuse_while_occupied(tree, monkeypatch)
    group = cgroup.make_group(tree, "main", "p1", 1.0, is_hard=False)
    aside = tree.home / f"engine.main.{OWNER}._self.0"
    assert (aside / "cgroup.procs").read_text() == str(PID)
    assert (tree.home / "cgroup.subtree_control").read_text() == "+cpu"
    assert group.parent == tree.home
    (tmp_path / "proc/self/cgroup").write_text(f"0::/user/shell/{aside.name}\n")
    found = cgroup.find_tree(tmp_path)
    assert isinstance(found, cgroup.CpuTree)
    assert found.home == tree.home


def test_an_engine_that_shares_its_group_with_others_leaves_them_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = fake_tree(tmp_path, 2)
    refuse_while_occupied(tree, monkeypatch)
    (tree.home / "cgroup.procs").write_text(f"{PID}\n99\n")
    with pytest.raises(OSError, match=os.strerror(errno.EBUSY)):
        cgroup.make_group(tree, "main", "p1", 1.0, is_hard=False)
    assert (tree.home / "cgroup.procs").read_text().split() == [str(PID), "99"]
    assert not list(tree.home.glob("engine.*"))


def test_groups_of_dead_engines_of_the_name_are_removed_and_no_others(tmp_path: Path) -> None:
    tree = fake_tree(tmp_path, 1)
    start_process(tmp_path, 50, started=1)
    start_process(tmp_path, 51, started=9)
    gone = ["engine.main.49-1.p1.0", "engine.main.51-1.p1.0"]
    kept = [
        "engine.main.50-1.p1.0",
        "engine.other.49-1.p1.0",
        "engine.main",
        "engine.main.x",
        f"engine.main.{OWNER}.p1.0",
    ]
    for name in (*gone, *kept):
        (tree.home / name).mkdir()
    assert cgroup.remove_stale(tree, "main") == gone
    assert sorted(path.name for path in tree.home.glob("engine.*")) == sorted(kept)


def test_a_stale_group_that_still_holds_a_process_is_left_for_the_next_start(tmp_path: Path) -> None:
    tree = replace(fake_tree(tmp_path, 1), remove=busy)
    (tree.home / "engine.main.49-1.p1.0").mkdir()
    assert cgroup.remove_stale(tree, "main") == []
    assert cgroup.remove_stale(replace(tree, remove=shutil.rmtree), "main") == ["engine.main.49-1.p1.0"]


def real_tree() -> cgroup.CpuTree:
    """The machine's own tree, or a skip that says why there is none."""
    found = cgroup.find_tree()
    if isinstance(found, cgroup.NoTree):
        pytest.skip(f"no real control group here: {found.reason}")
    if found.version == cgroup.V2:
        pytest.skip("the unified hierarchy would have to move the tests themselves into a group")
    return found


def test_a_real_process_is_moved_into_a_real_group_which_is_removed_after_it() -> None:
    tree = real_tree()
    try:
        group = cgroup.make_group(tree, "unit-test", "p1", 0.5, is_hard=True)
    except OSError as refused:
        pytest.skip(f"no real control group here: {refused}")
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        cgroup.move_into(group, child.pid)
        assert (group / "cgroup.procs").read_text().split() == [str(child.pid)]
        assert (group / "cpu.cfs_quota_us").read_text() == "50000\n"
        with pytest.raises(OSError, match=os.strerror(errno.EBUSY)):
            tree.remove(group)
    finally:
        child.communicate(b"\n")
        tree.remove(group)
    with pytest.raises(ProcessLookupError):
        cgroup.move_into(tree.home, child.pid)


def test_the_real_group_of_a_killed_engine_is_found_and_removed() -> None:
    tree = real_tree()
    make = (
        "import os, signal\n"
        "from pools import cgroup\n"
        "cgroup.make_group(cgroup.find_tree(), 'unit-test-killed', 'p1', 0.5, is_hard=False)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    here = os.pathsep.join(path for path in sys.path if path)
    killed = subprocess.run([sys.executable, "-c", make], env={**os.environ, "PYTHONPATH": here}, check=False)
    if killed.returncode == 1:
        pytest.skip("no real control group here: making one was refused")
    removed = cgroup.remove_stale(tree, "unit-test-killed")
    assert len(removed) == 1
    assert not list(tree.home.glob("engine.unit-test-killed.*"))
