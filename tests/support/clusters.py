"""The file of a cluster whose nodes are hosts of a test."""

from __future__ import annotations

import json
import shlex
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path
from typing import Any, Protocol

from tests.support.commands import ROOT, Commands
from tests.support.fabric import free_ports
from tests.support.sshhosts import Host

__all__ = ["install", "rows", "said", "write"]

#: Ports that servers on one host take behind the first.
ROW = 3
#: A cluster that finds out sooner who is lost.
TIMING = {"heartbeat_s": 0.5, "suspicious_s": 2, "offline_s": 4, "task_lease_s": 3, "leader_lease_s": 3, "leader_check_s": 1}
#: What a bad host is given: a machine with work to do may take this long for a good one.
CONNECT_S = 20


class Keys(Protocol):
    """The files with which hosts are reached."""

    @property
    def identity(self) -> Path:
        """The key that they let in."""

    @property
    def known(self) -> Path:
        """The keys that they have."""


def write(
    engine: Commands,
    there: Keys,
    ports: list[int],
    *,
    user: str = "ada",
    agents: Sequence[int] = (),
    more: dict[str, Any] | None = None,
    **ssh: Any,
) -> None:
    """A cluster.yaml with a node for each port.

    agents: of each node; 100 where it is not said.  more: sections of it; its servers listen at free ports unless it says
    where.
    """
    facts = {"identity": str(there.identity), "known_hosts": str(there.known), "connect_timeout_s": CONNECT_S} | ssh
    nodes = [
        {"id": f"n{at}", "address": f"{user}@127.0.0.1:{port}", "role": "worker" if at > 1 else "primary", "agents": most}
        for at, (port, most) in enumerate(zip_longest(ports, agents, fillvalue=100), 1)
    ]
    file = engine.folder / "cluster.yaml"
    before = json.loads(file.read_text()) if file.exists() else {}
    nats = before.get("nats") or dict(zip(("port", "peer_port"), rows(2), strict=True))
    file.write_text(json.dumps({"folder": "~/c", "ssh": facts, "nats": nats, "timing": TIMING, "nodes": nodes} | (more or {})))


def rows(count: int) -> list[int]:
    """The first of several ports in a row at which nobody listens, so many times."""
    found: list[int] = []
    while len(found) < count:
        start = free_ports(1)[0]
        with suppress(OSError, OverflowError):
            for port in range(start, start + ROW):
                socket.create_server(("127.0.0.1", port)).close()
            if all(abs(start - other) >= ROW for other in found):
                found.append(start)
    return found


def install(engine: Commands, host: Host) -> None:
    """Give a host a home folder with the engine in it, as if `up` had brought it: this very one."""
    host.home = engine.folder / str(host.port)
    command = host.home / "c" / "current" / "bin" / "engine"
    command.parent.mkdir(parents=True)
    words = shlex.join([sys.executable, "-P", "-m", "engine"])
    command.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {words} "$@"\n')
    command.chmod(0o755)
    (command.parent / "python").symlink_to(Path(sys.executable).resolve())
    (host.home / "c" / "wheels").mkdir()
    (host.home / "c" / "pools.yaml").write_text("agents: 100\npools: {p1: {agents: 100}}\n")


def said(engine: Commands, *words: str, code: int = 0) -> dict[str, Any]:
    """The document that `engine cluster` prints."""
    done = engine("cluster", *words, "--json", timeout_s=200)
    assert done.returncode == code, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told
