"""The engine in the foreground, for a service manager that starts it, watches it and reads what it says.

Owns what the manager is told, and when; the engine is the daemon's.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.daemon import Plan, claimed, serve
from engine.notify import NOTIFY, Notify
from engine.paths import find_paths

if TYPE_CHECKING:
    from engine.config import Config

__all__ = ["run"]


def run(config: Config, *, environ: Mapping[str, str], folder: Path | None = None) -> int:
    """Be the engine of a configuration until it is stopped; returns the exit code. Its log goes to standard output too.

    Raises AlreadyRunning, UnsafePath, KindNotLoaded, StartFailed.
    """
    paths = find_paths(config.name, environ)
    notify = Notify(environ, os.getpid())
    own = {name: value for name, value in environ.items() if name not in NOTIFY}

    def live() -> None:
        """Say so again and again: the loop runs."""
        notify.say("WATCHDOG=1")
        if notify.watch_s is not None:
            asyncio.get_running_loop().call_later(notify.watch_s, live)

    def ready(_recovered: dict[str, Any] | None) -> None:
        notify.say("READY=1", f"MAINPID={os.getpid()}", f"STATUS=engine {config.name} is ready")
        if notify.watch_s is not None:
            live()

    with claimed(paths) as lock:
        os.umask(0o077)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        return serve(Plan(config, paths, own, folder), ready, ending=lambda: notify.say("STOPPING=1"), echo=1)
