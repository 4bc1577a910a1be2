"""An agent that makes files, and lies as it is told: it really does, or does not do, what it says. Each task takes a
millisecond of its own cpu time. Above: `receipts`."""

from __future__ import annotations

import os
import time
from pathlib import Path

from engine import Agent

__all__ = ["LIES", "TASK_S", "Maker", "content_of", "replace"]

#: the five ways: what is made does not pass its check; nothing is; what was there before is left as it was; nothing is done
#: that anybody could see; what is there is not its own: a link out, the file of another, or changed later.
LIES = ("wrong", "missing", "stale", "idle", "foreign")
#: seconds of cpu time of one task.
TASK_S = 0.001


def content_of(name: str) -> bytes:
    """What an honest task writes."""
    return f"made by {name}\n".encode() * 4


def replace(path: str) -> None:
    """Have another content of the same length, some time after the receipt."""
    size_bytes = Path(path).stat().st_size
    Path(path).write_bytes(b"x" * size_bytes)


class Maker(Agent):
    """Makes one file a task. Its answer says that it did, whatever it did."""

    def make(self, folder: str, name: str, lie: str, other: str) -> dict[str, int]:
        until_s = time.thread_time() + TASK_S
        path = f"{folder}/{name}"
        content = content_of(name)
        if lie in ("", "wrong", "later"):
            Path(path).write_bytes(content)
        elif lie == "link":
            Path(path).symlink_to(other)
        elif lie == "same":
            os.link(other, path)
        while time.thread_time() < until_s:
            pass
        return {"size": len(content) - (lie == "wrong")}
