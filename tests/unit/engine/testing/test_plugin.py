"""The fixture as a user of pytest meets it: by its entry point, in a process of its own, with a mark and a seed."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
PLUGIN = "engine.testing.plugin"

SUITE = """
import pytest
from engine import Agent

class Counter(Agent):
    total: int = 0
    def add(self, x: int) -> int:
        self.total += x
        return self.total

async def test_made_here(swarm):
    await swarm.spawn(Counter, 3)
    assert await swarm.ask("counter/1", "add", 2) == 2

@pytest.mark.swarm(Counter, durability="memory", agents_limit=7, seed=5)
def test_marked(swarm):
    assert swarm.seed == 5
    assert swarm.ask("counter/*", "add", 1, reduce="count").result() == 0

def test_fails(swarm):
    assert swarm.seed == -1
"""


def pytest_in(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run pytest as a user would, without this project's settings."""
    (folder / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"
    )
    plain = {name: text for name, text in os.environ.items() if not name.startswith(("ENGINE_", "PYTEST"))}
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest", "-p", PLUGIN, "--strict-markers", "-p", "no:cacheprovider", *words],
        cwd=folder,
        env=plain | {"PYTHONPATH": str(ROOT)} | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_entry_point_names_the_plugin() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (home,) = project["entry-points"]["pytest11"].values()
    assert (project["entry-points"]["pytest11"], home) == ({PLUGIN: PLUGIN}, PLUGIN)
    assert import_module(home).swarm is not None


def test_a_users_suite_has_the_fixture_its_mark_and_its_seed(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(SUITE)
    done = pytest_in(tmp_path, "-q")
    assert "2 passed" in done.stdout, done.stdout + done.stderr
    assert "1 failed" in done.stdout
    assert "replay with ENGINE_TEST_SEED=" in done.stdout
    seeds = [line for line in done.stdout.splitlines() if "replay with" in line]
    assert [line for line in pytest_in(tmp_path, "-q").stdout.splitlines() if "replay with" in line] == seeds
    assert "seed 77;" in pytest_in(tmp_path, "-q", ENGINE_TEST_SEED="77").stdout


def test_nothing_of_the_engine_is_loaded_before_a_test_asks_for_it() -> None:
    program = (
        f"import sys, pytest; import {PLUGIN}; print(*sorted(m for m in sys.modules if m.startswith(('engine', 'pools'))))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout.split() == ["engine", "engine.testing", PLUGIN]


def test_the_example_of_the_page_is_a_suite_that_passes(tmp_path: Path) -> None:
    example = ROOT / "examples" / "testing" / "test_scout.py"
    body = example.read_text().partition('"""\n\n')[2].partition("\n\n")[2].strip()
    assert body in (ROOT / "docs" / "agents.md").read_text()
    copy = tmp_path / example.name
    copy.write_text(example.read_text())
    done = pytest_in(tmp_path, str(copy), "-q")
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_the_package_gives_every_name_it_promises_and_no_other() -> None:
    import engine.testing

    assert dir(engine.testing) == sorted(engine.testing.__all__)
    for name in engine.testing.__all__:
        assert getattr(engine.testing, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = engine.testing.nothing
