"""One run of the three sprints in an engine that is there for all of them, and what its ledgers say of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from examples.audit.sprints.backlog import SPRINTS, backlog
from examples.audit.tree import Tree
from sprints.archive import Archive

__all__ = ["Bench", "Trial"]

ROOT = Path(__file__).resolve().parents[3]
#: Seconds that three sprints have.
RUN_S = 600.0


class Trial(NamedTuple):
    """The figures of one run. seconds: in sprints, of the machine's clock.  waited_s: of all tasks, before agents had them."""

    sprints: int
    done: int
    planned: int
    seconds: float
    waited_s: float

    @property
    def rate(self) -> float:
        """Tasks done a second."""
        return self.done / self.seconds


class Bench:
    """An engine in a folder of its own. Raises OSError where the folder cannot be written."""

    def __init__(self, folder: Path, tree: Tree, *, modules: int, speed: float) -> None:
        self._folder = folder.resolve()
        self._tree = tree
        self._modules = modules
        self._speed = speed
        self._folder.mkdir(parents=True, exist_ok=True)
        pools = f"agents: 20000\npools:\n  audit: {{agents: 20000, workers: {os.cpu_count() or 1}}}\n"
        (self._folder / "pools.yaml").write_text(pools)

    def run(self, seed: int, *, is_plain: bool) -> Trial:
        """Run the backlog of a seed in its three sprints. Raises RuntimeError where the engine does not."""
        name = f"audit-{seed}-{'plain' if is_plain else 'learning'}"
        file = self._folder / name / "backlog.json"
        file.parent.mkdir()
        document = backlog(name, self._tree, file.parent / "work", modules=self._modules, seed=seed)
        file.write_text(json.dumps(document))
        facts = ["--sprints", str(SPRINTS), "--speed", str(self._speed), "--seed", str(seed), "--quiet"]
        ended = self._engine("sprint", "run", str(file), *facts, *(["--plain"] if is_plain else []))
        archive = Archive(str(self._folder / "engine" / "state" / "engine" / "sprints"))
        told = [one for sprint in archive.ids() if (one := archive.chronicle(sprint)).header.get("backlog") == name]
        receipts = [receipt for one in told for receipt in one.receipts]
        if not receipts or any(one.header["settings"]["is_optimized"] == is_plain for one in told):
            raise RuntimeError(f"no sprint of {name} ran: {ended.stderr[-500:]}")
        done = sum(receipt.verdict == "done" for receipt in receipts)
        seconds = sum(one.seconds for one in told) / self._speed
        return Trial(len(told), done, len(document["tasks"]), seconds, sum(receipt.waited_s for receipt in receipts))

    def close(self) -> None:
        """End the engine."""
        self._engine("stop")

    def _engine(self, *words: str) -> subprocess.CompletedProcess[str]:
        environ = {name: text for name, text in os.environ.items() if not name.startswith("ENGINE_")}
        environ |= {"ENGINE_HOME": str(self._folder / "engine"), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-P", "-m", "engine", *words, "-f", str(self._folder / "pools.yaml")]
        return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=RUN_S, check=False)
