"""`engine cluster up`: every node gets this very engine, and runs it as a part of one cluster.

Owns the order of what is done on all nodes (all is there before anything is started, all is started before one is waited for),
what is found out in between, and the words about it.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli import figures
from engine.cli.clusterfan import Fanned, cluster_of, document_of, fan, nodes_of, show_ends
from engine.cli.ending import Terminated
from engine.cli.output import hint, show_document
from engine.cli.session import environment
from engine.cluster.layout import Layout, Unformed, decided, lay_out
from engine.cluster.outcome import Outcome
from engine.errors import Unavailable

if TYPE_CHECKING:
    from engine.cluster.clusterfile import Cluster
    from engine.cluster.joining import Surveyed
    from engine.cluster.node import Node
    from engine.cluster.remote import Remote
    from engine.cluster.wheelhouse import Wheelhouse

__all__ = ["run"]

SCHEMA = "engine.cluster.up/v1"
#: Exit codes of SIGINT and SIGTERM.
INTERRUPTED, TERMINATED = 130, 143


def run(options: Namespace) -> int:
    """Bring it, and say what was done."""
    from engine.cluster.hold import Hold
    from engine.cluster.reach import check_library

    cluster = cluster_of(options)
    nodes = nodes_of(options, cluster)
    check_library()
    try:
        wheels = _wheels(options)
    except (KeyboardInterrupt, Terminated) as ended:
        return _unbegun(options, cluster, nodes, INTERRUPTED if isinstance(ended, KeyboardInterrupt) else TERMINATED)
    rising = _Rising(options, cluster, nodes, wheels)
    with Hold(cluster):
        fanned = rising.run()
    layout, unformed = rising.layout, rising.unformed
    if options.json:
        document = document_of(SCHEMA, cluster, fanned, [rising.told.get(node.id, {}) for node in nodes])
        fabric = (
            None
            if layout is None
            else {"servers": [place.node for place in layout.places], "urls": list(layout.urls), "replicas": layout.replicas}
        )
        facts = {"version": wheels.version, "wheels": len(wheels.files), "fabric": fabric, "strangers": rising.strangers}
        show_document(options, {**document, **facts}, "nodes")
        return fanned.code
    show_ends(options, fanned)
    done = [rising.told[one.node] for one in fanned.outcomes if "is_started" in rising.told.get(one.node, {})]
    parts = [f"{len(done)} of {figures.plural(len(nodes), 'node')} run {wheels.version}"]
    parts.append(
        f"installed on {sum(one['is_installed'] for one in done)}, started on {sum(one['is_started'] for one in done)}"
    )
    parts.append(f"{figures.size(sum(one['copied_bytes'] for one in done))} copied")
    parts.append(unformed or f"{figures.plural(len(fanned.done), 'node')} joined")
    print("; ".join(parts))
    if rising.strangers:
        named = ", ".join(rising.strangers)
        said = "agents may live there: write them into it again and drain them, or, if they are lost, engine cluster forget"
        print(f"of the cluster too, and not in {cluster.file}: {named}; {said}")
    for node, told in rising.told.items():
        if told.get("needs_restart"):
            print(f"{node} goes on with the pools.yaml before; for the new one: engine cluster stop --nodes {node}, then up")
    if not fanned.code:
        hint(options, "next: engine cluster spawn --count N")
    return fanned.code


def _unbegun(options: Namespace, cluster: Cluster, nodes: Sequence[Node], code: int) -> int:
    """Say that it was ended before any host was asked; returns the exit code."""
    said = "interrupted before any host was asked"
    fanned = Fanned([Outcome(node.id, str(node.address), "interrupted", 0.0, said) for node in nodes], code)
    if options.json:
        document = document_of(SCHEMA, cluster, fanned, [{} for _ in nodes])
        show_document(options, {**document, "version": None, "wheels": 0, "fabric": None}, "nodes")
    else:
        hint(options, f"\nengine: {said}; nothing was changed")
    return code


def _wheels(options: Namespace) -> Wheelhouse:
    from engine.cluster.wheelhouse import bring, build

    if options.wheelhouse is not None:
        return bring(Path(options.wheelhouse).expanduser())
    hint(options, "engine: wheels of what is installed here")
    return build(environment())


def _cut(outcome: Outcome, told: Mapping[str, Any]) -> Outcome:
    """What became of a node whose next step never came."""
    if not outcome.is_done or "joined" in told:
        return outcome
    said = "interrupted before it was told of the others" if "is_started" in told else "interrupted before it was started"
    return Outcome(outcome.node, outcome.address, "interrupted", outcome.seconds, said, "engine cluster up")


class _Rising:
    """Nodes on their way. told: what is known of each.  layout: of the servers; None where `unformed` says why not.

    strangers: members of the cluster that are not in its file.
    """

    def __init__(self, options: Namespace, cluster: Cluster, nodes: Sequence[Node], wheels: Wheelhouse) -> None:
        from engine.cluster.install import Installation

        self._options = options
        self._cluster = cluster
        self._nodes = {node.id: node for node in nodes}
        self._version = wheels.version
        self._deadline_s: float = options.timeout or cluster.ssh.command_timeout_s
        self._installing = {node.id: Installation(cluster, node, wheels, self._say(node)) for node in nodes}
        self._ended: dict[str, Outcome] = {}
        self._places: dict[tuple[Any, ...], str] = {}
        self._twins: list[str] = []
        self._surveyed: dict[str, Surveyed] = {}
        self._code: int | None = None
        self._certificates: dict[str, str] = {}
        self._credentials = self._of_theirs()
        self.told: dict[str, dict[str, Any]] = {node.id: {} for node in nodes}
        self.layout: Layout | None = None
        self.unformed = ""
        self.strangers: list[str] = []

    def run(self) -> Fanned:
        """Do all of it. Raises ConfigError, before anything was started, where it cannot become one cluster."""
        self._fan("prepared", self._prepare)
        if self._code is None:
            self._survey_others()
            self._check_ids()
            hosts = self._hosts()
            self._decide(hosts)
        for word, job in (("started", self._start), ("is told", self._begin), ("joined", self._wait)):
            if self._code is None:
                self._fan(word, job)
        if self._code is None:
            self._look_for_strangers()
        ended = [self._ended[node] for node in self._nodes]
        return Fanned(ended if self._code is None else [_cut(one, self.told[one.node]) for one in ended], self._code)

    def _look_for_strangers(self) -> None:
        """Find the members of the cluster that its file does not name, as a node tells them that has joined."""
        from engine.cluster.far import Far
        from engine.cluster.outcome import NodeFailed
        from engine.cluster.reach import connected

        async def job(node: Node) -> None:
            with suppress(NodeFailed):  # the servers may be away for a moment: that is no fault of what was done
                async with connected(node, self._cluster.ssh) as remote:
                    plan = await Far(remote, self._cluster).steward({"do": "plan"})
                known = {one.id for one in self._cluster.nodes}
                self.strangers = sorted(str(one) for one in plan.get("members") or () if one not in known)

        joined = [node for node in self._nodes.values() if "joined" in self.told[node.id]]
        fan(self._options, joined[:1], job, deadline_s=self._deadline_s, done=None)

    def _say(self, node: Node) -> Callable[[str], None]:
        return lambda text: hint(self._options, f"engine: {node.id} {text}")

    def _fan(self, word: str, job: Callable[[Node, Remote], Any], only: Iterable[str] | None = None) -> None:
        """Do a job on the nodes that are well so far."""
        from engine.cluster.reach import connected

        wanted = self._nodes if only is None else only
        nodes = [self._nodes[one] for one in wanted if one not in self._ended or self._ended[one].is_done]

        async def with_it(node: Node) -> None:
            async with connected(node, self._cluster.ssh) as remote:
                await job(node, remote)

        fanned = fan(self._options, nodes, with_it, deadline_s=self._deadline_s, done=word)
        for outcome in fanned.outcomes:
            before = self._ended.get(outcome.node)
            seconds = outcome.seconds + (before.seconds if before else 0.0)
            self._ended[outcome.node] = Outcome(
                outcome.node, outcome.address, outcome.state, seconds, outcome.reason, outcome.mend
            )
        if any(outcome.state == "interrupted" for outcome in fanned.outcomes):
            self._code = fanned.code

    async def _prepare(self, node: Node, remote: Remote) -> None:
        from engine.cluster.joining import Joining
        from engine.cluster.outcome import NodeFailed

        other = self._places.setdefault(await self._installing[node.id].look(remote), node.id)
        if other != node.id:
            self._twins.append(f"{node.id} and {other}")
            raise NodeFailed(f"it is {other}: the same folder on the same machine", state="unfit")
        self.told[node.id] |= await self._installing[node.id].prepare(remote)
        self._surveyed[node.id] = await Joining(self._cluster, node, remote).survey()

    def _survey_others(self) -> None:
        """Ask the nodes that were not meant what they know: they may be of the cluster already."""
        from engine.cluster.joining import Joining
        from engine.cluster.reach import connected

        async def job(node: Node) -> None:
            async with connected(node, self._cluster.ssh) as remote:
                self._surveyed[node.id] = await Joining(self._cluster, node, remote).survey()

        others = [node for node in self._cluster.nodes if node.id not in self._nodes]
        fan(self._options, others, job, deadline_s=self._cluster.ssh.command_timeout_s, done=None)
        apart = {
            node.id: surveyed.build for node in others if (surveyed := self._surveyed.get(node.id)) and surveyed.is_attended
        }
        named = [f"{node} runs {build}" for node, build in apart.items() if build != self._version]
        if named:
            said = f"this is {self._version}, and {', '.join(named)}: nodes of a cluster run the same; leave --nodes away"
            raise self._cluster.wrong(said, "--nodes")

    def _check_ids(self) -> None:
        """Raises ConfigError where a node is another one of the cluster already, or two are one."""
        if self._twins:
            said = f"{'; '.join(self._twins)} are the same folder on the same machine: a node has its own; nothing was started"
            raise self._cluster.wrong(said, "nodes")
        for node in self._cluster.nodes:
            surveyed = self._surveyed.get(node.id)
            if surveyed is None or surveyed.node in (None, node.id):
                continue
            is_ours = surveyed.fabric is not None and surveyed.fabric.get("cluster") == self._cluster.name
            if is_ours:
                said = f"{self._cluster.folder} at {node.address} is the node {surveyed.node}, and has its agents"
                mend = f"call it {surveyed.node}, or drain that node, stop it, and give {node.id} another folder"
                raise self._cluster.wrong(f"{said}: {mend}; nothing was started", f"nodes.{node.id}.id", node.line)

    def _hosts(self) -> dict[str, str]:
        """Where nodes reach each other."""
        import asyncio

        from engine.cluster.reach import target_of

        async def found() -> dict[str, str]:
            return {
                node.id: node.host or (await target_of(node.address, self._cluster.ssh)).host for node in self._cluster.nodes
            }

        return asyncio.run(found())

    def _decide(self, hosts: Mapping[str, str]) -> None:
        """Find the servers and the secret that the nodes are told. Raises ConfigError."""
        cluster = self._cluster
        known = {node: one for node, one in self._surveyed.items() if one.fabric is not None}
        for node, one in known.items():
            if one.fabric is not None and one.fabric.get("cluster") != cluster.name:
                said = f"{cluster.folder} on {node} is of the cluster {one.fabric.get('cluster')}: give this one another folder"
                raise cluster.wrong(said, "name")
        records = {tuple(decided(cluster, one.fabric)) for one in known.values() if one.fabric is not None}
        secrets = {json.dumps(one.credentials, sort_keys=True) for one in known.values() if one.credentials is not None}
        if len(records) > 1 or (not cluster.nats.urls and len(secrets) > 1):
            said = f"{', '.join(known)} were parts of different clusters: stop them, and give this one another folder"
            raise cluster.wrong(said, "nodes")
        ready = [node for node in self._nodes if node in self._surveyed]
        try:
            self.layout = lay_out(cluster, hosts, ready, records.pop() if records else ())
        except Unformed as waits:
            self.unformed = str(waits)
            return
        for one in known.values():
            self._certificates |= (one.fabric or {}).get("certificates") or {}
        if cluster.nats.urls:
            self._try_access(is_new=not known)
        else:
            self._credentials = self._of_ours(secrets, is_new=not known)
            self._check_ports()
            self._certify()

    def _of_theirs(self) -> dict[str, Any] | None:
        """What nodes show to the user's own servers. Raises ConfigError, UnsafePath."""
        from engine.cluster.access import secret_of

        file = self._cluster.nats.credentials
        if file is None:
            return None
        user, password = secret_of(file)
        return {"user": user, "password": password}

    def _of_ours(self, secrets: set[str], *, is_new: bool) -> dict[str, Any]:
        """What nodes show to the cluster's servers. Raises Unavailable."""
        from engine.cluster.joining import secret

        if secrets:
            found: dict[str, Any] = json.loads(secrets.pop())
            return found
        if not is_new:
            raise Unavailable(
                "unavailable: the nodes that are reached have lost the cluster's credentials, and others have them"
            )
        return secret()

    def _try_access(self, *, is_new: bool) -> None:
        """Have one node come to the user's own servers. Raises Unavailable, and FabricAway for a new cluster."""
        from engine import errors
        from engine.cluster.access import FabricAway
        from engine.cluster.joining import Joining

        layout = self.layout
        if layout is None:
            return
        done: list[Any] = []

        async def job(node: Node, remote: Remote) -> None:
            done.append(await Joining(self._cluster, node, remote).try_access(layout, self._credentials, self._version))

        self._fan("looked at", job, list(self._surveyed)[:1])
        for one in done:
            said = one.err.decode(errors="replace").strip().rpartition("\n")[2]
            if one.code == errors.AGAIN and is_new:
                raise FabricAway(f"{said}; nothing was started")
            if one.code not in (errors.DONE, errors.AGAIN):
                raise Unavailable(f"{said}; nothing was started")

    def _certify(self) -> None:
        """Have the certificates of all servers. Raises Unavailable where one is missing."""
        from engine.cluster.joining import Joining

        layout = self.layout
        if layout is None or not layout.has_tls:
            return

        async def job(node: Node, remote: Remote) -> None:
            self._certificates[node.id] = await Joining(self._cluster, node, remote).certificate(layout, self._version)

        self._fan("certified", job, [place.node for place in layout.places if place.node in self._nodes])
        layout.bundle(self._certificates)

    def _check_ports(self) -> None:
        """Raises ConfigError where another program has a port of a server."""
        from engine.cluster.joining import Joining

        layout = self.layout
        if layout is None:
            return
        taken: dict[str, list[int]] = {}

        async def job(node: Node, remote: Remote) -> None:
            if found := await Joining(self._cluster, node, remote).check_ports(layout):
                taken[node.id] = found

        self._fan("looked at", job, [place.node for place in layout.places if place.node in self._nodes])
        if taken:
            where = "; ".join(
                f"{node} has a program at {', '.join(str(port) for port in ports)}" for node, ports in taken.items()
            )
            raise self._cluster.wrong(f"{where}: name other ports for the cluster's servers, nothing was started", "nats.port")

    async def _start(self, node: Node, remote: Remote) -> None:
        self.told[node.id] |= await self._installing[node.id].start(remote)

    async def _begin(self, node: Node, remote: Remote) -> None:
        from engine.cluster.joining import UNJOINED, Joining
        from engine.cluster.outcome import NodeFailed

        if self.layout is None:
            raise NodeFailed(self.unformed, state=UNJOINED, mend="engine cluster up")
        self.told[node.id] |= await Joining(self._cluster, node, remote).begin(
            self.layout, self._credentials, self._certificates
        )

    async def _wait(self, node: Node, remote: Remote) -> None:
        from engine.cluster.joining import Joining

        self.told[node.id]["joined"] = await Joining(self._cluster, node, remote).joined(self._deadline_s)
