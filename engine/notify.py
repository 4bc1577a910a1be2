"""What a service manager is told: that the engine is ready, alive, or about to end.

Owns systemd's protocol (sd_notify(3)): datagrams of NAME=VALUE lines to the socket that the environment names. Where it names
none, nothing is said.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress

__all__ = ["NOTIFY", "Notify"]

#: Variables that are for one process and its own, and for none that it starts.
NOTIFY = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class Notify:
    """The way to the manager. environ: names its socket, and how often it wants to hear.  pid: of this process."""

    def __init__(self, environ: Mapping[str, str], pid: int) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        period_us = environ.get("WATCHDOG_USEC", "")
        is_meant = environ.get("WATCHDOG_PID", str(pid)) == str(pid)
        #: Seconds between two signs of life: half of what is asked for; None where none is.
        self.watch_s = int(period_us) / 2e6 if self._address and is_meant and period_us.isdecimal() else None

    def say(self, *lines: str) -> None:
        """Send lines such as READY=1. A manager that is gone is not waited for."""
        if self._address:
            address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
            with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
                manager.sendto("\n".join(lines).encode(), socket.MSG_DONTWAIT, address)
