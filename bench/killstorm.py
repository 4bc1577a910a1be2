"""`python -m bench killstorm`: kill -9, again and again, of whatever an engine is made of, while an oracle in another process
adds to its agents. Exit 0 when nothing was lost and nothing was done twice, 1 when something was; 2 asked wrongly.

It also kills at named moments of the log (`checkpoints.failpoint`), and it can run an engine with a planted fault, which it
must find: a copy of the sources with one line changed."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import psutil
from rich.console import Console
from rich.table import Table

from bench.daemon import NAME, Daemon
from bench.yardlink import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["main"]

AGENTS, ASKERS = 5_000, 500
#: What is killed from outside, and how often of ten times.
TARGETS = {"worker": 7, "zygote": 1, "daemon": 2}
#: The chance of a death at each moment of the log, each time that it is passed.
CHANCES = {
    "commit.written": 0.001,
    "commit.synced": 0.001,
    "open.locked": 0.03,
    "open.read": 0.03,
    "roll.written": 0.03,
    "roll.renamed": 0.03,
    "roll.created": 0.5,
    "roll.sealed": 0.5,
    "mark.written": 0.02,
    "compact.snapshot": 0.02,
    "compact.written": 0.2,
    "compact.named": 0.2,
    "compact.removed": 0.2,
}
#: Faults that can be planted: file, the line as it is, the line that stands for it.
PLANTS = {
    "reply-first": (
        "pools/ledger.py",
        "        if self._open.parts:\n            self._open.frames.append(frame)\n",
        "        if self._open.parts:\n            self._write(frame)\n",
    ),
    "no-dedupe": ("pools/redelivery.py", "            known = ledger.known_as(session, numbers)\n", "            known = {}\n"),
}
#: How often a start is tried.
TRIES = 20
#: Copied for an engine with a planted fault.
SOURCES = ("engine", "pools", "sprints", "checkpoints")


def main(argv: list[str] | None = None) -> int:
    """Storm, and say what came of it."""
    options = _parser().parse_args(argv)
    print(f"seed {options.seed}", file=sys.stderr)
    with _home(options.plant) as daemon:
        result = _storm(daemon, options.kills, options.seconds, Random(options.seed), options.seed)
    result["plant"] = options.plant
    if options.json:
        _show_json(result)
    else:
        _show(result)
    return 1 if result["lost"] or result["doubled"] or not result["adds_up"] else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench killstorm", description=__doc__)
    parser.add_argument("--kills", type=int, default=300, metavar="N", help="kills from outside (default: 300)")
    parser.add_argument("--seconds", type=float, default=60.0, metavar="S", help="how long, about (default: 60)")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4)), help="of what is killed when")
    parser.add_argument("--plant", choices=sorted(PLANTS), help="run an engine with this fault in it")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, the first of them lost + doubled")
    return parser


@contextmanager
def _home(plant: str | None) -> Iterator[Daemon]:
    """A place for an engine, with or without a fault; nothing of it is left behind."""
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        daemon = Daemon(home)
        daemon.environ |= {
            "ENGINE_DURABILITY": "sync",
            "CHECKPOINTS_FAILPOINTS": ",".join(f"{name}={share}" for name, share in CHANCES.items()),
            "CHECKPOINTS_DEATHS": f"{home}/deaths",
        }
        if plant is not None:
            daemon.environ["PYTHONPATH"] = str(_planted(Path(home) / "sources", plant))
        try:
            yield daemon
        finally:
            with suppress(OSError):
                daemon.end()


def _planted(folder: Path, plant: str) -> Path:
    """A copy of the sources with a fault. Raises ValueError where its line is not there."""
    for name in SOURCES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    file, good, bad = PLANTS[plant]
    text = (folder / file).read_text()
    if text.count(good) != 1:
        raise ValueError(f"{file} has not the line that {plant} changes")
    (folder / file).write_text(text.replace(good, bad))
    return folder


def _storm(daemon: Daemon, kills: int, seconds: float, chance: Random, seed: int) -> dict[str, Any]:
    """Kill so often in about so many seconds; returns what the oracle and the dead say."""
    home = daemon.environ["ENGINE_HOME"]
    _try(lambda: daemon.spawn(AGENTS))
    oracle = subprocess.Popen(
        [sys.executable, "-m", "bench.oracle", home, NAME, str(AGENTS), str(ASKERS)],
        cwd=ROOT,
        env={**os.environ, "BENCH_SEED": str(seed)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    done: Counter[str] = Counter()
    began_s = time.monotonic()
    try:
        for number in range(kills):
            due_s = began_s + seconds * (number + 1) / kills
            time.sleep(max(due_s - time.monotonic(), 0.0))
            target = chance.choices(list(TARGETS), weights=list(TARGETS.values()))[0]
            if _kill(daemon, target, chance):
                done[target] += 1
        took_s = time.monotonic() - began_s
        said, _ = oracle.communicate(timeout=120)
    finally:
        oracle.kill()
        oracle.wait()
    if oracle.returncode:
        raise OSError(f"the oracle ended with {oracle.returncode}")
    result: dict[str, Any] = json.loads(said)
    deaths = Path(home) / "deaths"
    moments = Counter(deaths.read_text().split()) if deaths.exists() else Counter[str]()
    tasks = result["tasks"]
    ended = sum(tasks[name] for name in ("done", "failed", "cancelled", "expired", "open"))
    return result | {"seconds": took_s, "kills": dict(done), "moments": dict(moments), "adds_up": tasks["accepted"] == ended}


def _kill(daemon: Daemon, target: str, chance: Random) -> bool:
    """Kill one process of the engine, and start the engine again where it was all of it; whether there was one to kill."""
    pid = _pid(daemon)
    if pid is None:
        _start(daemon)
        return False
    with suppress(psutil.Error, IndexError, ProcessLookupError):
        zygotes = psutil.Process(pid).children()
        victim = pid
        if target == "zygote":
            victim = zygotes[-1].pid
        elif target == "worker":
            victim = chance.choice([one.pid for zygote in zygotes for one in zygote.children()])
        os.kill(victim, signal.SIGKILL)
        if target == "daemon":
            _start(daemon)
        return True
    return False


def _pid(daemon: Daemon) -> int | None:
    """The process of the engine, as its lock file names it."""
    lock = Path(daemon.environ["ENGINE_HOME"]) / "run" / NAME / "daemon.lock"
    text = lock.read_text().strip() if lock.exists() else ""
    return int(text) if text.isdigit() and psutil.pid_exists(int(text)) else None


def _start(daemon: Daemon) -> None:
    """Start the engine anew."""
    _try(lambda: daemon.run("start"))


def _try(command: Callable[[], object]) -> None:
    """Run a command that may find its engine killed at a moment of its start. Raises OSError when it never works."""
    for _ in range(TRIES):
        with suppress(OSError):
            command()
            return
        time.sleep(0.1)
    command()


def _show_json(result: dict[str, Any]) -> None:
    kills = sum(result["kills"].values()) + sum(result["moments"].values())
    print(
        json.dumps(
            {
                "workload": "killstorm",
                "metric": "lost_and_doubled",
                "value": result["lost"] + result["doubled"],
                "unit": "adds",
                "raw": None,
                "ratio": None,
                "n": kills,
                "runs": 1,
            }
        )
    )
    print(json.dumps(result))


def _show(result: dict[str, Any]) -> None:
    table = Table(title=f"{result['lost']} lost, {result['doubled']} doubled of {result['issued']:,} adds")
    table.add_column("killed")
    table.add_column("times", justify="right")
    for name, count in [*result["kills"].items(), *sorted(result["moments"].items())]:
        table.add_row(name, str(count))
    console = Console()
    console.print(table)
    console.print(
        f"{result['seconds']:.0f} s, {result['answered']:,} answered, {result['unknown']} failed {result['errors'] or ''}; "
        f"accepted = done + failed + cancelled + expired + open: {'yes' if result['adds_up'] else 'NO'}"
    )
