"""A service manager hears what it is told, over a real socket; where there is none, nothing happens."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from engine.notify import Notify


@pytest.mark.parametrize("is_abstract", [False, True])
def test_lines_arrive_as_one_datagram(tmp_path: Path, is_abstract: bool) -> None:
    name = f"@engine-test-{os.getpid()}" if is_abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name.replace("@", "\0", 1) if is_abstract else name)
        Notify({"NOTIFY_SOCKET": name}, 5).say("READY=1", "STATUS=fine")
        assert manager.recv(4_096) == b"READY=1\nSTATUS=fine"


def test_a_manager_that_is_gone_or_absent_stops_nobody(tmp_path: Path) -> None:
    Notify({"NOTIFY_SOCKET": str(tmp_path / "nothing")}, 5).say("READY=1")
    Notify({}, 5).say("READY=1")


@pytest.mark.parametrize(
    ("environ", "watch_s"),
    [
        ({"WATCHDOG_USEC": "3000000"}, 1.5),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "5"}, 1.5),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "6"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_signs_of_life_come_twice_as_often_as_they_are_asked_for(environ: dict[str, str], watch_s: float | None) -> None:
    assert Notify({"NOTIFY_SOCKET": "/x", **environ}, 5).watch_s == watch_s
    assert Notify(environ, 5).watch_s is None
