"""A node gets the engine that runs here: checked, copied, installed offline, configured, started.

Owns the order of these steps, each of which may be done again: what is there already stays, so that one which was cut off
goes on where it was. What is done on the node itself stands in `onnode`.
"""

from __future__ import annotations

import json
import math
import platform
import re
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engine import __version__, units
from engine.cluster import onnode
from engine.cluster.far import Far, Site, document
from engine.cluster.joining import Joining
from engine.cluster.outcome import NodeFailed
from engine.cluster.remote import said
from engine.cluster.wheelhouse import EXTRA, PROJECT

if TYPE_CHECKING:
    from engine.cluster.clusterfile import Cluster
    from engine.cluster.node import Node
    from engine.cluster.remote import Remote
    from engine.cluster.wheelhouse import Wheelhouse

__all__ = ["Installation", "pools_text"]

#: Room on a node's disk: for each byte of the wheels, packed out and beside them; and for an engine to work in.
ROOM_FACTOR, ROOM_BYTES = 5, 200 * 1024 * 1024
#: Seconds from which a clock that goes wrong is told of.
SKEW_S = 2.0
#: The oldest Python that the engine runs on.
OLDEST = (3, 11)
#: What `env` ends with where there is no such command.
MISSING = (126, 127)

_WORKERS = re.compile(r"agents: [0-9]+\npools:\n  node:\n    agents: [0-9]+\n    workers: ([0-9]+)\n")


def pools_text(node: Node, cores: int, before: str = "") -> str:
    """The pools.yaml of a node that was given none: one pool with as many workers as it may use cores.

    cores: of the node.  before: the one that it had: workers stay as many, since its state was made by them.
    Raises ValueError for a share that it does not have.
    """
    share = 1.0 if node.cpu is None else units.parse_cpu_share(node.cpu, cores)
    had = _WORKERS.match(before)
    workers = max(min(math.ceil(share * cores), node.agents), 1) if had is None else int(had[1])
    lines = [f"agents: {node.limit}", "pools:", "  node:", f"    agents: {node.limit}", f"    workers: {workers}"]
    lines += [f"    cpu: {node.cpu}"] if node.cpu is not None else []
    lines += [f"    mem: {units.show_size(node.ram_bytes)}"] if node.ram_bytes is not None else []
    return "\n".join(lines) + "\n"


class Installation:
    """One node on its way. say: told of each step, in a few words."""

    def __init__(self, cluster: Cluster, node: Node, wheels: Wheelhouse, say: Callable[[str], None]) -> None:
        self._cluster = cluster
        self._node = node
        self._wheels = wheels
        self._say = say
        self._facts: dict[str, Any] = {}
        self._python = ""

    async def look(self, remote: Remote) -> tuple[Any, ...]:
        """See whether the node can have it; returns the place of its folder, which no other node has. Raises NodeFailed."""
        self._python = await self._check(remote, Site(await remote.place(self._cluster.folder)))
        return tuple(self._facts["place"])

    async def prepare(self, remote: Remote) -> dict[str, Any]:
        """Have all that it needs there, without a change to what runs, once it was looked at; what is told of the node then.

        Raises NodeFailed.
        """
        site = Site(await remote.place(self._cluster.folder))
        pools = self._pools()
        copied = await self._copy(remote, site)
        wanted = f"{PROJECT}[{EXTRA}]=={__version__}"
        answer = await self._order(remote, site, "install", version=self._wheels.version, wanted=wanted)
        await remote.write(pools.encode(), f"{site.root}/{onnode.SENT}")
        told = {name: self._facts[name] for name in ("python", "cores", "free_bytes", "skew_s")}
        return {**told, "version": self._wheels.version, "copied_bytes": copied, "is_installed": answer["is_new"]}

    async def start(self, remote: Remote) -> dict[str, Any]:
        """Have an engine of this version run there, with what it may take, once all is prepared. Raises NodeFailed.

        An engine that runs keeps what it was started with, so that pools.yaml is changed while none does.
        """
        site = Site(await remote.place(self._cluster.folder))
        far = Far(remote, self._cluster)
        stats = await self._stats(far)
        is_old = self._facts["current"] != self._wheels.version
        is_changed = self._facts["pools"] != self._pools()
        is_kept = stats is not None and is_changed and not is_old and stats.get("durability") == "memory"
        if is_kept:
            self._say("goes on with the pools.yaml before: its agents are in memory alone, a restart would lose them")
        is_ended = stats is not None and not is_kept and (is_old or is_changed)
        if is_ended:
            self._say("stops the version before" if is_old else "starts its engine anew: what it may take has changed")
            await Joining(self._cluster, self._node, remote).leave(is_emergency=False)
            await far.ask("stop")
        await self._order(remote, site, "switch", version=self._wheels.version, is_kept=is_kept)
        if stats is None or is_ended:
            self._say("starts")
            await far.ask("start", "--keep")
        await far.ask("wait", "ready")
        return {"is_started": stats is None or is_ended, "needs_restart": is_kept}

    async def _stats(self, far: Far) -> dict[str, Any] | None:
        """What its engine says; None where none runs."""
        if self._facts["current"] is None:
            return None
        try:
            return await far.ask("stats")
        except NodeFailed as failed:
            if failed.state == "stopped":
                return None
            raise

    def _pools(self) -> str:
        if self._cluster.pools is not None:
            return self._cluster.pools.read_text()
        try:
            return pools_text(self._node, self._facts["cores"], self._facts["pools"])
        except ValueError as wrong:
            raise NodeFailed(f"cpu: {wrong}", state="unfit", mend=f"correct it in {self._cluster.file}") from wrong

    async def _check(self, remote: Remote, site: Site) -> str:
        """Look whether the node can have it; returns its Python. Raises NodeFailed, `unfit`."""
        for python in (f"python3.{sys.version_info[1]}", "python3"):
            began_s = time.time()
            words = self._words(python, site, "probe")
            done = await remote.run(words, stdin=onnode.program())
            if done.code in MISSING:
                continue
            if done.code:
                raise NodeFailed(
                    f"{python} cannot be used there{said(done)}", state="unfit", mend="install Python 3.11 or newer"
                )
            self._facts = _answer(document(done.out))
            self._facts["skew_s"] = round(self._facts["time_s"] - (began_s + time.time()) / 2, 3)
            self._check_fit(python)
            return python
        raise NodeFailed("there is no python3", state="unfit", mend="install Python 3.11 or newer there")

    def _check_fit(self, python: str) -> None:
        facts = self._facts
        if facts["system"] != "Linux":
            raise NodeFailed(f"it runs {facts['system']}: the engine runs on Linux only", state="unfit")
        if tuple(int(part) for part in facts["python"].split(".")[:2]) < OLDEST:
            raise NodeFailed(f"its {python} is {facts['python']}", state="unfit", mend="install Python 3.11 or newer there")
        ours = (sys.implementation.cache_tag, platform.machine())
        if self._wheels.is_built and (facts["tag"], facts["machine"]) != ours:
            theirs = f"its {python} is {facts['tag']} on {facts['machine']}"
            said = f"{theirs}, the wheels from here are for {ours[0]} on {ours[1]}"
            raise NodeFailed(said, state="unfit", mend=f"install python3.{sys.version_info[1]} there, or say --wheelhouse DIR")
        if self._wheels.version not in facts["versions"]:
            needed = ROOM_FACTOR * self._wheels.size_bytes + ROOM_BYTES
            if facts["free_bytes"] < needed:
                said = f"its disk has {facts['free_bytes'] // 10**6:,} MB free, {needed // 10**6:,} MB are needed"
                raise NodeFailed(said, state="unfit", mend="make room there, or give the cluster another folder")
        if abs(facts["skew_s"]) > SKEW_S:
            self._say(f"has a clock that is {abs(facts['skew_s']):.1f} s {'fast' if facts['skew_s'] > 0 else 'slow'}")

    async def _copy(self, remote: Remote, site: Site) -> int:
        """Copy the wheels that are not there; returns how many bytes that were."""
        if self._wheels.version in self._facts["versions"]:
            return 0
        there, digests = self._facts["wheels"], self._wheels.digests
        missing = [file for file in self._wheels.files if there.get(file.name) != digests[file.name]]
        if missing:
            self._say(f"gets {len(missing)} of {len(self._wheels.files)} wheels")
        copied = 0
        for file in missing:
            digest = digests[file.name]
            begun = self._facts["parts"].get(digest, 0)
            copied += await remote.put(file, f"{site.root}/wheels/{digest}{onnode.PART}", begun)
        return copied

    async def _order(self, remote: Remote, site: Site, do: str, **facts: Any) -> dict[str, Any]:
        words = self._words(self._python, site, do, wheels=dict(self._wheels.digests), **facts)
        return _answer(document(await remote.checked(words, stdin=onnode.program())))

    @staticmethod
    def _words(python: str, site: Site, do: str, **facts: Any) -> list[str]:
        return ["env", python, "-I", "-", json.dumps({"do": do, "root": site.root, **facts})]


def _answer(told: dict[str, Any]) -> dict[str, Any]:
    if not told.get("ok"):
        raise NodeFailed(str(told.get("message")), state="failed")
    return told
