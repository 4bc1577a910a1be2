"""`python -m bench killstorm`: kill -9, again and again, of whatever an engine is made of, while an oracle in another process
adds to its agents. Exit 0 when nothing was lost and nothing was done twice, 1 when something was; 2 asked wrongly.

It also kills at named moments of the log, so many at each sort (`moments`), and has workers write late that were replaced
(`haunt`). It can run an engine with a planted fault, which it must find (`plants`)."""

from __future__ import annotations

import argparse
import json
import os
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
from bench.haunt import haunt
from bench.moments import GROUPS, Armed, by_group
from bench.plants import PLANTS, planted
from bench.yardlink import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["main"]

AGENTS, ASKERS = 5_000, 500
#: What is killed from outside, and how often of ten times; each of them at least once.
TARGETS = {"worker": 7, "zygote": 1, "daemon": 2}
#: The share of all kills that each sort of moments gets, and that of workers that write late (`haunt`).
SHARE, HAUNTED = 0.107, 0.01
#: Seconds that those who are armed get to die in the end, and between two looks: a worker that dies too often without having
#: done anything is given up.
LEFT_S, LEFT_PAUSE_S = 60.0, 0.3
#: Seconds that the oracle gets to say what it has found.
SAID_S = 120.0
#: What a task that was accepted is, one of.
OPEN_OR_ENDED = ("done", "failed", "cancelled", "expired", "open")
#: How often a start is tried, how often where it says that state is damaged, and how it says that.
TRIES, DAMAGED_TRIES, DAMAGED = 20, 2, "is damaged at byte"


def main(argv: list[str] | None = None) -> int:
    """Storm, and say what came of it."""
    options = _parser().parse_args(argv)
    print(f"seed {options.seed}", file=sys.stderr)
    chance = Random(options.seed)
    due = [options.only] * options.kills if options.only else _schedule(options.kills, chance)
    with _home(options.plant) as daemon:
        result = _storm(daemon, due, options.seconds, chance, options.seed)
    result["plant"] = options.plant
    if options.json:
        _show_json(result)
    else:
        _show(result)
    return 1 if result["lost"] or result["doubled"] or result["damage"] or not result["adds_up"] else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench killstorm", description=__doc__)
    parser.add_argument("--kills", type=int, default=300, metavar="N", help="kills (default: 300)")
    parser.add_argument("--seconds", type=float, default=60.0, metavar="S", help="how long, about (default: 60)")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4)), help="of what is killed when")
    parser.add_argument("--plant", choices=sorted(PLANTS), help="run an engine with this fault in it")
    parser.add_argument(
        "--only", choices=[*TARGETS, "stale", *GROUPS], metavar="WHAT", help="kill this alone; `stale`: write late"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line, the first of them lost + doubled")
    return parser


@contextmanager
def _home(plant: str | None) -> Iterator[Daemon]:
    """A place for an engine, with or without a fault; nothing of it is left behind."""
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        daemon = Daemon(home)
        daemon.environ |= {
            "ENGINE_DURABILITY": "sync",
            "CHECKPOINTS_ARMED": f"{home}/armed",
            "CHECKPOINTS_DEATHS": f"{home}/deaths",
        }
        if plant is not None:
            daemon.environ["PYTHONPATH"] = str(planted(Path(home) / "sources", plant))
        try:
            yield daemon
        finally:
            with suppress(OSError):
                daemon.end()


def _schedule(kills: int, chance: Random) -> list[str]:
    """Who dies, in what order: sorts of moments, `stale` for one that writes late, and what is killed from outside."""
    due = [group for group in GROUPS for _ in range(max(int(kills * SHARE), 1))]
    due += ["stale"] * max(int(kills * HAUNTED), 1)
    left = max(kills - len(due) - len(TARGETS), 0)
    due += [*TARGETS, *chance.choices(list(TARGETS), weights=list(TARGETS.values()), k=left)]
    chance.shuffle(due)
    return due


class Storm:
    """A storm over one engine. done: kills from outside that took effect, by what was killed."""

    def __init__(self, daemon: Daemon, chance: Random) -> None:
        self.done: Counter[str] = Counter()
        self._daemon = daemon
        self._chance = chance
        self._armed = Armed(Path(daemon.environ["CHECKPOINTS_ARMED"]), chance)

    def rage(self, due: list[str], seconds: float) -> int:
        """Kill so, in about so many seconds and those that the last ones need; returns how many who were armed live."""
        began_s = time.monotonic()
        for number, target in enumerate(due, 1):
            time.sleep(max(began_s + seconds * number / len(due) - time.monotonic(), 0.0))
            self._armed.look()
            if target in GROUPS:
                self._armed.put(target)
            elif (self._haunt if target == "stale" else self._kill)(target):
                self.done[target] += 1
        until_s = time.monotonic() + LEFT_S
        while (left := self._armed.look()) and time.monotonic() < until_s:
            time.sleep(LEFT_PAUSE_S)
            if _pid(self._daemon) is None:  # the engine writes a log of its own, and dies at the moments of that
                _start(self._daemon)
            if self._armed.waits_for_death and self._kill("worker"):
                self.done["worker"] += 1
        self._armed.clear()
        return left

    def _haunt(self, _target: str) -> bool:
        """Have a worker write late, and have all workers read what it wrote; whether it did."""
        for _ in range(TRIES):
            pid = _pid(self._daemon)
            workers = _workers(self._daemon)
            if pid is None:
                _start(self._daemon)
            with suppress(psutil.Error, OSError, LookupError):  # one that was killed at a moment of its own
                if pid is not None and haunt(pid, _zygotes(pid), self._chance.choice(workers), lambda: _start(self._daemon)):
                    self._kill_all()
                    return True
            time.sleep(0.1)
        return False

    def _kill_all(self) -> None:
        """Kill every worker."""
        for worker in _workers(self._daemon):
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)

    def _kill(self, target: str) -> bool:
        """Kill one process, and start the engine again where it was all of it; whether there was one to kill."""
        pid = _pid(self._daemon)
        if pid is None:
            _start(self._daemon)
            return False
        with suppress(psutil.Error, IndexError, ProcessLookupError):
            zygotes = _zygotes(pid)
            victim = pid
            if target == "zygote":
                victim = zygotes[-1].pid
            elif target == "worker":
                victim = self._chance.choice(_workers(self._daemon))
            os.kill(victim, signal.SIGKILL)
            if target == "daemon":
                _start(self._daemon)
            return True
        return False


def _said(oracle: subprocess.Popen[str], daemon: Daemon) -> str:
    """What the oracle says in the end. Who was armed last may be the engine, which is started again as long as it is needed."""
    until_s = time.monotonic() + SAID_S
    while True:
        try:
            said, _ = oracle.communicate(timeout=1)
        except subprocess.TimeoutExpired:
            if time.monotonic() > until_s:
                raise
            if _pid(daemon) is None:
                _start(daemon)
        else:
            return said


def _storm(daemon: Daemon, due: list[str], seconds: float, chance: Random, seed: int) -> dict[str, Any]:
    """Kill so in about so many seconds; returns what the oracle and the dead say."""
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
    storm = Storm(daemon, chance)
    damage, left = "", 0
    assert oracle.stdout is not None
    oracle.stdout.readline()  # it is ready
    began_s = time.monotonic()
    try:
        try:
            left = storm.rage(due, seconds)
        except OSError as error:  # the engine cannot be started any more
            damage = str(error)
            oracle.terminate()
        took_s = time.monotonic() - began_s
        said = _said(oracle, daemon)
    finally:
        oracle.kill()
        oracle.wait()
    if oracle.returncode:
        raise OSError(f"the oracle ended with {oracle.returncode}")
    result: dict[str, Any] = json.loads(said)
    deaths = Path(home) / "deaths"
    moments = Counter(deaths.read_text().split()) if deaths.exists() else Counter[str]()
    return result | {
        "seconds": took_s,
        "kills": dict(storm.done),
        "moments": dict(moments),
        "groups": by_group(moments),
        "alive": left,
        "damage": damage,
        "adds_up": _adds_up(result["tasks"]),
    }


def _adds_up(tasks: dict[str, int] | None) -> bool:
    """Whether every task that was accepted has ended or is open; False where nobody could be asked."""
    return tasks is not None and tasks["accepted"] == sum(tasks[name] for name in OPEN_OR_ENDED)


def _zygotes(pid: int) -> list[psutil.Process]:
    """What an engine forks its workers from; a compactor is none."""
    return [child for child in psutil.Process(pid).children() if "checkpoints" not in child.cmdline()]


def _workers(daemon: Daemon) -> list[int]:
    """The workers of an engine, as the locks of their stores name them: they outlive who forked them."""
    found = []
    for lock in sorted((Path(daemon.environ["ENGINE_HOME"]) / "state" / NAME / "data").glob("*/*/LOCK")):
        with suppress(psutil.Error, OSError, ValueError):
            pid = int(lock.read_text())
            found += [pid] if "pools.worker" in " ".join(psutil.Process(pid).cmdline()) else []
    return found


def _pid(daemon: Daemon) -> int | None:
    """The process of the engine, as its lock file names it."""
    lock = Path(daemon.environ["ENGINE_HOME"]) / "run" / NAME / "daemon.lock"
    text = lock.read_text().strip() if lock.exists() else ""
    return int(text) if text.isdigit() and _runs(int(text)) else None


def _runs(pid: int) -> bool:
    """Whether a process is there that nobody waits for only."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _start(daemon: Daemon) -> None:
    """Start the engine anew."""
    _try(lambda: daemon.run("start"))


def _try(command: Callable[[], object]) -> None:
    """Run a command that may find its engine killed at a moment of its start. Raises OSError when it never works."""
    for left in reversed(range(TRIES)):
        try:
            command()
        except OSError as error:
            if not left or (DAMAGED in str(error) and left < TRIES - DAMAGED_TRIES):
                raise
            time.sleep(0.1)
        else:
            return


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
    for name, count in [*sorted(result["kills"].items()), *result["groups"].items()]:
        table.add_row(name, str(count))
    console = Console()
    console.print(table)
    if result["damage"]:
        console.print(result["damage"])
    console.print(
        f"{result['seconds']:.0f} s, {result['answered']:,} answered, {result['unknown']} failed {result['errors'] or ''}; "
        f"accepted = done + failed + cancelled + expired + open: {'yes' if result['adds_up'] else 'NO'}"
    )
