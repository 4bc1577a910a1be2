"""Deaths at named moments, for those who prove that no moment is a bad one.

Owns the reading of three environment variables. CHECKPOINTS_FAILPOINTS names moments and chances, `commit.written=0.001,…`: a
process that passes such a moment kills itself with that chance, having added the name to the file that CHECKPOINTS_DEATHS
names. An error before the chance, `commit.sync=EIO*0.01`, or for it, fails there instead. CHECKPOINTS_ARMED names a folder:
whoever passes a moment that a file in it is called after takes the file away and does the same: one file, one death. Without
them a moment costs an empty call.
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Iterable, Mapping
from random import Random

__all__ = ["MOMENTS", "failpoint_of"]

#: Every moment that a process may die at.
MOMENTS = (
    "open.locked",
    "open.read",
    "commit.write",
    "commit.written",
    "commit.sync",
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
    """What is called with the name of each moment. Raises ValueError for a moment or an error that there is not.

    What is called ends the process, or raises OSError where an error was named.
    """
    said, armed = environ.get("CHECKPOINTS_FAILPOINTS"), environ.get("CHECKPOINTS_ARMED")
    if not said and not armed:
        return _nothing
    deaths = environ.get("CHECKPOINTS_DEATHS")
    if not deaths:
        raise ValueError("CHECKPOINTS_FAILPOINTS and CHECKPOINTS_ARMED need CHECKPOINTS_DEATHS, the file where deaths are told")
    chances, errors = _read(said.split(",") if said else ())
    chance = Random(os.getpid())

    def strike(name: str) -> None:
        if chance.random() < chances.get(name, 0.0) or (armed and _disarmed(f"{armed}/{name}")):
            descriptor = os.open(deaths, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.write(descriptor, f"{name}\n".encode())
            os.close(descriptor)
            if name in errors:
                raise OSError(errors[name], os.strerror(errors[name]))
            os.kill(os.getpid(), signal.SIGKILL)

    return strike


def _read(pairs: Iterable[str]) -> tuple[dict[str, float], dict[str, int]]:
    """The chance of each moment, and the errors of those that do not end the process."""
    chances: dict[str, float] = {}
    errors: dict[str, int] = {}
    for pair in pairs:
        name, _, share = pair.partition("=")
        if name not in MOMENTS:
            raise ValueError(f"CHECKPOINTS_FAILPOINTS: there is no moment {name!r}; there are {', '.join(MOMENTS)}")
        error, _, share = share.rpartition("*") if "*" in share else (share, "", "1") if share.isupper() else ("", "", share)
        try:
            chances[name] = float(share)
        except ValueError as wrong:
            raise ValueError(f"CHECKPOINTS_FAILPOINTS: the chance of {name} is a number, not {share!r}") from wrong
        if error:
            if error not in errno.errorcode.values():
                raise ValueError(f"CHECKPOINTS_FAILPOINTS: there is no error {error!r}")
            errors[name] = getattr(errno, error)
    return chances, errors


def _disarmed(path: str) -> bool:
    """Whether this moment was armed; it is no more."""
    try:
        os.unlink(path)  # noqa: PTH108 - paths are texts here
    except OSError:
        return False
    return True


def _nothing(_name: str) -> None:
    pass
