"""`python -m examples.app [--out DIR] [--speed S]`: three sprints build an app, and what they brought is listed.

The sprints run in an engine of their own, which is ended afterwards. Exit code 0 if all fourteen deliverables are there.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from examples.app.backlogs import written
from examples.app.evidence import Deliverable, deliverables
from sprints.archive import Archive

#: How fast the time of the sprints goes: 15 minutes in 3 at most, of which they need seconds; a release of 600 files, each
#: of them synced, has 12 s of the clock.
SPEED = 5.0
ROOT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Build it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m examples.app", description="Three sprints of agents build an app.")
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("app"), help="where it is built (%(default)s)")
    parser.add_argument("--speed", metavar="S", type=float, default=SPEED, help="times as fast as the clock (%(default)s)")
    options = parser.parse_args(arguments)
    out = options.out.resolve()
    if (out / "work").exists():
        parser.error(f"{out} has an app already: name another folder")
    files = written(out)
    try:
        for file in files:
            code = _engine(out, "sprint", "run", str(file), "--speed", str(options.speed), "-f", str(out / "pools.yaml"))
            if code:
                break
    finally:
        _engine(out, "stop")
    return _show(out)


def _engine(out: Path, *words: str) -> int:
    """A command of the engine whose home is that folder."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith("ENGINE_")}
    environ |= {"ENGINE_HOME": str(out / "engine"), "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-P", "-m", "engine", *words], cwd=ROOT, env=environ, check=False).returncode


def _show(out: Path) -> int:
    found = deliverables(Archive(str(out / "engine" / "state" / "engine" / "sprints")), out / "releases")
    for one in found:
        print(_line(one))
    there = sum(one.is_there for one in found)
    print(f"{there} of {len(found)} deliverables are there")
    print(f"start it: cd {out}/releases/current/files && python -B -m almanac.server")
    return 0 if there == len(found) else 1


def _line(one: Deliverable) -> str:
    state = f"sha256 {one.sha256[:16]}" if one.is_there else "NOT THERE".ljust(23)
    return f"{one.name:25} {state}  {one.done:3} of {one.planned:3} tasks  {one.sprint}  {one.path}"


if __name__ == "__main__":
    sys.exit(main())
