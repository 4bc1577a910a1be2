"""What is done on a node: a version is switched to in one go, two are kept, and two cannot install at once."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import threading
import zipfile
from importlib.metadata import distribution
from math import sqrt
from pathlib import Path

import pytest

from engine.cluster import fabriconnode, onnode
from engine.cluster.install import pools_text
from engine.cluster.node import Address, Node
from engine.cluster.wheel import file_name, write_wheel


def made(root: Path, version: str, age: int) -> None:
    folder = root / "versions" / version
    folder.mkdir(parents=True)
    (folder / "whole").write_text("")
    os.utime(folder, (1_000_000 - age, 1_000_000 - age))


def test_the_version_that_is_used_and_the_one_before_are_kept(tmp_path: Path) -> None:
    onnode.probe({"root": str(tmp_path)})
    for age, version in enumerate(("c", "b", "a")):
        made(tmp_path, version, age)
    (tmp_path / "wheels" / "old.whl").write_text("")
    order = {"root": str(tmp_path), "wheels": {}, "is_kept": False}
    for version, left in (("a", {"a", "c"}), ("c", {"a", "c"})):
        (tmp_path / onnode.SENT).write_text("agents: 1\n")
        onnode.switch({**order, "version": version})
        assert (tmp_path / "pools.yaml").read_text() == "agents: 1\n"
        assert (tmp_path / "current").readlink() == Path("versions") / version
        assert {one.name for one in (tmp_path / "versions").iterdir()} == left
    assert list((tmp_path / "wheels").iterdir()) == []
    assert onnode.probe({"root": str(tmp_path)})["current"] == "c"
    (tmp_path / onnode.SENT).write_text("agents: 2\n")
    onnode.switch({**order, "version": "c", "is_kept": True})
    assert (tmp_path / "pools.yaml").read_text() == "agents: 1\n"
    assert not (tmp_path / onnode.SENT).exists()


def test_only_one_installs_at_a_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    order = json.dumps({"do": "probe", "root": str(tmp_path)})
    with (tmp_path / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("77\n")
        lock.flush()
        with monkeypatch.context() as impatient:
            impatient.setattr(onnode, "WAIT_S", 0.0)
            assert onnode.main([order]) == 0
        message = json.loads(capsys.readouterr().out)["message"]
        assert message == f"somebody else (pid 77) is installing in {tmp_path}: wait for the end, or engine cluster stop"

        # One that goes on after its caller was killed is waited for.
        monkeypatch.setattr(onnode.time, "sleep", lambda _s: fcntl.flock(lock, fcntl.LOCK_UN))
        assert onnode.main([order]) == 0
    assert json.loads(capsys.readouterr().out)["ok"]
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize("is_link", [False, True])
def test_a_folder_that_cannot_be_made_is_named_with_the_mend(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], is_link: bool
) -> None:
    root = tmp_path / "c"
    if is_link:
        root.symlink_to(tmp_path / "nowhere")
    else:
        root.write_text("")
    assert onnode.main([json.dumps({"do": "probe", "root": str(root)})]) == 0
    said = f"{root}: it is there, and no folder; mend that there, or give the cluster another folder"
    assert json.loads(capsys.readouterr().out)["message"] == said


def test_what_installs_without_its_caller_is_found_and_ended(tmp_path: Path) -> None:
    order = json.dumps({"do": "install", "root": str(tmp_path)})
    others = json.dumps({"do": "install", "root": str(tmp_path / "other")})
    nap = b"import time; time.sleep(1000)"
    started = []
    for words in (["-I", "-", order], ["-I", "-", others], ["-c", nap.decode(), f"{tmp_path}/wheels/pip-1.whl/pip"]):
        process = subprocess.Popen([sys.executable, *words], stdin=subprocess.PIPE)
        assert process.stdin is not None
        process.stdin.write(nap)
        process.stdin.close()
        started.append(process)
    ours, other, pip = started
    try:
        assert fabriconnode.left_over(tmp_path) == sorted([ours.pid, pip.pid])
        for process in (ours, pip):  # who ends them is not who has started them: they are gone once that has waited
            threading.Thread(target=process.wait).start()
        assert fabriconnode.leave({"root": str(tmp_path), "is_emergency": True})["was_running"]
        assert other.poll() is None
    finally:
        for process in started:
            process.kill()
            process.wait()


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (Node("n1", Address("h"), "worker", 500), "agents: 650\npools:\n  node:\n    agents: 650\n    workers: 4\n"),
        (
            Node("n1", Address("h"), "worker", 500, "50%", 2_000_000_000),
            "agents: 650\npools:\n  node:\n    agents: 650\n    workers: 2\n    cpu: 50%\n    mem: 2GB\n",
        ),
    ],
)
def test_a_node_has_as_many_workers_as_it_may_use_cores(node: Node, text: str) -> None:
    assert pools_text(node, 4) == text
    with pytest.raises(ValueError, match="more than this machine"):
        pools_text(Node("n1", Address("h"), "worker", 1, "5"), 4)


def test_a_node_keeps_its_workers_whatever_its_share_becomes() -> None:
    node, more = Node("n1", Address("h"), "worker", 500), Node("n1", Address("h"), "worker", 5_000, "50%")
    assert pools_text(more, 4, pools_text(node, 4)) == pools_text(more, 8)
    assert "workers: 2\n" in pools_text(more, 4, "agents: 10\npools: {p1: {agents: 10, workers: 4}}\n")


@pytest.mark.parametrize("agents", [1, 10, 100, 999, 2_500, 40_000, 10_000_000])
def test_an_engine_has_room_for_all_that_can_fall_on_its_node_by_chance(agents: int) -> None:
    assert Node("n1", Address("h"), "worker", agents).limit > agents + 6 * sqrt(agents)


def test_a_wheel_of_what_is_installed_has_its_files_and_is_the_same_each_time(tmp_path: Path) -> None:
    found = distribution("jmespath")
    for name in ("one.whl", "two.whl"):
        write_wheel(found, tmp_path / name)
    assert (tmp_path / "one.whl").read_bytes() == (tmp_path / "two.whl").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.whl") as archive:
        names = archive.namelist()
        assert archive.testzip() is None
    record = f"jmespath-{found.version}.dist-info/RECORD"
    assert {"jmespath/__init__.py", record, f"jmespath-{found.version}.dist-info/METADATA"} <= set(names)
    assert not [name for name in names if name.endswith((".pyc", "INSTALLER")) or name.startswith("..")]
    assert file_name(found) == f"jmespath-{found.version}-py3-none-any.whl"
