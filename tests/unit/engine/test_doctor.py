"""The doctor sees what is wrong with the set-up, names the mend, and touches nothing."""

from __future__ import annotations

import errno
import os
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from engine.config import Config, load
from engine.daemon import claimed
from engine.doctor import (
    check_config,
    check_cpu,
    check_daemon,
    check_directory,
    check_memory,
    check_place,
    check_recording,
    check_room,
    check_variables,
    checks,
)
from engine.machine import Machine
from engine.paths import Paths, find_paths
from engine.rewind.ring import Ring
from engine.rewind.scribe import packed
from pools.cgroup import CpuTree, NoTree
from pools.spec import PoolSpec

MACHINE = Machine(cores=2, mem_bytes=8_000_000_000)
NO_TREE = NoTree("nothing is mounted")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return load(None, flags={}, environ={}, cwd=tmp_path, machine=MACHINE)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = find_paths("main", {"ENGINE_HOME": str(tmp_path)})
    found.prepare()
    return found


def test_a_sound_machine_gets_no_bad_finding_and_nothing_is_changed(tmp_path: Path) -> None:
    found = checks(None, "main", {"ENGINE_HOME": str(tmp_path / "home")}, tmp_path)
    assert [one for one in found if one.verdict == "bad"] == []
    assert [one.name for one in found] == [
        "python",
        "linux",
        "pidfd",
        "memfd",
        "packages",
        "open files",
        "configuration",
        "variables",
        "cpu",
        "memory",
        "runtime directory",
        "state directory",
        "disk",
        "daemon",
        "recording",
    ]
    assert list(tmp_path.iterdir()) == []


def test_every_finding_that_is_not_good_names_a_mend(tmp_path: Path) -> None:
    (tmp_path / "pools.yaml").write_text("pools: {p1: {cpu: 10%, cpu_hard: true, mem: 1MB}}\n")
    found = checks(None, "main", {"ENGINE_HOME": "relative", "ENGINE_AGNETS": "1"}, tmp_path)
    assert {one.name: one.verdict for one in found}["variables"] == "warn"
    for one in found:
        assert (one.mend is None) == (one.verdict == "ok"), one


def test_a_broken_configuration_is_one_finding_and_the_rest_is_still_looked_at(tmp_path: Path) -> None:
    (tmp_path / "pools.yaml").write_text("pools:\n  p1: {mem: 128XB}\n")
    found = checks(None, "main", {"ENGINE_HOME": str(tmp_path)}, tmp_path)
    (bad,) = [one for one in found if one.verdict == "bad"]
    assert bad.name == "configuration"
    assert f"{tmp_path / 'pools.yaml'}:2: pools.p1.mem" in bad.said
    assert found[-1].name == "recording"


def test_a_broken_dotenv_file_is_one_finding(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ENGINE_AGENTS='x\n")
    found = checks(None, "main", {"ENGINE_HOME": str(tmp_path)}, tmp_path)
    assert [one.name for one in found if one.verdict == "bad"] == ["configuration"]


def test_dotenv_decides_where_the_doctor_looks(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"ENGINE_HOME={tmp_path}/home\n")
    found = {one.name: one for one in checks(None, "main", {}, tmp_path)}
    assert f"{tmp_path}/home/run/main" in found["runtime directory"].said


def test_a_named_file_that_is_missing_is_found_out(tmp_path: Path) -> None:
    found, config = check_config(Path("no.yaml"), {}, tmp_path)
    assert (found.verdict, config) == ("bad", None)
    assert "there is no file" in found.said


def test_a_variable_that_nobody_reads_is_named_with_the_one_that_was_meant(config: Config) -> None:
    assert check_variables(config, {"ENGINE_AGENTS": "1", "ENGINE_POOLS__P1__CPU": "1%"}).verdict == "ok"
    found = check_variables(config, {"ENGINE_AGNETS": "1"})
    assert found.verdict == "warn"
    assert "ENGINE_AGNETS (did you mean ENGINE_AGENTS?)" in found.said
    assert found.mend == "unset ENGINE_AGNETS"


def test_shares_as_control_groups_are_well(config: Config, tmp_path: Path) -> None:
    found = check_cpu(config, CpuTree(1, tmp_path, "1-1"))
    assert found.verdict == "ok"
    assert str(tmp_path) in found.said


def test_shares_by_nice_are_a_warning_that_says_why(config: Config) -> None:
    found = check_cpu(config, NO_TREE)
    assert (found.verdict, found.said) == ("warn", "nice is used for shares: nothing is mounted")


def test_a_cap_that_cannot_be_had_says_that_it_is_unavailable(config: Config) -> None:
    capped = replace(config, pools=(PoolSpec("p1", cpu=0.5, cpu_hard=True), PoolSpec("p2", cpu=0.5)))
    assert check_cpu(capped, NO_TREE).said.startswith("the cap of p1 is unavailable and nice is used")


def test_a_group_that_holds_other_processes_is_found_out_before_it_is_tried(config: Config, tmp_path: Path) -> None:
    (tmp_path / "cgroup.type").write_text("domain\n")
    (tmp_path / "cgroup.procs").write_text("1\n2\n")
    (tmp_path / "cgroup.subtree_control").write_text("memory\n")
    tree = CpuTree(2, tmp_path, "1-1")
    assert "Delegate=yes" in str(check_cpu(config, tree).mend)
    (tmp_path / "cgroup.procs").write_text("1\n")
    assert check_cpu(config, tree).verdict == "ok"
    (tmp_path / "cgroup.procs").write_text("1\n2\n")
    (tmp_path / "cgroup.subtree_control").write_text("memory cpu\n")
    assert check_cpu(config, tree).verdict == "ok"
    assert check_cpu(config, CpuTree(1, tmp_path, "1-1")).verdict == "ok"


def test_pools_that_ask_for_no_share_need_no_group(config: Config) -> None:
    assert check_cpu(replace(config, pools=(PoolSpec("p1"),)), NO_TREE).verdict == "ok"


def test_memory_that_the_pools_may_use_but_is_not_there_is_a_warning(config: Config) -> None:
    assert check_memory(config, 512_000_000).verdict == "ok"
    found = check_memory(config, 511_000_000)
    assert (found.verdict, found.said) == ("warn", "511MB available, the pools may use 512MB")


def test_a_pool_too_small_for_its_own_workers_is_named(config: Config) -> None:
    small = replace(config, pools=(PoolSpec("p1", mem_bytes=30_000_000, workers=2),))
    found = check_memory(small, 10**10)
    assert found.verdict == "warn"
    assert "p1 has 30MB, 2 workers" in found.said


def test_a_disk_without_room_or_that_is_read_only_is_bad_and_says_what_becomes_of_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "not" / "made"
    assert check_room(data).verdict == "ok"
    here = os.statvfs(tmp_path)
    for facts, said in (({8: here.f_flag | os.ST_RDONLY}, "read only"), ({4: 0}, "changes are refused")):
        columns = [facts.get(at, value) for at, value in enumerate(here)]
        monkeypatch.setattr(os, "statvfs", lambda _path, columns=columns: os.statvfs_result(columns))
        found = check_room(data)
        assert (found.verdict, said in found.said) == ("bad", True)
        assert found.mend

    def broken(path: object) -> None:
        raise OSError(5, "Input/output error", str(path))

    monkeypatch.setattr(os, "statvfs", broken)
    assert check_room(data).verdict == "bad"


def test_no_daemon_is_well(paths: Paths) -> None:
    assert check_daemon(paths).said == "no engine 'main' runs"


def test_a_running_daemon_is_found_with_its_pid(paths: Paths) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(paths.socket))
        listener.listen()
        found = check_daemon(paths)
    assert (found.verdict, found.said) == ("ok", f"engine 'main' runs (pid {os.getpid()})")


def test_the_socket_of_a_killed_daemon_is_a_warning_and_is_left_there(paths: Paths) -> None:
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(paths.socket))
    found = check_daemon(paths)
    assert found.verdict == "warn"
    assert "was left by an engine that was killed" in found.said
    assert paths.socket.exists()


def test_a_daemon_that_takes_no_connection_is_bad(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(line: object, address: str) -> None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(paths.socket))
        monkeypatch.setattr(socket.socket, "connect", full)
        found = check_daemon(paths)
    assert found.verdict == "bad"
    assert "temporarily unavailable" in found.said


def test_a_plain_file_in_the_sockets_place_is_bad(paths: Paths) -> None:
    paths.socket.touch()
    found = check_daemon(paths)
    assert (found.verdict, found.mend) == ("bad", f"rm {paths.socket}")


def test_directories_that_are_there_are_ones_own_or_are_told_the_command(paths: Paths) -> None:
    assert check_directory("runtime directory", paths.runtime).verdict == "ok"
    paths.runtime.parent.chmod(0o755)
    found = check_directory("runtime directory", paths.runtime)
    assert (found.verdict, found.mend) == ("bad", f"chmod 700 {paths.runtime.parent}")


def test_a_directory_that_could_not_be_made_is_bad_before_it_is_tried(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = check_directory("state directory", tmp_path / "file" / "state")
    assert found.verdict == "bad"
    assert "ENGINE_HOME" in str(found.mend)


def test_a_socket_path_that_is_too_long_is_bad(tmp_path: Path) -> None:
    (found,) = check_place("main", {"ENGINE_HOME": str(tmp_path / ("x" * 120))})
    assert found.verdict == "bad"
    assert "at most 107" in found.said


def test_a_bad_name_is_bad() -> None:
    (found,) = check_place("My Engine", {})
    assert found.verdict == "bad"


def test_a_session_directory_that_is_passed_over_is_a_warning(tmp_path: Path) -> None:
    session = tmp_path / "session"
    session.mkdir()
    session.chmod(0o777)
    environ = {"XDG_RUNTIME_DIR": str(session), "TMPDIR": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    found = {one.name: one for one in check_place("main", environ)}
    if Path(f"/run/user/{os.getuid()}").exists():
        pytest.skip("this user has a session directory, which is used instead")
    assert found["session"].verdict == "warn"
    session.chmod(0o700)
    assert "session" not in {one.name for one in check_place("main", environ)}
    shutil.rmtree(session)


def recorded(paths: Paths, *instants_s: float) -> None:
    ring = Ring(paths.rewind)
    ring.open()
    for time_s in instants_s:
        ring.add(int(time_s * 1000), packed({"stats": {"time_s": time_s}}))
    ring.close()


def test_what_was_recorded_is_counted_whether_an_engine_runs_or_not(paths: Paths) -> None:
    assert check_recording(paths, 1_000.0).said == "0 instants in 0MB"
    assert not paths.rewind.exists()
    recorded(paths, 1.0, 2.0)
    assert (check_recording(paths, 1_000.0).verdict, check_recording(paths, 1_000.0).said) == ("ok", "2 instants in 0MB")


def test_an_engine_that_runs_and_records_nothing_is_told(paths: Paths) -> None:
    recorded(paths, 1.0, 2.0)
    with claimed(paths):
        began_s = paths.lock.stat().st_mtime
        assert check_recording(paths, began_s + 29).verdict == "ok"
        found = check_recording(paths, began_s + 60)
        assert (found.verdict, found.mend) == ("warn", "engine stats --json | jq .rewind says why; it goes on by itself")
        assert "has recorded nothing for" in found.said
        recorded(paths, began_s + 59)
        assert check_recording(paths, began_s + 60).verdict == "ok"


def test_a_directory_that_is_open_to_others_is_another_checks_finding(paths: Paths) -> None:
    recorded(paths, 1.0)
    paths.runtime.chmod(0o777)
    assert check_recording(paths, 1_000.0).said == "1 instants in 0MB"


def test_damage_of_what_was_recorded_is_named(paths: Paths) -> None:
    recorded(paths, 1.0, 2.0, 3.0)
    (file,) = paths.rewind.glob("*.rewind")
    data = bytearray(file.read_bytes())
    data[60] ^= 1
    file.write_bytes(data)
    found = check_recording(paths, 1_000.0)
    assert found.verdict == "warn"
    assert f"1 cannot be read, the first in {file} at byte 16: " in found.said


@pytest.mark.skipif(os.getuid() == 0, reason="root may read every folder")
def test_a_folder_that_may_not_be_read_is_told(paths: Paths) -> None:
    recorded(paths, 1.0)
    paths.rewind.chmod(0)
    try:
        assert check_recording(paths, 1.0).said == f"{paths.rewind}: Permission denied"
    finally:
        paths.rewind.chmod(0o700)
