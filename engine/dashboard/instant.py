"""What the header tells at one moment.

Owns the facts and their words; pure. A header is drawn again only when one of the words has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from engine.dashboard.cells import ago, minutes, said
from engine.dashboard.figures import Tone
from engine.dashboard.source import Document

__all__ = ["Instant", "instant_of"]


class Instant(NamedTuple):
    """The words of a header.

    state: whether what is seen is live, and how old it is; tone: how bad that is.  facts: of the engine, the first most.
    sprint, phase, wave, left, next: of the sprint that runs, dashes where none does.  progress: 0 to 1, None where none runs.
    """

    state: str
    tone: Tone
    facts: tuple[str, ...]
    sprint: str
    phase: str
    wave: str
    left: str
    next: str
    progress: float | None
    has_sprint: bool


def instant_of(
    name: str,
    overview: Document,
    now_s: float,
    *,
    is_live: bool,
    is_stale: bool,
    moment_s: float | None = None,
    is_file: bool = False,
    is_playing: bool = False,
    note: str = "",
) -> Instant:
    """What is told now. now_s: the clock.  moment_s: the past instant that is shown, None for now.

    is_file, is_playing: whether a file is shown, and goes on by itself.  note: said beside the engine's name.
    """
    facts: Mapping[str, Any] = overview.value or {}
    sprint: Mapping[str, Any] = facts.get("sprint") or {}
    age_s = None if overview.value is None else max(now_s - overview.time_s, 0.0)
    is_running = moment_s is None and is_live and not is_stale and not is_file
    left_s = sprint.get("left_s")
    if left_s is not None and is_running and age_s is not None:  # it runs on between two documents
        left_s = max(left_s - age_s * float(sprint.get("speed") or 1.0), 0.0)
    wave = sprint.get("wave")
    has_failed = overview.error is not None
    state, tone = _state(
        age_s, has_failed=has_failed, is_live=is_live, is_stale=is_stale, is_past=moment_s is not None, is_file=is_file
    )
    if is_file:
        state = "▶ REPLAY" if is_playing else "‖ REPLAY"
    next_in_s = sprint.get("next_in_s")
    return Instant(
        state,
        tone,
        _facts(name, facts, note),
        said(sprint.get("id")),
        said(sprint.get("phase")),
        f"wave {wave + 1}" if wave is not None and wave >= 0 else "",
        minutes(left_s),
        "" if next_in_s is None else f"next in {minutes(next_in_s)}",
        sprint.get("progress"),
        sprint.get("id") is not None,
    )


def _facts(name: str, facts: Mapping[str, Any], note: str) -> tuple[str, ...]:
    kept, up_s, version = facts.get("durability"), facts.get("uptime_s"), facts.get("version")
    parts = (
        said(facts.get("name") or name),
        said(note) if note else "",
        "" if kept is None else "in memory" if kept == "memory" else f"durability {said(kept)}",
        "" if up_s is None else f"up {ago(up_s)}",
        "" if version is None else f"version {said(version)}",
    )
    return tuple(part for part in parts if part)


def _state(
    age_s: float | None, *, has_failed: bool, is_live: bool, is_stale: bool, is_past: bool, is_file: bool
) -> tuple[str, Tone]:
    if is_file or is_past:
        return "▶ REPLAY" if is_file else "◀ PAST", "warning"
    if age_s is None:
        return ("✗ NO ENGINE", "error") if has_failed and not is_live else ("◌ WAITING", "muted")
    if not is_live:
        return f"✗ NO ENGINE, as of {ago(age_s)} ago", "error"
    if is_stale:
        return f"○ STALE, {ago(age_s)} old", "warning"
    return f"● LIVE {ago(age_s)}", "success"
