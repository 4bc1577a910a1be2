"""Deaths at named moments, for those who prove that no moment is a bad one.

Owns the reading of two environment variables. CHECKPOINTS_FAILPOINTS names moments and chances, `commit.written=0.001,…`: a
process that passes such a moment kills itself with that chance, having added the name to the file that CHECKPOINTS_DEATHS
names. Without them a moment costs an empty call.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from random import Random

__all__ = ["MOMENTS", "failpoint_of"]

#: Every moment that a process may die at.
MOMENTS = (
    "open.locked",
    "open.read",
    "commit.written",
    "commit.synced",
    "roll.written",
    "roll.renamed",
    "roll.created",
    "roll.sealed",
    "mark.written",
    "compact.snapshot",
    "compact.written",
    "compact.named",
    "compact.removed",
)


def failpoint_of(environ: Mapping[str, str]) -> Callable[[str], None]:
    """What is called with the name of each moment. Raises ValueError for a moment that there is not."""
    said = environ.get("CHECKPOINTS_FAILPOINTS")
    if not said:
        return _nothing
    chances: dict[str, float] = {}
    for pair in said.split(","):
        name, _, share = pair.partition("=")
        if name not in MOMENTS:
            raise ValueError(f"CHECKPOINTS_FAILPOINTS: there is no moment {name!r}; there are {', '.join(MOMENTS)}")
        try:
            chances[name] = float(share)
        except ValueError as error:
            raise ValueError(f"CHECKPOINTS_FAILPOINTS: the chance of {name} is a number, not {share!r}") from error
    deaths = environ.get("CHECKPOINTS_DEATHS")
    if not deaths:
        raise ValueError("CHECKPOINTS_FAILPOINTS needs CHECKPOINTS_DEATHS, the file where deaths are written down")
    chance = Random(os.getpid())

    def die(name: str) -> None:
        if chance.random() < chances.get(name, 0.0):
            descriptor = os.open(deaths, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.write(descriptor, f"{name}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    return die


def _nothing(_name: str) -> None:
    pass
