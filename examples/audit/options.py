"""What a person can say to an audit on the command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["AGENTS", "Options", "read_options"]

#: Agents that are spawned at least.
AGENTS = 5_000


@dataclass(frozen=True, slots=True)
class Options:
    """The choices of one run. paths: empty for the interpreter's own.  workers: None for one a processor."""

    paths: tuple[Path, ...]
    out: Path
    agents: int
    workers: int | None
    pools: Path | None
    is_quiet: bool


def read_options(arguments: Sequence[str]) -> Options:
    """The options of a command line. Ends the program with code 2 where they make no sense."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.audit",
        description="Thousands of agents audit Python sources: one a module, one a package, one for the report.",
        epilog="Writes audit.md, audit.sarif and audit.svg. Without PATH it reads the standard library of this "
        "interpreter and the packages installed beside it.",
    )
    parser.add_argument("paths", metavar="PATH", nargs="*", type=_existing, help="folder or file to audit")
    parser.add_argument(
        "--out", metavar="DIR", type=Path, default=Path("audit-report"), help="where the report goes (%(default)s)"
    )
    parser.add_argument(
        "--agents",
        metavar="N",
        type=_count,
        default=AGENTS,
        help="agents to spawn at least; without PATH, also the modules to look for (%(default)s)",
    )
    parser.add_argument("--workers", metavar="N", type=_count, help="worker processes (one a processor)")
    parser.add_argument("--pools", metavar="FILE", type=_existing, help="pools.yaml to use instead of one pool of its own")
    parser.add_argument("--quiet", action="store_true", help="no progress, no summary")
    said = parser.parse_args(arguments)
    if said.pools and said.workers is not None:
        parser.error("--workers and --pools: say one; the pools file names the workers")
    if said.workers == 0:
        parser.error("--workers: must be 1 or more")
    return Options(tuple(said.paths), said.out, said.agents, said.workers, said.pools, said.quiet)


def _existing(text: str) -> Path:
    path = Path(text)
    if not path.exists():
        raise argparse.ArgumentTypeError(f"{text!r} does not exist")
    return path


def _count(text: str) -> int:
    try:
        number = int(text.replace("_", "").replace(",", ""))
    except ValueError:
        number = -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, 0 or more")
    return number
