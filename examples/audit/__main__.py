"""`python -m examples.audit`: from the command line to the written report.

Owns the way from options to files, and the exit code: 0 done, 1 some agents failed, 130 interrupted, else that of the
engine's error.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from engine import Engine
from engine.errors import EngineError, PoolError, exit_code
from examples.audit import roots
from examples.audit.job import AGENT_FAILED, KINDS, Job
from examples.audit.options import Options, read_options
from examples.audit.outcome import Outcome
from examples.audit.pool import pools_for
from examples.audit.progress import Watch, shown
from examples.audit.report.files import write
from examples.audit.report.summary import summary
from examples.audit.tree import Tree, grow, read_tree

DONE, FAILED, ASKED_WRONGLY, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Audit what the command line names; returns the exit code."""
    options = read_options(sys.argv[1:] if arguments is None else arguments)
    tree = _tree(options)
    if not tree.modules:
        return _refuse("no Python module there: name a folder that holds .py files", ASKED_WRONGLY)
    run = _Run(options, tree)
    try:
        with shown(is_quiet=options.is_quiet) as watch:
            outcome = asyncio.run(run.audit(watch))
    except KeyboardInterrupt:
        return _refuse(
            f"stopped: {run.done:,} of {len(tree.modules):,} modules were audited, no report was written", INTERRUPTED
        )
    except (EngineError, PoolError) as error:
        return _refuse(f"{type(error).__name__}: {error}", exit_code(error))
    return _finish(options, outcome)


class _Run:
    """One audit under way, which can still be asked how far it came when it was interrupted."""

    def __init__(self, options: Options, tree: Tree) -> None:
        self._options = options
        self._tree = tree
        self._job: Job | None = None

    @property
    def done(self) -> int:
        return self._job.done if self._job else 0

    async def audit(self, watch: Watch) -> Outcome:
        options = self._options
        pools = options.pools or pools_for(self._tree, agents=options.agents, workers=options.workers)
        async with Engine(kinds=KINDS, pools=pools) as engine:
            self._job = Job(self._tree, engine, watch, agents=options.agents)
            return await self._job.run()


def _tree(options: Options) -> Tree:
    """What the paths hold; without any, the interpreter's own modules, and as many of the outer one's as are wanted."""
    if options.paths:
        return read_tree(roots.given(options.paths))
    return grow(read_tree(roots.interpreter()), roots.outer(), options.agents)


def _finish(options: Options, outcome: Outcome) -> int:
    written = write(options.out, outcome)
    if not options.is_quiet:
        for line in (*summary(outcome), *written):
            print(line)
    return FAILED if outcome.totals.broken.get(AGENT_FAILED) or outcome.unheard else DONE


def _refuse(why: str, code: int) -> int:
    print(f"audit: {why}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
