"""The engine of a node, asked over ssh by its own command line.

Owns where a node keeps what, and the words that run the engine there with that. What it answers is one JSON document, read as
data that a stranger wrote.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.cluster.outcome import NodeFailed
from engine.cluster.remote import said

if TYPE_CHECKING:
    from engine.cluster.clusterfile import Cluster
    from engine.cluster.remote import Done, Remote

__all__ = ["Far", "Site", "document"]

#: What `env` ends with where the folder or the command is not there.
MISSING = (125, 126, 127)


class Site(NamedTuple):
    """Where a node keeps what. root: the whole path of the cluster's folder there."""

    root: str

    @property
    def current(self) -> str:
        """The environment that is used now: a link to one of `versions`."""
        return f"{self.root}/current"

    @property
    def pools(self) -> str:
        """What its engine runs on."""
        return f"{self.root}/pools.yaml"

    @property
    def home(self) -> str:
        """Where its engine keeps its socket, its logs and its data."""
        return f"{self.root}/home"

    def words(self, name: str, words: Sequence[str], folder: str | None = None) -> list[str]:
        """The command that says some words to the engine there. folder: in which, None for that of the cluster."""
        environ = [f"ENGINE_HOME={self.home}", f"ENGINE_POOLS={self.pools}"]
        return ["env", f"--chdir={folder or self.root}", *environ, f"{self.current}/bin/engine", "--name", name, *words]


class Far:
    """The engine of one node that is connected."""

    def __init__(self, remote: Remote, cluster: Cluster) -> None:
        self.remote = remote
        self._cluster = cluster

    async def site(self) -> Site:
        """Where this node keeps what."""
        return Site(await self.remote.place(self._cluster.folder))

    async def words(self, *words: str, folder: str | None = None) -> list[str]:
        """The command that says some words to its engine."""
        return (await self.site()).words(self._cluster.name, words, folder)

    async def program(self, module: str, *words: str) -> list[str]:
        """The command that runs a module of the fabric there, whose first word is the node's file."""
        site = await self.site()
        python = f"{site.current}/bin/python"
        return ["env", f"--chdir={site.root}", python, "-P", "-m", f"engine.cluster.{module}", f"{site.root}/node.json", *words]

    async def view(self) -> dict[str, Any]:
        """What the cluster looks like from there. Raises NodeFailed, `unjoined`."""
        done = await self.remote.run(await self.program("view"))
        if done.code:
            raise NodeFailed(f"it does not see the cluster{said(done)}", state="unjoined", mend="engine cluster up", value=done)
        return document(done.out)

    async def ask(self, *words: str, folder: str | None = None) -> dict[str, Any]:
        """The document that a verb of its engine answers with. Raises NodeFailed, `stopped` where no engine runs."""
        done = await self.remote.run(await self.words(*words, "--json", folder=folder))
        self.check(done)
        return document(done.out)

    def check(self, done: Done) -> None:
        """Raises NodeFailed for a command of the engine that has failed."""
        if not done.code:
            return
        error = _error(done.err)
        if error is None and done.code in MISSING:
            raise NodeFailed(f"no engine is installed there{said(done)}", state="missing", mend="engine cluster up", value=done)
        if error is None:
            raise NodeFailed(f"its engine ended with {done.code}{said(done)}", state="failed", value=done)
        kind, message = str(error.get("type")), str(error.get("message"))
        state = "stopped" if kind == "NotRunning" else "failed"
        raise NodeFailed(message, state=state, mend="engine cluster up" if state == "stopped" else "", value=done)


def document(printed: bytes) -> dict[str, Any]:
    """The JSON object that was printed. Raises NodeFailed."""
    try:
        value = json.loads(printed)
    except ValueError as wrong:
        raise NodeFailed(f"what its engine printed is no JSON: {printed[:60]!r}", state="failed") from wrong
    if not isinstance(value, dict):
        raise NodeFailed(f"what its engine printed is no JSON object: {printed[:60]!r}", state="failed")
    return value


def _error(printed: bytes) -> dict[str, Any] | None:
    """The error that a verb said with --json, which is the last line of what it said."""
    lines = printed.strip().splitlines()
    try:
        value = json.loads(lines[-1]) if lines else None
    except ValueError:
        return None
    error = value.get("error") if isinstance(value, dict) else None
    return error if isinstance(error, dict) else None
