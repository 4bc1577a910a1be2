"""A kind loaded on trial, in a process of its own, before workers that hold agents load it.

Owns the trial: an import that ends its process, or never ends, takes nobody else with it. What a kind is, is `registry`'s.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence

from pools.errors import KindNotLoaded
from pools.registry import load_kind

__all__ = ["main", "probe"]

#: Seconds that the import of a kind's module may take.
LOAD_S = 30.0


async def probe(reference: str, paths: Sequence[str], environ: Mapping[str, str], output: int | None) -> None:
    """Load a kind in a new process. Raises KindNotLoaded with the user's traceback, OSError where none can be started.

    paths: folders at the end of its import path.  output: descriptor for what it prints, None for this process's own.
    """
    words = (sys.executable, "-P", "-m", "pools.probe", reference, *paths)
    pipe, none = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    child = await asyncio.create_subprocess_exec(*words, stdin=none, stdout=pipe, stderr=output, env=environ)
    try:
        async with asyncio.timeout(LOAD_S):
            said, _ = await child.communicate()
    except TimeoutError as error:
        raise KindNotLoaded(f"{reference}: its import did not end within {LOAD_S:.0f} s") from error
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        raise KindNotLoaded(f"{reference}: its import ended the process ({_ending(child.returncode)})")
    wrong = json.loads(said)
    if wrong is not None:
        raise KindNotLoaded(*wrong)


def _ending(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit code {status}"


def main() -> None:
    """Load the kind that the arguments name; print null, or the error and its trace."""
    reference, *paths = sys.argv[1:]
    answer = os.dup(1)
    os.dup2(2, 1)
    sys.path.extend(path for path in paths if path not in sys.path)
    wrong = None
    try:
        load_kind(reference)
    except KindNotLoaded as error:
        wrong = [str(error), error.trace]
    os.write(answer, json.dumps(wrong).encode())
    os._exit(0)


if __name__ == "__main__":
    main()
