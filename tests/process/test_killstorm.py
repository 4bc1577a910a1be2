"""A storm of kills loses nothing and does nothing twice; an engine with a planted fault is found out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.moments import GROUPS
from tests.support.commands import ROOT

#: Seeds that a planted fault is looked for with: chance decides what a storm hits.
TRIES = 3


def storm(folder: Path, *words: str) -> tuple[int, list[dict[str, Any]], str]:
    """The exit code of a storm, what it printed, and what it said beside that."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith(("ENGINE_", "CHECKPOINTS_"))}
    environ |= {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    argv = [sys.executable, "-m", "bench", "killstorm", "--json", *words]
    done = subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=100, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


@pytest.mark.timeout(120)
def test_a_storm_of_kills_loses_nothing_and_does_nothing_twice(tmp_path: Path) -> None:
    code, lines, said = storm(tmp_path, "--kills", "12", "--seconds", "3")
    assert code == 0, (lines, said)
    first, more = lines
    kills = sum(more["kills"].values()) + sum(more["moments"].values())
    assert first["workload"] == "killstorm"
    assert (first["metric"], first["value"], first["n"]) == ("lost_and_doubled", 0, kills)
    assert (more["lost"], more["doubled"], more["adds_up"], more["plant"]) == (0, 0, True, None)
    assert more["groups"].keys() == GROUPS.keys()
    assert all(count > 0 for count in more["groups"].values()), more["groups"]
    assert more["alive"] == 0
    assert more["kills"]["stale"] == 1, "nobody wrote after it was replaced"
    assert sum(more["kills"].values()) > 2
    assert more["answered"] + more["unknown"] == more["issued"]
    assert more["answered"] > 1_000
    assert list(tmp_path.iterdir()) == []


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("plant", "only"), [("no-dedupe", "sync to reply"), ("reply-first", "before the write"), ("stale-epoch", "stale")]
)
def test_a_planted_fault_is_found(tmp_path: Path, plant: str, only: str) -> None:
    tried = []
    for seed in range(1, TRIES + 1):
        words = ("--plant", plant, "--only", only, "--seed", str(seed), "--seconds", "1", "--kills", "1")
        code, lines, said = storm(tmp_path, *words)
        tried.append((code, lines, said))
        if code == 1 and lines:
            break
    else:
        raise AssertionError(f"{plant} was not found: {tried}")
    first, more = lines
    assert more["plant"] == plant
    assert first["value"] == more["lost"] + more["doubled"] > 0
    assert f"seed {seed}" in said
    assert list(tmp_path.iterdir()) == []
