"""Which nodes there are, and how each of them stands, as one receiver of heartbeats sees it.

Owns the five states and when one becomes another. It goes by the receiver's own monotonic clock, handed in: what a node says of
the time is shown and never used, so that a host whose clock is an hour off harms nobody. Pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from engine.cluster.records import Heartbeat
from engine.errors import ConfigError

__all__ = ["FRESH", "Member", "Membership", "Patience", "State"]

State = Literal["online", "busy", "draining", "suspicious", "offline"]
#: The states of a node that is heard.
FRESH: tuple[State, ...] = ("online", "busy", "draining")
#: Incarnations of a node that are remembered as over: a late heartbeat of one of them says nothing of the node that lives.
OVER = 16
#: Nodes that are kept in mind: whoever can publish may invent names.
NODES = 10_000


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: between heartbeats, and without one until a node is suspicious, offline, and forgotten. Raises ConfigError."""

    heartbeat_s: float = 10.0
    suspicious_s: float = 30.0
    offline_s: float = 60.0
    forget_s: float = 86_400.0

    def __post_init__(self) -> None:
        if not 0 < self.heartbeat_s < self.suspicious_s < self.offline_s < self.forget_s:
            said = "seconds grow: heartbeat_s, suspicious_s, offline_s, forget_s"
            raise ConfigError(
                f"{said}; got {self.heartbeat_s}, {self.suspicious_s}, {self.offline_s}, {self.forget_s}", key="patience"
            )


class Member(NamedTuple):
    """A node as it stands.  silent_s: seconds since it was heard.  skew_s: how far its clock was ahead then, about."""

    heartbeat: Heartbeat
    state: State
    silent_s: float
    skew_s: float


@dataclass(slots=True)
class _Heard:
    heartbeat: Heartbeat
    at_s: float
    skew_s: float
    over: deque[str] = field(default_factory=lambda: deque(maxlen=OVER))


class Membership:
    """The nodes of a cluster. patience: when silence means something."""

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self._heard: dict[str, _Heard] = {}

    def hear(self, heartbeat: Heartbeat, now_s: float, wall_s: float) -> bool:
        """Take in a heartbeat; returns whether it was news. now_s: monotonic.  wall_s: the receiver's, for the skew.

        A repeated or late one is none, nor is one of an incarnation that another has followed.
        """
        info = heartbeat.info
        known = self._heard.get(info.node)
        skew_s = heartbeat.wall_s - wall_s
        if known is None:
            if len(self._heard) >= NODES:
                self.forget(now_s)
            if len(self._heard) >= NODES:
                return False
            self._heard[info.node] = _Heard(heartbeat, now_s, skew_s)
            return True
        last = known.heartbeat
        if info.incarnation in known.over:
            return False
        if info.incarnation == last.info.incarnation:
            if heartbeat.number <= last.number:
                return False
        else:
            known.over.append(last.info.incarnation)
        known.heartbeat, known.at_s, known.skew_s = heartbeat, now_s, skew_s
        return True

    def leave(self, node: str) -> None:
        """Have a node that was shut down be known no more."""
        self._heard.pop(node, None)

    def forget(self, now_s: float) -> list[str]:
        """Let go of nodes that were silent for too long; returns their ids."""
        gone = [node for node, heard in self._heard.items() if now_s - heard.at_s >= self.patience.forget_s]
        for node in gone:
            del self._heard[node]
        return gone

    def members(self, now_s: float) -> dict[str, Member]:
        """Every node that is known, by its id, in the order of ids."""
        return dict(sorted(self._members(now_s)))

    def _members(self, now_s: float) -> Iterator[tuple[str, Member]]:
        for node, heard in self._heard.items():
            silent_s = max(now_s - heard.at_s, 0.0)
            yield node, Member(heard.heartbeat, self._state(heard.heartbeat, silent_s), silent_s, heard.skew_s)

    def _state(self, heartbeat: Heartbeat, silent_s: float) -> State:
        if silent_s >= self.patience.offline_s:
            return "offline"
        if silent_s >= self.patience.suspicious_s:
            return "suspicious"
        if heartbeat.is_draining:
            return "draining"
        return "busy" if heartbeat.running >= heartbeat.room else "online"
