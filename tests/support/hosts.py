"""Hosts as network namespaces, each with a cable to this one that can be pulled."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Host", "hosts", "why_not"]


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=30)


def why_not() -> str:
    """Why there can be no hosts here; empty where there can."""
    if os.geteuid() or shutil.which("ip") is None:
        return "network namespaces need root and the program ip"
    name = f"probe{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode:
        return "this kernel makes no network namespaces here"
    subprocess.run(["ip", "netns", "del", name], check=True)
    return ""


class Host:
    """A host. gateway: the address at which it reaches this one."""

    def __init__(self, number: int) -> None:
        self.name = f"fab{os.getpid()}x{number}"
        self._cable = f"fb{os.getpid() % 100_000}x{number}"
        self.gateway = f"10.97.{number}.1"
        inner = f"{self._cable}n"
        ip("netns", "add", self.name)
        ip("link", "add", self._cable, "type", "veth", "peer", "name", inner, "netns", self.name)
        ip("addr", "add", f"{self.gateway}/24", "dev", self._cable)
        ip("link", "set", self._cable, "up")
        ip("-n", self.name, "addr", "add", f"10.97.{number}.2/24", "dev", inner)
        ip("-n", self.name, "link", "set", inner, "up")

    @property
    def prefix(self) -> list[str]:
        """What a command begins with that runs there."""
        return ["ip", "netns", "exec", self.name]

    def cut(self) -> None:
        """Pull the cable."""
        ip("link", "set", self._cable, "down")

    def mend(self) -> None:
        """Plug it in again."""
        ip("link", "set", self._cable, "up")

    def close(self) -> None:
        """Remove it."""
        for words in (["link", "del", self._cable], ["netns", "del", self.name]):
            subprocess.run(["ip", *words], capture_output=True, check=False)


@contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """Hosts that are removed afterwards."""
    made: list[Host] = []
    try:
        for number in range(count):
            made.append(Host(number + 1))
        yield made
    finally:
        for host in made:
            host.close()
