"""Code loaded on trial, in a process of its own, before workers that hold agents load it.

Owns the trial: an import that ends its process, or never ends, takes nobody else with it. What a kind is, is `registry`'s.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from pools.errors import KindNotLoaded
from pools.kind import Kind
from pools.registry import kinds_of, load_kind, loaded_facts

__all__ = ["main", "probe", "survey"]

#: Seconds that the import of a kind's module may take.
LOAD_S = 30.0


async def probe(reference: str, paths: Sequence[str], environ: Mapping[str, str], output: int | None) -> None:
    """Load a kind in a new process. Raises KindNotLoaded with the user's traceback, OSError where none can be started.

    paths: folders at the end of its import path.  output: descriptor for what it prints, None for this process's own.
    """
    if ":" not in reference:
        load_kind(reference)  # which says that it names no class
    await _tried(reference, [], paths, environ, output)


async def survey(
    place: str, first: Sequence[str], paths: Sequence[str], environ: Mapping[str, str], output: int | None
) -> list[dict[str, Any]]:
    """The facts of each kind in a module or a file, loaded in a new process. Raises as `probe`.

    first: folders at the front of its import path.
    Beside those of `loaded_facts` they have `reference`, `has_upgrade`, and `downgraded`: the fields of a new agent's state as
    `downgrade` gives it back, None where there is none.
    """
    found: list[dict[str, Any]] = await _tried(place, first, paths, environ, output)
    return found


async def _tried(what: str, first: Sequence[str], paths: Sequence[str], environ: Mapping[str, str], output: int | None) -> Any:
    words = (sys.executable, "-P", "-m", "pools.probe", what, json.dumps([list(first), list(paths)]))
    pipe, none = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    child = await asyncio.create_subprocess_exec(*words, stdin=none, stdout=pipe, stderr=output, env=environ)
    try:
        async with asyncio.timeout(LOAD_S):
            said, _ = await child.communicate()
    except TimeoutError as error:
        raise KindNotLoaded(f"{what}: its import did not end within {LOAD_S:.0f} s") from error
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        raise KindNotLoaded(f"{what}: its import ended the process ({_ending(child.returncode)})")
    wrong, found = json.loads(said)
    if wrong is not None:
        raise KindNotLoaded(*wrong)
    return found


def _ending(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit code {status}"


def _surveyed(reference: str, kind: Kind) -> dict[str, Any]:
    facts = {**loaded_facts(kind), "reference": reference, "has_upgrade": kind.upgrade is not None, "downgraded": None}
    if kind.downgrade is not None:
        try:
            state = kind.downgrade(dict(zip(kind.names, json.loads(kind.save(kind.make(0))), strict=True)))
            facts["downgraded"] = sorted(state)
        except Exception as error:
            raise KindNotLoaded(f"{reference}: its downgrade of a new agent's state failed: {error!r:.200}") from error
    return facts


def main() -> None:
    """Load the kind, or all of the module, that the arguments name; print what went wrong, or null, and what was found."""
    what, folders = sys.argv[1:]
    first, paths = json.loads(folders)
    answer = os.dup(1)
    os.dup2(2, 1)
    sys.path[:0] = first
    sys.path.extend(path for path in paths if path not in sys.path)
    wrong, found = None, []
    try:
        if ":" in what:
            load_kind(what)
        else:
            found = [_surveyed(reference, kind) for reference, kind in kinds_of(what)]
    except KindNotLoaded as error:
        wrong = [str(error), error.trace]
    with open(answer, "w", encoding="utf-8") as said:  # noqa: PTH123 - it is a descriptor
        json.dump([wrong, found], said)
    os._exit(0)


if __name__ == "__main__":
    main()
