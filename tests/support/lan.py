"""A network of hosts: namespaces on one switch, each with an sshd and a home of its own, and a cable that can be pulled."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.hosts import ip
from tests.support.hosts import why_not as why_no_hosts
from tests.support.sshd import Sshd, keygen
from tests.support.sshd import why_not as why_no_sshd

__all__ = ["Host", "Lan", "lan", "why_not"]

#: The networks, of which one that is free is taken; this machine is its host 254, the others count from 1.
NETWORKS, BITS, HERE = "10.98", 24, 254


def why_not() -> str:
    """Why there can be no such network here; empty where there can."""
    return why_no_hosts() or why_no_sshd()


class Host:
    """A host. address: where the others find it."""

    def __init__(self, switch: str, network: str, number: int, folder: Path, client: Path) -> None:
        self.address = f"{network}.{number}"
        self.name = f"{switch}h{number}"
        self._switch = switch
        self._port = f"p{number}"
        ip("netns", "add", self.name)
        ip("link", "add", self._port, "netns", switch, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        ip("-n", switch, "link", "set", self._port, "master", "br0", "up")
        ip("-n", self.name, "addr", "add", f"{self.address}/{BITS}", "dev", "eth0")
        for device in ("lo", "eth0"):
            ip("-n", self.name, "link", "set", device, "up")
        self.sshd = Sshd(folder, client, address=self.address, port=22, prefix=self.prefix)

    @property
    def prefix(self) -> list[str]:
        """What a command begins with that runs there."""
        return ["ip", "netns", "exec", self.name]

    @property
    def home(self) -> Path:
        """The home of its user."""
        return self.sshd.home

    def cut(self) -> None:
        """Pull the cable."""
        ip("-n", self._switch, "link", "set", self._port, "down")

    def mend(self) -> None:
        """Plug it in again."""
        ip("-n", self._switch, "link", "set", self._port, "up")

    def pids(self) -> list[int]:
        """The processes there."""
        return _pids(self.name)

    def close(self) -> None:
        """End all that runs there, and remove it."""
        self.sshd.close()
        for pid in self.pids():
            subprocess.run(["kill", "-9", str(pid)], capture_output=True, check=False)
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, check=False)


class Lan:
    """So many hosts. network: what their addresses begin with.  identity, known: the key that they let in, and their keys."""

    def __init__(self, folder: Path, count: int) -> None:
        self._switch = f"lan{os.getpid()}"
        self._cable = f"ln{os.getpid() % 1_000_000}"
        self.network = _free_network()
        self.identity, self.known = folder / "id", folder / "known_hosts"
        self.hosts: list[Host] = []
        keygen(self.identity)
        ip("netns", "add", self._switch)
        ip("-n", self._switch, "link", "add", "br0", "type", "bridge")
        ip("-n", self._switch, "link", "set", "br0", "up")
        ip("link", "add", self._cable, "type", "veth", "peer", "name", "p0", "netns", self._switch)
        ip("-n", self._switch, "link", "set", "p0", "master", "br0", "up")
        ip("addr", "add", f"{self.network}.{HERE}/{BITS}", "dev", self._cable)
        ip("link", "set", self._cable, "up")
        for number in range(1, count + 1):
            self.hosts.append(Host(self._switch, self.network, number, folder / f"host{number}", self.identity))
        self.known.write_text("".join(host.sshd.line() for host in self.hosts))

    def close(self) -> None:
        """Remove all of it."""
        for host in self.hosts:
            host.close()
        for words in (["link", "del", self._cable], ["netns", "del", self._switch]):
            subprocess.run(["ip", *words], capture_output=True, check=False)


@contextmanager
def lan(folder: Path, count: int) -> Iterator[Lan]:
    """A network that is removed afterwards, with all that runs there."""
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    made = Lan(folder, count)
    try:
        yield made
    finally:
        made.close()


def _free_network() -> str:
    """A network that nobody on this machine has now; those who look at the same time begin at different ones."""
    told = subprocess.run(["ip", "-4", "-o", "addr"], capture_output=True, text=True, check=True).stdout
    return next(net for at in range(256) if f" {(net := f'{NETWORKS}.{(os.getpid() + at) % 256}')}." not in told)


def _pids(name: str) -> list[int]:
    told = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=False).stdout
    return [int(pid) for pid in told.split()]
