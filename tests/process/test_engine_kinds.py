"""Kinds come from modules, files and scripts; one that cannot be loaded shows the user's own traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine import errors
from engine.engine import Engine
from pools.agent import Agent
from tests.support.agents import Tally
from tests.support.processes import children, pool, running

ROOT = Path(__file__).resolve().parents[2]

GOOD = """
from pools.agent import Agent
{line}

class Mine(Agent):
    total: int = 0

    def add(self, x: int) -> int:
        self.total += x
        return self.total
"""

SCRIPT = """
import asyncio
{line}
from engine import Agent, Engine, PoolSpec

class Mine(Agent):
    total: int = 0

    def add(self, x: int) -> int:
        self.total += {amount}
        return self.total

async def main() -> None:
    async with Engine(kinds=[Mine], pools=[PoolSpec("p", workers=2)]) as engine:
        await engine.spawn(Mine, 10)
        print(await engine.ask("mine/3", "add", 4), await engine.agent(Mine, 3).add(5))

{guard}asyncio.run(main())
"""


def run_script(folder: Path, **parts: str) -> subprocess.CompletedProcess[str]:
    script = folder / "script.py"
    script.write_text(SCRIPT.format(**{"line": "", "amount": "x", "guard": 'if __name__ == "__main__":\n    '} | parts))
    return subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=folder.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_a_class_of_the_script_itself_works_and_the_script_keeps_its_main_guard(tmp_path: Path) -> None:
    done = run_script(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "4 9\n", "")


def test_a_script_may_import_the_files_that_lie_beside_it(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("FACTOR = 10\n")
    done = run_script(tmp_path, line="from beside import FACTOR", amount="x * FACTOR")
    assert (done.returncode, done.stdout) == (0, "40 90\n"), done.stderr


def test_a_script_without_a_main_guard_ends_with_an_error_and_not_with_processes_without_end(tmp_path: Path) -> None:
    done = run_script(tmp_path, guard="")
    assert done.returncode != 0
    assert "script.py" in done.stderr


async def test_a_kind_of_a_file_and_one_of_a_module_work_together(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(GOOD.format(line=""))
    async with running(
        [pool(2)], kinds=[f"{tmp_path}/mine.py:Mine", "tests.support.agents:Tally"], paths=[str(ROOT)]
    ) as engine:
        await engine.spawn("mine", 4)
        await engine.spawn(Tally, 4)
        assert await engine.ask("mine/1", "add", 2) == 2
        assert await engine.ask("tally/1", "add", 3) == 3


async def test_a_kind_can_be_loaded_while_the_engine_runs(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(GOOD.format(line=""))
    async with running(kinds=[Tally]) as engine:
        spawned = await engine.spawn(f"{tmp_path}/mine.py:Mine", 4)
        assert (spawned.kind, spawned.total) == ("mine", 4)
        assert await engine.ask("mine/1", "add", 2) == 2


async def test_a_module_is_found_in_the_folders_that_were_given(tmp_path: Path) -> None:
    (tmp_path / "kinds_in_a_folder.py").write_text(GOOD.format(line=""))
    async with running(kinds=["kinds_in_a_folder:Mine"], paths=[str(tmp_path)]) as engine:
        await engine.spawn("mine", 4)
        assert await engine.ask("mine/1", "add", 2) == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import not_there_at_all", "No module named 'not_there_at_all'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def (", "SyntaxError"),
    ],
)
async def test_a_kind_whose_import_fails_shows_the_users_traceback_and_leaves_no_process(
    tmp_path: Path, line: str, said: str
) -> None:
    file = tmp_path / "broken.py"
    file.write_text(GOOD.format(line=line))
    before = children()
    with pytest.raises(errors.KindNotLoaded) as refused:
        async with Engine(kinds=[f"{file}:Mine"], pools=[pool(2)]):
            pass
    assert said in str(refused.value)
    assert "broken.py" in refused.value.trace
    assert "pools/" not in refused.value.trace
    assert children() == before


async def test_a_kind_whose_import_fails_later_leaves_the_engine_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text(GOOD.format(line="1 / 0"))
    async with running([pool(2)]) as engine:
        await engine.spawn("tally", 4)
        with pytest.raises(errors.KindNotLoaded, match="ZeroDivisionError"):
            await engine.spawn(f"{file}:Mine", 4)
        assert await engine.ask("tally/1", "add", 1) == 1
        with pytest.raises(errors.UnknownKind):
            await engine.spawn("mine", 4)
        file.write_text(GOOD.format(line=""))
        await engine.spawn(f"{file}:Mine", 4)
        assert await engine.ask("mine/1", "add", 1) == 1


async def test_a_kind_that_ends_its_worker_at_import_is_an_error_and_leaves_no_process(tmp_path: Path) -> None:
    (tmp_path / "deadly.py").write_text(GOOD.format(line="import os; os._exit(7)"))
    before = children()
    with pytest.raises((errors.PoolError, errors.EngineError), match="exit status 7"):
        async with Engine(kinds=[f"{tmp_path}/deadly.py:Mine"], pools=[pool(2)]):
            pass
    assert children() == before


@pytest.mark.parametrize("annotation", ["set[int]", "list[", "Nowhere"])
async def test_a_class_that_cannot_be_a_kind_is_named(tmp_path: Path, annotation: str) -> None:
    (tmp_path / "wrong.py").write_text(
        "from __future__ import annotations\nfrom pools.agent import Agent\n"
        f"class Wrong(Agent):\n    held: '{annotation}'\n    def ping(self): ...\n"
    )
    with pytest.raises(errors.KindNotLoaded, match="Wrong"):
        async with Engine(kinds=[f"{tmp_path}/wrong.py:Wrong"], pools=[pool()]):
            pass


async def test_two_classes_of_one_kind_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text(GOOD.format(line="").replace("Mine", "Tally"))
    async with running() as engine:
        with pytest.raises(errors.PoolError, match=r"kind 'tally' is tests\.support\.agents:Tally already"):
            await engine.spawn(f"{tmp_path}/other.py:Tally", 4)
        await engine.spawn("tally", 1)
        assert await engine.ask("tally/0", "pair", 1, 2) == [1, 2]


async def test_a_class_inside_a_function_is_refused_before_any_process_starts() -> None:
    class Local(Agent):
        def ping(self) -> None: ...

    before = children()
    with pytest.raises(errors.KindNotLoaded, match="top level"):
        async with Engine(kinds=[Local], pools=[pool()]):
            pass
    assert children() == before


async def test_a_workers_own_path_comes_before_the_users_folders(tmp_path: Path) -> None:
    """A folder of the user's with a module named like one of the library must not hide it."""
    (tmp_path / "json.py").write_text("raise RuntimeError('this is not the library')\n")
    (tmp_path / "mine.py").write_text(GOOD.format(line="import json, json.decoder"))
    async with running(kinds=["mine:Mine"], paths=[str(tmp_path)]) as engine:
        await engine.spawn("mine", 1)
        assert await engine.ask("mine/0", "add", 1) == 1


async def test_a_worker_started_from_a_folder_with_its_own_pools_uses_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pools").mkdir()
    (tmp_path / "pools" / "__init__.py").write_text("raise RuntimeError('the wrong package')\n")
    monkeypatch.chdir(tmp_path)
    async with running() as engine:
        await engine.spawn("tally", 1)
        assert await engine.ask("tally/0", "add", 1) == 1
