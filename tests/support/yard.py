"""A folder with a backlog, and the real engine that works on it from the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from checkpoints.files import Disk
from sprints.ledger import lines_of
from tests.support.commands import Commands

__all__ = ["PHASES", "POOLS", "WITHIN_S", "Yard"]

#: Seconds that anything here may take.
WITHIN_S = 40.0
PHASES = ["plan", "exec", "test", "ship"]
#: A pool of two workers, which keep their state on the disk.
POOLS = "durability: sync\nagents: 1000\npools:\n  p1: {agents: 500, workers: 2}\n"


class Yard:
    """A folder with a backlog, and the engine that works on it."""

    def __init__(self, engine: Commands) -> None:
        self.engine = engine
        self.folder = engine.folder

    def task(self, name: str, *after: str, **more: Any) -> dict[str, Any]:
        """A task that makes the file of its name."""
        facts = {"method": "make", "args": {"folder": str(self.folder), "name": name}, "artifacts": [name]} | more
        return {"id": name, "role": "maker", "after": list(after), **facts}

    def gated(self, name: str, *after: str, gate: str = "gate") -> dict[str, Any]:
        """The same, which waits until a file is there."""
        args = {"folder": str(self.folder), "name": name, "gate": gate}
        return self.task(name, *after, method="wait_for", args=args)

    def write(self, *tasks: Mapping[str, Any], agents: int = 4, name: str = "app", **more: Any) -> str:
        """Write a backlog; returns the name of its file."""
        roles = {"maker": {"kind": "maker", "agents": agents}}
        use = ["tests.support.makers:Maker"]
        row = {"schema": "engine.backlog/v1", "name": name, "use": use, "roles": roles, "tasks": list(tasks)} | more
        (self.folder / f"{name}.json").write_text(json.dumps(row))
        return f"{name}.json"

    def sprint(self, *words: str, code: int = 0, **more: Any) -> subprocess.CompletedProcess[str]:
        """`engine sprint`, which must end so."""
        done = self.engine("sprint", *words, **more)
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return done

    def run(self, file: str, *words: str, code: int = 0, speed: float = 60.0) -> list[dict[str, Any]]:
        """Run it; returns the sprints as JSON."""
        done = self.sprint("run", file, "--speed", str(speed), "--json", *words, code=code)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def ids(self) -> list[str]:
        """The sprints that there are."""
        return sorted(path.name for path in self.archive.glob("sp-*"))

    @property
    def archive(self) -> Path:
        """The folder of the sprints."""
        return self.engine.home / "state" / "engine" / "sprints"

    def ledger(self, sprint: str) -> Path:
        """The ledger of a sprint."""
        return self.archive / sprint / "ledger.jsonl"

    def events(self, sprint: str, *kinds: str) -> list[dict[str, Any]]:
        """What its ledger says; a line that is being written is none yet."""
        if not self.ledger(sprint).exists():
            return []
        lines = lines_of(Disk(), str(self.ledger(sprint)), sprint)
        return [line.facts for line in lines if line.wrong is None and (not kinds or line.facts["e"] in kinds)]

    def until(self, claim: Callable[[], Any]) -> Any:
        """What is claimed, once it is so."""
        deadline_s = time.monotonic() + WITHIN_S
        while not (found := claim()):
            assert time.monotonic() < deadline_s, [self.events(sprint)[-3:] for sprint in self.ids()]
            time.sleep(0.01)
        return found

    def begun(self, file: str, *words: str, speed: float = 1.0) -> str:
        """Begin in the background; returns the id of the first sprint."""
        done = self.sprint("run", file, "--speed", str(speed), "--detach", "--json", *words)
        return str(json.loads(done.stdout)["sprint"])

    def pid(self) -> int:
        """The engine's."""
        return int((self.engine.home / "run" / "engine" / "daemon.lock").read_text())

    def kill(self) -> None:
        """Kill the engine, without starting another."""
        os.kill(self.pid(), signal.SIGKILL)

    def restart(self) -> None:
        """Start the next engine, once the one that was killed is gone."""
        self.until(lambda: self.engine("start").returncode == 0)

    def over(self, sprint: str) -> dict[str, Any]:
        """Its last event, once it has ended."""
        return dict(self.until(lambda: self.events(sprint, "ended"))[0])

    def diary(self, word: str) -> Counter[str]:
        """How often each file was begun, or ended."""
        path = self.folder / "diary"
        lines = path.read_text().splitlines() if path.exists() else []
        return Counter(line.partition(" ")[2] for line in lines if line.startswith(word))

    def check_whole(self, sprint: str, items: int) -> None:
        """Its steps once each in order, one end for each item, and everything as it was written."""
        assert [event["phase"] for event in self.events(sprint, "phase")] == PHASES
        ended = Counter(event["item"] for event in self.events(sprint, "receipt"))
        ended.update(item for event in self.events(sprint, "carried") for item in event["items"])
        assert set(ended.values()) <= {1}
        assert len(ended) == items
        numbers = [event["n"] for event in self.events(sprint)]
        assert numbers == list(range(1, len(numbers) + 1))
        self.sprint("verify", sprint)
