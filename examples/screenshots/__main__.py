"""`python -m examples.screenshots [--out DIR]`: the dashboard's screens as pictures (SVG), from a real engine at work.

It starts an engine of its own, gives it agents, tasks and a sprint, kills a worker, looks at it as anybody would, and ends it.
Nothing on the pictures is made up; they differ a little each time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from engine.dashboard.app import Dashboard
from engine.dashboard.live import LiveSource

__all__ = ["main"]

ROOT = Path(__file__).resolve().parents[2]
CREW = Path(__file__).parent / "crew.py"
POOLS = "agents: 20000\npools:\n" + "".join(f"  p{n}: {{agents: 5000}}\n" for n in range(1, 5))
#: Seconds that the engine works before the first picture, so that curves have a shape.
WORK_S = 120.0
#: How fast the sprint goes: its fifteen minutes are five.
SPEED = 3.0


class Picture(NamedTuple):
    """One picture. keys: what is pressed for it."""

    name: str
    keys: tuple[str, ...]
    size: tuple[int, int] = (120, 40)
    theme: str = "night"


PICTURES = (
    Picture("overview", ("1",)),
    Picture("overview-light", ("1",), theme="day"),
    Picture("overview-small", ("1",), size=(80, 24)),
    Picture("workers", ("2",)),
    Picture("agents", ("3",)),
    Picture("tasks", ("4",)),
    Picture("sprints", ("5",)),
    Picture("past", ("1", "left", "shift+left")),
)


class Swarm:
    """An engine with a home of its own. folder: an empty one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {name: text for name, text in os.environ.items() if not name.startswith("ENGINE_")}
        self.environ |= {"ENGINE_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)}
        (folder / "pools.yaml").write_text(POOLS)
        (folder / "crew.py").write_text(CREW.read_text())
        self._at_work: list[subprocess.Popen[bytes]] = []

    def __call__(self, *words: str) -> str:
        """A command of the engine; returns what it printed. Raises CalledProcessError."""
        done = subprocess.run(self._words(words), cwd=self.folder, env=self.environ, check=True, stdout=subprocess.PIPE)
        return done.stdout.decode()

    @staticmethod
    def _words(words: Sequence[str]) -> list[str]:
        return [sys.executable, "-P", "-m", "engine", *words]

    def begin(self, *words: str) -> None:
        """A command that goes on meanwhile."""
        quiet: Any = subprocess.DEVNULL
        self._at_work.append(
            subprocess.Popen(self._words(words), cwd=self.folder, env=self.environ, stdin=quiet, stdout=quiet, stderr=quiet)
        )

    def close(self) -> None:
        """End what goes on, and the engine."""
        for process in self._at_work:
            process.terminate()
            process.wait()
        self("stop", "--emergency")


@contextmanager
def swarm() -> Iterator[Swarm]:
    """An engine at work, ended afterwards."""
    with tempfile.TemporaryDirectory(prefix="pic") as folder:
        made = Swarm(Path(folder))
        try:
            set_to_work(made)
            yield made
        finally:
            made.close()


def set_to_work(made: Swarm) -> None:
    """Agents, tasks of all sorts, and a sprint."""
    for kind, count in (("Frontend", 600), ("Backend", 550), ("Tester", 80)):
        made("spawn", "--use", f"crew.py:{kind}", "--count", f"{count}", "--quiet")
    wave = (300 + 280 * ((at // 3_000) % 2) for at in range(400_000))
    pages = (
        {"agent": f"frontend/{at * 7 % 600}", "method": "render", "args": [cells + at % 60]} for at, cells in enumerate(wave)
    )
    write(made.folder / "pages.jsonl", pages)
    write(made.folder / "requests.jsonl", ({"kind": "backend", "method": "answer", "args": [0.8]} for _ in range(100_000)))
    backlog = {
        "schema": "engine.backlog/v1",
        "name": "shop",
        "use": ["crew.py:Tester"],
        "roles": {"tester": {"kind": "tester", "agents": 80}},
        "sprint": {"shape": "waves"},
        "tasks": [
            {
                "id": f"page-{at}",
                "role": "tester",
                "method": "check",
                "args": [str(made.folder / "work" / f"page-{at}"), 7.0],
                "artifacts": [f"page-{at}"],
                "feature": f"page {at // 40}",
            }
            for at in range(1_200)
        ],
    }
    (made.folder / "shop.json").write_text(json.dumps(backlog))
    (made.folder / "work").mkdir()
    made.begin("sprint", "run", "shop.json", "--speed", f"{SPEED:g}")
    made.begin("run", "pages.jsonl")
    made.begin("run", "requests.jsonl")


def write(file: Path, tasks: Any) -> None:
    """Write task lines."""
    with file.open("w") as lines:
        lines.writelines(f"{json.dumps(task)}\n" for task in tasks)


async def take(made: Swarm, out: Path, wait_s: float, wanted: Sequence[Picture]) -> None:
    """Wait until there is something to see, then take the pictures."""
    await asyncio.sleep(wait_s)
    worker = json.loads(made("ps", "--json"))["workers"][1]
    os.kill(worker["pid"], signal.SIGKILL)
    for picture in wanted:
        source = LiveSource("engine", made.environ)
        app = Dashboard(source)
        async with app.run_test(size=picture.size) as pilot:
            app.theme = picture.theme
            await pilot.pause(3.0)
            for key in picture.keys:
                await pilot.press(key)
                await pilot.pause(1.5)
            (out / f"{picture.name}.svg").write_text(app.export_screenshot(title="engine monitor"))
        await source.close()
        print(out / f"{picture.name}.svg", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Take them; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m examples.screenshots", description="Pictures of the dashboard.")
    parser.add_argument("--out", metavar="DIR", type=Path, default=ROOT / "docs" / "screenshots", help="where to (%(default)s)")
    parser.add_argument("--work", metavar="S", type=float, default=WORK_S, help="seconds of work before (%(default)s)")
    names = [picture.name for picture in PICTURES]
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="which (all)")
    options = parser.parse_args(arguments)
    wanted = [picture for picture in PICTURES if picture.name in options.only]
    options.out.mkdir(parents=True, exist_ok=True)
    with swarm() as made:
        asyncio.run(take(made, options.out, options.work, wanted))
    return 0


if __name__ == "__main__":
    sys.exit(main())
