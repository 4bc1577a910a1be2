"""`python -m examples.audit.sprints [PATH...]`: the audit in three sprints, with what sprints learn and without.

Each repetition runs the same backlog, of the same seed, both ways, the one first that came second before. Exit code 0 if every
task of every run is done.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from examples.audit import roots
from examples.audit.sprints.comparison import REPEATS, Comparison, compared
from examples.audit.sprints.trial import Bench, Trial
from examples.audit.tree import Tree, read_tree

#: Modules of a run, repetitions, and how fast the time of the sprints goes.
MODULES, TIMES, SPEED = 600, 5, 20.0
WAYS = {True: "plain", False: "learning"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare; returns the exit code."""
    options = _read(arguments)
    tree = read_tree(roots.given(options.paths) if options.paths else roots.interpreter())
    if not tree.modules:
        print("audit: no Python module there: name a folder that holds .py files", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="audit-sprints-") as folder:
        runs = _runs(options, tree, options.out or Path(folder))
    for is_plain, trials in runs.items():
        for one in trials:
            print(f"{WAYS[is_plain]:8}  {_line(one)}")
    print(_said("tasks a second", compared([one.rate for one in runs[True]], [one.rate for one in runs[False]])))
    return 0 if all(one.done == one.planned for trials in runs.values() for one in trials) else 1


def _read(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.audit.sprints", description="The audit in sprints, both ways.")
    parser.add_argument("paths", metavar="PATH", nargs="*", type=Path, help="folder or file (the interpreter's own)")
    parser.add_argument("--modules", metavar="N", type=int, default=MODULES, help="of each run (%(default)s)")
    parser.add_argument("--repeats", metavar="N", type=int, default=TIMES, help="of both ways (%(default)s)")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="of the first repetition (%(default)s)")
    parser.add_argument("--speed", metavar="S", type=float, default=SPEED, help="times as fast as the clock (%(default)s)")
    parser.add_argument("--out", metavar="DIR", type=Path, help="keep everything there")
    options = parser.parse_args(arguments)
    if options.repeats not in REPEATS:
        parser.error(f"--repeats: {REPEATS[0]} to {REPEATS[-1]}")
    return options


def _runs(options: argparse.Namespace, tree: Tree, folder: Path) -> dict[bool, list[Trial]]:
    runs: dict[bool, list[Trial]] = {True: [], False: []}
    bench = Bench(folder, tree, modules=options.modules, speed=options.speed)
    try:
        for at in range(options.repeats):
            for is_plain in (True, False) if at % 2 == 0 else (False, True):
                runs[is_plain].append(bench.run(options.seed + at, is_plain=is_plain))
    finally:
        bench.close()
    return runs


def _line(one: Trial) -> str:
    done = f"{one.done:5} of {one.planned:5} done in {one.sprints} sprints, {one.seconds:6.2f} s"
    return f"{done}: {one.rate:7.1f} a second, {one.waited_s / one.done:.3f} s waited each"


def _said(what: str, found: Comparison) -> str:
    """The comparison in a line."""
    change, low, high = (ratio - 1 for ratio in found)
    return f"{what}: {change:+.1%} with what sprints learn, {low:+.1%} to {high:+.1%} (95 %): {found.verdict}"


if __name__ == "__main__":
    sys.exit(main())
