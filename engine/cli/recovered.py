"""What a start found of an engine before it, in words.

Owns these lines only; what was found is told by the daemon.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.cli import figures

__all__ = ["show_recovered"]


def show_recovered(recovered: Mapping[str, Any] | None) -> None:
    """Say what was taken up, how long its replay took, and what a torn tail cost; nothing where there was nothing."""
    if recovered is None or not (recovered["agents"] or recovered["records"]):
        return
    agents = figures.plural(recovered["agents"], "agent")
    records = figures.plural(recovered["records"], "record")
    print(f"took up {agents}: {records} replayed in {figures.span(recovered['seconds'])}")
    for file, at, size_bytes in recovered["torn"]:
        print(f"cut off a torn tail of {size_bytes:,} bytes, which nobody was told of: {file} at {at:,}")
