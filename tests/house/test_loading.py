"""Nothing is loaded that is not needed: not by `import engine`, not by a worker."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.agents import Doer
from tests.support.processes import running

ROOT = Path(__file__).resolve().parents[2]

#: What an agent's process has no use for.
HEAVY = {
    "numpy", "rich", "textual", "yaml", "psutil", "argparse", "http", "html", "email", "urllib.request", "urllib.error",
    "xml", "multiprocessing", "pickle", "unittest", "pydoc", "doctest", "sqlite3", "curses", "tkinter", "distutils",
    "setuptools", "pip", "requests", "aiohttp", "pytest", "hypothesis", "_pytest", "engine", "sprints", "bench", "tomllib",
    "concurrent.futures.process", "ctypes.util", "pdb", "cgi", "ftplib", "smtplib", "xmlrpc", "wsgiref",
}  # fmt: skip

LIGHT = {
    "asyncio",
    "numpy",
    "uvloop",
    "orjson",
    "lz4",
    "psutil",
    "yaml",
    "rich",
    "argparse",
    "inspect",
    "dataclasses",
    "socket",
    "subprocess",
    "pools",
    "checkpoints",
}


def loaded_by(statement: str, *flags: str) -> set[str]:
    """What a new interpreter has loaded after a statement, beyond what it begins with. flags: of the interpreter."""
    program = f"import sys; before = set(sys.modules); {statement}; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-P", *flags, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {program}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return set(done.stdout.split())


def within(names: set[str], packages: set[str]) -> list[str]:
    return sorted(name for name in names if any(name == package or name.startswith(f"{package}.") for package in packages))


@pytest.mark.parametrize("package", ["engine", "pools", "sprints", "checkpoints"])
def test_importing_a_package_loads_next_to_nothing(package: str) -> None:
    assert within(loaded_by(f"import {package}", "-S"), LIGHT - {package}) == []


#: What the dashboard alone needs, and what it needs for a browser.
SCREENS = {"textual", "textual_plotext", "plotext", "textual_serve", "aiohttp", "rich"}


@pytest.mark.parametrize(
    "statement",
    [
        "from engine.cli.main import main; assert main(['--help']) == 0",
        "import engine.cli.verbs.monitor",
        "import engine.daemon, engine.control, engine.engine",
        "import engine.dashboard.source, engine.dashboard.live, engine.dashboard.feed",
    ],
)
def test_only_an_open_dashboard_loads_what_draws_it(statement: str) -> None:
    assert (
        within(loaded_by(f"import io; sys.stdout, out = io.StringIO(), sys.stdout; {statement}; sys.stdout = out"), SCREENS)
        == []
    )


def test_a_name_of_the_package_loads_its_module_and_only_then() -> None:
    names = loaded_by("import engine; assert 'engine.errors' not in sys.modules; engine.errors", "-S")
    assert "engine.errors" in names
    assert "engine.engine" not in names


def test_the_package_gives_every_name_it_promises_and_no_other() -> None:
    import engine

    for name in engine.__all__:
        assert getattr(engine, name) is not None
    assert dir(engine) == sorted(engine.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = engine.nothing


def test_a_name_of_the_package_stays_what_it_is_when_a_module_of_that_name_is_loaded() -> None:
    names = loaded_by(
        "from engine import Engine, Client, task; import engine, engine.detached; from engine import task as again; "
        "assert task is again is engine.task and callable(task); from engine.task import Task"
    )
    assert "engine.task" in names


async def test_a_live_worker_has_loaded_nothing_heavy() -> None:
    async with running() as engine:
        await engine.spawn("doer", 1)
        await engine.spawn("asker", 1)
        await engine.ask("asker/0", "hear", 1)
        modules = set(await engine.ask("doer/0", "do", "modules"))
    assert "uvloop" in modules
    assert "pools.worker" in modules or "pools.executor" in modules
    assert within(modules, HEAVY) == []


async def test_a_worker_with_the_shipped_kinds_has_loaded_them_and_nothing_else_of_their_floor() -> None:
    async with running(kinds=["engine.kinds.memory:Memory", "engine.kinds.topic:Topic", Doer]) as engine:
        await engine.spawn("doer", 1)
        await engine.ask("memory/plans", "set", "x", 1)
        await engine.ask("topic/news", "publish", 1)
        modules = set(await engine.ask("doer/0", "do", "modules"))
    assert within(modules, HEAVY - {"engine"}) == []
    shipped = {"engine", "engine.kinds", "engine.kinds.memory", "engine.kinds.topic"}
    assert {name for name in modules if name.partition(".")[0] == "engine"} == shipped
    assert within(modules, {"checkpoints.store", "pools.ledger", "pools.outbox", "checkpoints.commitlog"}) == []


#: The program of the process that workers are forked from, up to its first fork.
BEFORE_A_FORK = """
import sys
from pools import zygote

class Zygote(zygote.Zygote):
    def next_worker(self):
        print(*sys.modules)
        raise SystemExit

zygote.Zygote = Zygote
zygote.main()
"""


async def test_a_worker_that_keeps_state_loads_nothing_of_ours_by_itself(tmp_path: Path) -> None:
    async with running(kinds=[Doer], data=tmp_path / "data") as engine:
        await engine.spawn("doer", 1)
        modules = set(await engine.ask("doer/0", "do", "modules"))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        done = subprocess.run(
            [sys.executable, "-P", "-c", BEFORE_A_FORK, str(theirs.fileno()), "0", "1", "kept"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            pass_fds=[theirs.fileno()],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
    assert "pools.ledger" in modules
    assert within(modules - set(done.stdout.split()), {"pools", "checkpoints"}) == []
