"""A process that ships is killed at each of its steps: who follows the link finds the old release or the new one, whole."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sprints.place import PlaceDisk
from sprints.release import MOMENTS, Releases

ROOT = Path(__file__).resolve().parents[2]
FILES = 20

#: Ships one release, or rolls one back, and kills itself at a moment.
SHIPPER = """
import hashlib, os, signal, sys
from sprints.manifest import Entry
from sprints.place import PlaceDisk
from sprints.release import Releases

folder, sprint, verb, moment = sys.argv[1:]

def die(now):
    if now == moment:
        os.kill(os.getpid(), signal.SIGKILL)

releases = Releases(PlaceDisk(), f"{folder}/releases", lambda: 1.0, failpoint=die)
if verb == "rollback":
    releases.rollback()
else:
    entries = []
    for number in range(int(verb)):
        text = f"{sprint} {number}".encode()
        path = f"app/{number % 3}/{number}.txt"
        os.makedirs(os.path.dirname(f"{folder}/work/{path}"), exist_ok=True)
        with open(f"{folder}/work/{path}", "wb") as file:
            file.write(text)
        entries.append(Entry(path, hashlib.sha256(text).hexdigest(), len(text), f"t{number}", sprint, "ab" * 32))
    with releases.draft(sprint, f"{folder}/work", entries, carry=False) as draft:
        draft.ship()
"""


def act(folder: Path, sprint: str, verb: str, moment: str = "none") -> int:
    """Ship so many files, or roll back; returns the exit code."""
    return subprocess.run([sys.executable, "-c", SHIPPER, str(folder), sprint, verb, moment], cwd=ROOT, timeout=50).returncode


def shown(folder: Path) -> str:
    """Whose release the link leads to, every file of which is as it must be. Raises AssertionError."""
    root = os.open(folder / "releases" / "current", os.O_RDONLY | os.O_DIRECTORY)  # a switch changes nothing for who is in
    try:
        here = Path(f"/proc/self/fd/{root}")
        releases = Releases(PlaceDisk(), str(folder / "releases"), lambda: 1.0)
        manifest = releases.manifest(here.readlink().name)
        assert manifest.data() == (here / "manifest.json").read_bytes()
        assert len(manifest.entries) == FILES
        for entry in manifest.entries:
            assert hashlib.sha256((here / "files" / entry.path).read_bytes()).hexdigest() == entry.sha256
        return manifest.sprint
    finally:
        os.close(root)


@pytest.mark.parametrize("moment", MOMENTS)
def test_whoever_is_killed_while_it_ships_leaves_the_old_release_or_the_new_one(tmp_path: Path, moment: str) -> None:
    (tmp_path / "work").mkdir()
    assert act(tmp_path, "sp-1", str(FILES)) == 0
    assert act(tmp_path, "sp-2", str(FILES), moment) == -signal.SIGKILL
    is_switched = moment in ("switch.renamed", "switch.synced", "ship.pruned")
    assert shown(tmp_path) == ("sp-2" if is_switched else "sp-1")
    assert act(tmp_path, "sp-2", str(FILES)) == 0
    assert shown(tmp_path) == "sp-2"
    left = sorted(path.name for path in (tmp_path / "releases").iterdir())
    assert left == ["0001-sp-1", "0002-sp-2", "LOCK", "current"]
    assert act(tmp_path, "", "rollback") == 0
    assert shown(tmp_path) == "sp-1"


@pytest.mark.parametrize("moment", [moment for moment in MOMENTS if moment.startswith("switch")])
def test_whoever_is_killed_while_it_rolls_back_leaves_one_of_both(tmp_path: Path, moment: str) -> None:
    (tmp_path / "work").mkdir()
    assert act(tmp_path, "sp-1", str(FILES)) == 0
    assert act(tmp_path, "sp-2", str(FILES)) == 0
    assert act(tmp_path, "", "rollback", moment) == -signal.SIGKILL
    assert shown(tmp_path) == ("sp-2" if moment == "switch.linked" else "sp-1")
    if moment == "switch.linked":
        assert act(tmp_path, "", "rollback") == 0
    assert shown(tmp_path) == "sp-1"


def test_who_reads_while_releases_are_switched_sees_whole_ones_only(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    assert act(tmp_path, "sp-1", str(FILES)) == 0
    assert act(tmp_path, "sp-2", str(FILES)) == 0
    releases = Releases(PlaceDisk(), str(tmp_path / "releases"), lambda: 1.0)
    is_over = threading.Event()

    def switch() -> None:
        for number in range(300):
            releases.rollback(("0001-sp-1", "0002-sp-2")[number % 2])
        is_over.set()

    switcher = threading.Thread(target=switch)
    switcher.start()
    seen = set()
    while not is_over.is_set():
        seen.add(shown(tmp_path))
    switcher.join()
    assert seen == {"sp-1", "sp-2"}


def test_kills_at_any_time_leave_a_whole_release(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    assert act(tmp_path, "sp-0", str(FILES)) == 0
    for number in range(1, 16):
        process = subprocess.Popen([sys.executable, "-c", SHIPPER, str(tmp_path), f"sp-{number}", str(FILES), "none"], cwd=ROOT)
        try:
            process.wait(0.08 + number * 0.006)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert int(shown(tmp_path).removeprefix("sp-")) <= number
    assert act(tmp_path, "sp-99", str(FILES)) == 0
    assert shown(tmp_path) == "sp-99"
    assert not [path for path in (tmp_path / "releases").iterdir() if path.name.endswith(".new")]
