"""`python -m bench`: the command line of the measurements. Exit codes: 0 all measured, 1 a workload could not be measured,
2 asked wrongly, 130 interrupted."""

from __future__ import annotations

import argparse
import difflib
import signal
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console

from bench.bytecode import have_bytecode
from bench.harness import measure
from bench.machine import machine_facts
from bench.report import facts_line, figure_table, json_lines
from bench.results import append_results
from bench.workload import NAMES, Size, find_workload
from engine.errors import EngineError
from pools.errors import PoolError

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["main"]

#: columns of a table that is written to a file: what the longest one needs.
PIPED_COLUMNS = 150

#: exit code after Ctrl-C: 128 and the signal's number.
INTERRUPTED = 130

EPILOG = (
    "Each workload runs in rounds, all sides in turn; a ratio is to `raw`, the same work with no engine, in the same round."
)


def main(argv: list[str] | None = None) -> int:
    """Measure what was asked for; returns the exit code."""
    given = sys.argv[1:] if argv is None else argv
    if given[:1] == ["killstorm"]:
        from bench.killstorm import main as storm

        return storm(given[1:])
    if given[:1] == ["powercut"]:
        from bench.powercut import main as cut

        return cut(given[1:])
    options = _parser().parse_args(given)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    signal.signal(signal.SIGTERM, _interrupt)
    # A shell starts what it puts in the background with Ctrl-C ignored; the loop then would not hear the request either.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if not have_bytecode():
            print("not all bytecode could be written: processes take longer to start, as they compile", file=sys.stderr)
        failed = [name for name in options.workloads or NAMES if not _measure_one(name, options)]
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 1 if failed else 0


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """A request to end ends as Ctrl-C does: every workload first ends the processes that it started."""
    signal.raise_signal(signal.SIGINT)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the engine.", epilog=EPILOG)
    parser.add_argument(
        "workloads", nargs="*", type=_workload_name, metavar="WORKLOAD", help=f"any of {', '.join(NAMES)}; all by default"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line; the first of a workload is its own figure")
    parser.add_argument("--runs", type=_runs, metavar="N", help="rounds; each workload has its own number otherwise")
    parser.add_argument("--seed", type=int, metavar="N", help="of what is drawn by chance; the same each time otherwise")
    parser.add_argument("--quick", action="store_true", help="small sizes and one round: shows that it works; nothing is kept")
    return parser


def _workload_name(text: str) -> str:
    if text in NAMES:
        return text
    near = difflib.get_close_matches(text, NAMES, 1)
    raise argparse.ArgumentTypeError(
        f"no workload {text!r}" + (f", did you mean {near[0]}?" if near else f"; there are {', '.join(NAMES)}")
    )


def _runs(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"rounds are a whole number from 1, not {text!r}")
    return int(text)


def _measure_one(name: str, options: argparse.Namespace) -> bool:
    facts = machine_facts()
    try:
        workload = find_workload(name)
        runs = options.runs or (1 if options.quick else workload.runs)
        figures = measure(workload, Size(runs, options.quick, options.seed))
    except (EngineError, PoolError, OSError, ValueError, ImportError, subprocess.SubprocessError) as error:
        print(f"{name} was not measured: {type(error).__name__}: {error}", file=sys.stderr)
        return False
    if options.json:
        print("\n".join(json_lines(figures, str(facts["commit"]))), flush=True)
    else:
        console = Console(width=None if sys.stdout.isatty() else PIPED_COLUMNS)
        console.print(figure_table(figures))
        console.print(facts_line(facts), style="dim", highlight=False)
    if not options.quick:
        append_results(figures, facts, datetime.now(UTC))
    return True


if __name__ == "__main__":
    sys.exit(main())
