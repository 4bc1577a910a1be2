"""`engine cluster sprint` on two hosts: placed through a node, done on both, looked at through any that answers."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.clusters import write
from tests.support.commands import Commands
from tests.support.nodes import MAKER
from tests.support.processes import until
from tests.support.sshhosts import Hosts
from tests.support.tinywheels import tiny
from tests.support.voyages import OLD, backlog, hook

#: Two engines, a server, gateways and drivers share a small machine with other tests.
pytestmark = pytest.mark.timeout(400)

ITEMS = 12


def two(engine: Commands, there: Hosts, folder: Path) -> list[Path]:
    """Two hosts that are one cluster, with agents that make files; the folders of the nodes."""
    made = [there.add() for _ in range(2)]
    for at, host in enumerate(made):
        host.home = folder / f"h{at}"
        host.home.mkdir()
    timing = {"heartbeat_s": 0.5, "suspicious_s": 2, "offline_s": 4, "leader_lease_s": 3, "leader_check_s": 0.5}
    write(engine, there, [host.port for host in made], more={"timing": timing})
    done = engine("cluster", "up", "--wheelhouse", str(tiny(folder / "wheels")), timeout_s=200)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "code").mkdir()
    (folder / "code" / "maker.py").write_text(MAKER)
    words = ("cluster", "spawn", "--use", "maker:Maker", "--path", str(folder / "code"), "--count", "20")
    spawned = engine(*words)
    assert spawned.returncode == 0, spawned.stdout + spawned.stderr
    return [folder / f"h{at}" / "c" for at in range(2)]


def said(engine: Commands, *words: str) -> tuple[int, str]:
    """What `engine cluster sprint` ends with, and says."""
    done = engine("cluster", "sprint", *words, timeout_s=200)
    return done.returncode, done.stdout + done.stderr


def placed(engine: Commands, file: Path) -> str:
    """The order of a backlog that was placed."""
    return str(json.loads(said(engine, "run", str(file), "--detach", "--json")[1])["order"])


def listed(engine: Commands) -> dict[str, Any]:
    """The newest sprint."""
    newest: dict[str, Any] = json.loads(said(engine, "ls", "--json")[1])["sprints"][0]
    return newest


def chain(folder: Path, name: str, *files: str) -> Path:
    """A backlog whose items wait each for the one before."""
    row = backlog(folder, len(files), (), name)
    items = [f"{name}{at}" for at in range(len(files))]
    tasks = [
        task | {"id": item, "args": [str(folder), file], "artifacts": [file], "after": items[at - 1 : at] if at else []}
        for at, (task, item, file) in enumerate(zip(row["tasks"], items, files, strict=False))
    ]
    place = folder / f"{name}.json"
    place.write_text(json.dumps(row | {"tasks": tasks}))
    return place


def told_what_to_do(engine: Commands, folder: Path) -> None:
    """A sprint stands still, goes on, and ends early; one that waits for it is taken out."""
    assert said(engine, "pause") == (2, "engine: pause which sprint? no sprint runs; write its id\n")
    hold = folder / "hold"
    hold.touch()
    runs = lambda: (folder / "runs").read_text().split()  # noqa: E731 - a word for the lines
    file = chain(folder, "more", "f101", "f102", "f103")
    order = placed(engine, file)
    asyncio.run(until(lambda: "f101" in runs(), 100))
    code, text = said(engine, "pause")
    assert (code, text.endswith("is paused: nothing more is sent, and its time stands still\n")) == (0, True), text
    sprint = text.split()[0]
    second = placed(engine, file)
    assert said(engine, "abort", second) == (0, f"{second} is taken out of the queue\n")
    hold.unlink()
    newest = listed(engine)
    while newest["verdicts"] != {"done": 1}:
        newest = listed(engine)
    assert (newest["id"], newest["order"], newest["is_paused"], newest["phase"]) == (sprint, order, True, "exec")
    hold.touch()
    assert runs()[-1] == "f101", "what was paused sent on"
    assert said(engine, "resume", order) == (0, f"{sprint} goes on\n")
    asyncio.run(until(lambda: "f103" in runs(), 100))
    assert json.loads(said(engine, "abort", sprint, "--json")[1]) == {
        "schema": "engine.cluster.sprint/v1",
        "id": sprint,
        "asked": "abort",
        "is_obeyed": True,
    }
    hold.unlink()


def taken_back(engine: Commands, folder: Path, first: dict[str, Any], nodes: list[Path]) -> None:
    """What a later sprint shipped counts no more, on the node that drives, once it is taken back."""
    [before] = first["releases"]
    assert said(engine, "rollback")[0] == 2, "there is none before the first"
    assert said(engine, "run", str(chain(folder, "extra", "f110")))[0] == 0
    code, text = said(engine, "rollback", "--json")
    assert code == 0, text
    back = json.loads(text)
    assert (back["to"], back["releases"], back["not_noted"]) == (before["release"], "releases", [])
    current = nodes[int(back["node"][1:]) - 1] / "releases" / "current"
    assert current.readlink().name == before["release"]
    assert not (current / "files" / "f110").exists()
    print(f"a release was taken back, and current on the node that drives, within {back['seconds']:.2f} s")
    code, text = said(engine, "rollback", back["id"])
    assert (code, text.startswith(f"{back['from']} is current again, {back['to']} no more, in ")) == (0, True), text
    assert (current / "files" / "f110").exists()


def test_a_backlog_is_placed_worked_on_and_shown(engine: Commands, there: Hosts, tmp_path: Path) -> None:
    file = tmp_path / "app.json"
    row = backlog(tmp_path, ITEMS, [hook(tmp_path)])
    try:
        nodes = two(engine, there, tmp_path)
        file.write_text(json.dumps(row | {"roles": {"maker": {"kind": "stranger", "agents": 1}}}))
        refused = engine("cluster", "sprint", "run", str(file), timeout_s=100)
        assert (refused.returncode, "no node has agents of the kind stranger" in refused.stderr) == (2, True), refused.stderr

        file.write_text(json.dumps(row))
        done = engine("cluster", "sprint", "run", str(file), "--json", timeout_s=200)
        assert done.returncode == 1, done.stderr  # some items have no evidence
        told = json.loads(done.stdout)
        [sprint] = told["sprints"]
        assert (told["error"], sprint["phase"], sprint["verdicts"]) == (None, "ended", {"done": ITEMS, "unproven": 1 + OLD})
        [release] = sprint["releases"]
        assert (tmp_path / "ships").read_text().split() == [release["release"]]
        files = [node / "releases" / "current" / "files" for node in nodes]
        assert [len(list(one.iterdir())) for one in files if one.exists()] == [ITEMS]

        listed = json.loads(engine("cluster", "sprint", "ls", "--json", timeout_s=100).stdout)
        assert listed["sprints"] == [sprint]
        shown = engine("cluster", "sprint", "show", sprint["id"], timeout_s=100)
        assert "claimed: unproven, it answered and had no effect" in shown.stdout
        unknown = engine("cluster", "sprint", "settle", sprint["id"], timeout_s=100)
        assert (unknown.returncode, sprint["id"] in unknown.stderr) == (2, True)
        assert engine("cluster", "sprint", "mend", timeout_s=100).returncode == 2
        told_what_to_do(engine, tmp_path)
        taken_back(engine, tmp_path, sprint, nodes)

        left = row | {"tasks": [task for task in row["tasks"] if task["method"] != "claim"]}
        file.write_text(json.dumps(left | {"name": "app"}))
        again = engine("cluster", "sprint", "run", str(file), timeout_s=200)
        assert (again.returncode, again.stdout) == (0, "nothing of app is left to do\n"), again.stderr
        stats = json.loads(engine("cluster", "stats", "--json").stdout)["fabric"]
        assert stats["driver"]["node"] in ("n1", "n2")
    finally:
        stopped = engine("cluster", "stop", "--emergency", timeout_s=200)
    assert stopped.returncode == 0, stopped.stderr
