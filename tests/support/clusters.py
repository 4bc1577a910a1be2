"""The file of a cluster whose nodes are hosts of a test."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any, Protocol

from tests.support.commands import ROOT, Commands
from tests.support.sshhosts import Host

__all__ = ["install", "write"]

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


def write(engine: Commands, there: Keys, ports: list[int], *, user: str = "ada", **ssh: Any) -> None:
    """A cluster.yaml with a node for each port."""
    facts = {"identity": str(there.identity), "known_hosts": str(there.known), "connect_timeout_s": CONNECT_S} | ssh
    nodes = [
        {"id": f"n{at}", "address": f"{user}@127.0.0.1:{port}", "role": "worker" if at > 1 else "primary", "agents": 100}
        for at, port in enumerate(ports, 1)
    ]
    (engine.folder / "cluster.yaml").write_text(json.dumps({"folder": "~/c", "ssh": facts, "nodes": nodes}))


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
