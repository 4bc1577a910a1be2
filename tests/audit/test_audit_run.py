"""The audit as a person runs it: a real engine with real workers over real files."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

import examples.audit
from engine import Engine, PoolSpec
from examples.audit import roots
from examples.audit.__main__ import main
from examples.audit.agents import KINDS, MOST_FINDINGS
from examples.audit.job import Job
from examples.audit.outcome import Outcome
from examples.audit.progress import Silence
from examples.audit.report.sarif import sarif
from examples.audit.tree import Tree, read_tree

Grow = Callable[[dict[str, str]], Path]

#: The folder from which the audit is started.
HOME = Path(examples.audit.__file__).parents[2]
#: Seconds within which a child has to end.
PATIENCE_S = 60


def _run(tree: Tree, *, agents: int = 0, workers: int = 2) -> Outcome:
    """Audit a tree with agents, in this process."""

    async def run() -> Outcome:
        pools = [PoolSpec("audit", agents=20_000, workers=workers)]
        async with Engine(kinds=KINDS, pools=pools) as engine:
            return await Job(tree, engine, Silence(), agents=agents).run()

    return asyncio.run(run())


def _start(*arguments: str) -> subprocess.Popen[str]:
    """Start the audit in a session of its own, as a terminal does."""
    command = [sys.executable, "-m", "examples.audit", *arguments]
    return subprocess.Popen(
        command, cwd=HOME, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def _heavy(grow: Grow, files: int) -> Path:
    """A tree that keeps two workers busy for a second or more."""
    function = "def f{n}(a):\n    return [a + {n}, a * {n}, (a, {n})]\n"
    text = "".join(function.format(n=n) for n in range(200))
    return grow({f"p{n % 7}/m{n}.py": text for n in range(files)})


def test_agents_find_what_the_analysis_finds_without_them(shop: Path, outcome: Outcome) -> None:
    found = _run(read_tree(roots.given([shop])))
    assert found.totals == outcome.totals
    assert found.groups == outcome.groups
    assert found.lines == outcome.lines
    assert found.findings == outcome.findings
    assert [broken.module.place for broken in found.broken] == ["old.py", "text.py"]
    assert (found.unheard, found.dropped) == (0, 0)
    assert sarif(found) == sarif(outcome)


def test_one_agent_a_module_a_package_and_a_report_work_and_the_rest_stands_by(shop: Path) -> None:
    run = _run(read_tree(roots.given([shop])), agents=5_000).run
    assert run.agents == {"for modules": 8, "for packages": 3, "for the report": 1, "standing by": 4_988}
    assert (run.spawned, run.worked) == (5_000, 12)


def test_the_same_tree_gives_the_same_findings_on_any_number_of_workers(grow: Grow) -> None:
    tree = read_tree(roots.given([_heavy(grow, 40)]))
    one, three = _run(tree, workers=1), _run(tree, workers=3)
    assert sarif(one) == sarif(three)
    assert one.totals == three.totals


def test_a_module_with_more_findings_than_are_kept_counts_them_all(grow: Grow) -> None:
    found = _run(read_tree(roots.given([grow({"many.py": "eval(a)\n" * (MOST_FINDINGS + 5)})])))
    assert found.totals.rules == {"S307": MOST_FINDINGS + 5}
    assert sum(map(len, found.findings.values())) == MOST_FINDINGS
    assert found.dropped == 5


def test_a_tree_of_ten_thousand_files_is_audited(tmp_path: Path) -> None:
    for folder in range(100):
        (tmp_path / f"p{folder}").mkdir()
        for file in range(100):
            (tmp_path / f"p{folder}" / f"m{file}.py").write_text("y = x is 'a'\n")
    found = _run(read_tree(roots.given([tmp_path])), agents=5_000)
    assert found.totals.modules == found.totals.rules["F632"] == 10_000
    assert len(list(found.each_finding())) == 10_000
    assert found.run.agents["standing by"] == 0
    assert len(found.groups) == 100


def test_the_command_writes_its_reports_and_a_summary(shop: Path, tmp_path: Path) -> None:
    done = _start(str(shop), "--out", str(tmp_path / "out"), "--agents", "50", "--workers", "1")
    said, progress = done.communicate(timeout=PATIENCE_S)
    assert done.returncode == 0, progress
    assert "agents    50 spawned" in said
    assert "8 for modules, 3 for packages, 1 for the report, 38 standing by" in said
    assert "auditing: 8 of 8" in progress
    assert "\x1b" not in said + progress
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["audit.md", "audit.sarif", "audit.svg"]
    assert len(json.loads((tmp_path / "out" / "audit.sarif").read_text())["runs"][0]["results"]) == 6


def test_a_quiet_run_says_nothing(shop: Path, tmp_path: Path) -> None:
    done = _start(str(shop), "--out", str(tmp_path / "out"), "--quiet", "--agents", "1")
    assert done.communicate(timeout=PATIENCE_S) == ("", "")
    assert done.returncode == 0


def test_a_run_on_a_terminal_shows_a_bar(shop: Path, tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "examples.audit", str(shop), "--out", str(tmp_path / "out"), "--agents", "1"]
    environ = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, cwd=HOME, stdout=subprocess.DEVNULL, stderr=theirs, env=environ) as child:
        os.close(theirs)
        assert child.wait(PATIENCE_S) == 0
    shown = os.read(ours, 65_536).decode()
    os.close(ours)
    assert "auditing" in shown
    assert "8/8" in shown


def test_an_interrupted_run_says_how_far_it_came_and_leaves_nothing_behind(grow: Grow, tmp_path: Path) -> None:
    child = _start(str(_heavy(grow, 150)), "--out", str(tmp_path / "out"), "--agents", "1")
    assert child.stderr is not None
    assert child.stderr.readline() == "auditing: 0 of 150\n"
    workers = psutil.Process(child.pid).children(recursive=True)
    os.killpg(child.pid, signal.SIGINT)
    said, progress = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 130
    assert re.search(r"audit: stopped: \d+ of 150 modules were audited, no report was written\n$", progress)
    assert "Traceback" not in progress
    assert said == ""
    assert not (tmp_path / "out").exists()
    assert workers
    assert psutil.wait_procs(workers, timeout=PATIENCE_S)[1] == []


def test_a_worker_that_dies_is_not_hidden(grow: Grow, tmp_path: Path) -> None:
    child = _start(str(_heavy(grow, 150)), "--out", str(tmp_path / "out"), "--agents", "1", "--workers", "2")
    assert child.stderr is not None
    assert child.stderr.readline() == "auditing: 0 of 150\n"
    started = psutil.Process(child.pid).children(recursive=True)
    next(process for process in started if "pools.worker" in process.cmdline()).kill()
    said, _progress = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 1
    assert "agent-failed" in said or "packages did not hear of all their modules" in said
    assert " of 150, " in said


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["/nowhere/at/all"], "does not exist"),
        (["--agents", "many"], "not a whole number"),
        (["--workers", "0"], "must be 1 or more"),
        (["--pools", "/nowhere.yaml"], "does not exist"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(
    arguments: list[str], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        main(arguments)
    assert refused.value.code == 2
    assert word in capsys.readouterr().err


def test_a_folder_without_python_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 2
    assert "no Python module there" in capsys.readouterr().err


def test_more_agents_than_the_pools_hold_are_refused(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pools = tmp_path / "pools.yaml"
    pools.write_text("pools:\n  p1:\n    agents: 10\n")
    assert main([str(shop), "--pools", str(pools), "--out", str(tmp_path / "out"), "--quiet"]) == 2
    assert "TooManyAgents" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
