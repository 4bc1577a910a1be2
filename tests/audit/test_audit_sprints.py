"""The audit in sprints: the backlog, the comparison of sprints that learn with those that do not, and both for real."""

from __future__ import annotations

import math
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from examples.audit.roots import given
from examples.audit.sprints.backlog import SPRINTS, backlog
from examples.audit.sprints.comparison import REPEATS, Comparison, compared
from examples.audit.tree import Tree, read_tree
from sprints.archive import Archive
from sprints.backlog import read_backlog

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tree() -> Tree:
    return read_tree(given([ROOT / "examples"]))


def test_a_task_a_module_and_one_a_package_behind_them(tree: Tree, tmp_path: Path) -> None:
    made = read_backlog(backlog("audit", tree, tmp_path / "work", modules=1_000, seed=1))
    modules = [item for item in made.items.values() if item.role == "reviewers"]
    packages = [item for item in made.items.values() if item.role == "editors"]
    assert {item.artifacts[0] for item in modules} == {f"modules/{module.key}.json" for module in tree.modules}
    assert sorted(len(item.after) for item in packages) == sorted(package.modules for package in tree.packages)
    assert all(item.check and item.artifacts for item in made.items.values())
    reviewers, editors = made.roles["reviewers"].agents, made.roles["editors"].agents
    two, three = reviewers * 10 * (1 + 2), reviewers * 10 * (1 + 2 + 4)
    assert SPRINTS == 3
    assert two < len(modules) <= three, "two sprints are not enough, and three are"
    assert len(packages) <= editors * 10 * (1 + 2 + 4)


def test_the_same_seed_gives_the_same_backlog_and_another_one_another(tree: Tree, tmp_path: Path) -> None:
    made = [backlog("audit", tree, tmp_path, modules=20, seed=seed) for seed in (1, 1, 2)]
    assert made[0] == made[1] != made[2]
    assert sum(task["role"] == "reviewers" for task in made[2]["tasks"]) == 20


@pytest.mark.parametrize(
    ("second", "verdict"),
    [
        ([2.0, 4.1, 5.9, 8.2], "gain"),
        ([0.5, 1.1, 1.4, 2.1], "loss"),
        ([1.1, 1.9, 3.2, 3.9], "no gain"),
        ([1.0, 2.0, 3.0, 4.0], "no gain"),
    ],
)
def test_a_gain_is_said_only_where_the_interval_is_above_as_much(second: list[float], verdict: str) -> None:
    found = compared([1.0, 2.0, 3.0, 4.0], second)
    assert found.verdict == verdict
    assert found.low <= found.ratio <= found.high


def test_twice_and_half_weigh_the_same() -> None:
    assert compared([1.0, 1.0], [2.0, 0.5]).ratio == pytest.approx(1.0)
    assert compared([3.0, 3.0], [6.0, 6.0]) == pytest.approx(Comparison(2.0, 2.0, 2.0))


@pytest.mark.parametrize("pairs", [2, 3, 5, 20])
def test_the_interval_has_the_truth_in_it_95_times_of_100(pairs: int) -> None:
    chance, tries = random.Random(pairs), 4_000
    hits = 0
    for _ in range(tries):
        found = compared([1.0] * pairs, [math.exp(chance.gauss(0.2, 0.1)) for _ in range(pairs)])
        hits += found.low <= math.exp(0.2) <= found.high
    assert hits / tries == pytest.approx(0.95, abs=0.012)


@pytest.mark.parametrize("figures", [([1.0], [1.0]), ([1.0, 2.0], [1.0]), ([1.0] * 30, [1.0] * 30)])
def test_too_few_figures_are_no_comparison(figures: tuple[list[float], list[float]]) -> None:
    assert 1 not in REPEATS
    with pytest.raises(ValueError, match="pairs"):
        compared(*figures)


@pytest.mark.timeout(120)
def test_both_ways_do_all_of_the_same_in_three_sprints(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "examples.audit.sprints",
        "engine",
        "sprints",
        "--repeats",
        "2",
        "--speed",
        "10",
        "--seed",
        "7",
    ]
    environ = {name: text for name, text in os.environ.items() if not name.startswith("ENGINE_")}
    done = subprocess.run(
        [*command, "--out", str(tmp_path)], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    *runs, verdict = done.stdout.splitlines()
    assert [line.split()[0] for line in runs] == ["plain"] * 2 + ["learning"] * 2
    counts = {tuple(re.findall(r"(\d+) of +(\d+) done in (\d) sprints", line)[0]) for line in runs}
    assert {(one[0] == one[1], one[2]) for one in counts} == {(True, "3")}
    assert re.search(r"\(95 %\): (gain|loss|no gain)$", verdict)
    archive = Archive(str(tmp_path / "engine" / "state" / "engine" / "sprints"))
    told = [archive.chronicle(sprint) for sprint in archive.ids()]
    names = [one.header["backlog"] for one in told]
    order = ["audit-7-plain", "audit-7-learning", "audit-8-learning", "audit-8-plain"]
    assert names == [name for name in order for _ in range(SPRINTS)]
    assert {one.header["seed"] for one in told} == {7, 8}
    planned = {name: sorted(item for one in told if one.header["backlog"] == name for item in one.planned) for name in order}
    assert planned["audit-7-plain"] == planned["audit-7-learning"]
    agents = {name: [one.header["roles"] for one in told if one.header["backlog"] == name] for name in order}
    assert agents["audit-7-plain"][0] == agents["audit-7-plain"][2] == agents["audit-7-learning"][0]
    assert any(roles != agents["audit-7-learning"][0] for roles in agents["audit-7-learning"]), "it learned nothing"
    assert not (tmp_path / "engine" / "run" / "engine" / "engine.sock").exists()
