"""Classes that stand in for those of agents that are kept and whose code is gone.

Owns these classes only: each has its kind's name and no field. Such agents can be listed and removed; their state stays as it
is, and what they are asked fails.
"""

from __future__ import annotations

from functools import cache

from pools.agent import Agent, AgentType

__all__ = ["reference_to"]


def reference_to(kind: str) -> str:
    """What a worker loads the stand-in of a kind by."""
    return f"{__name__}:{kind}"


@cache
def __getattr__(kind: str) -> AgentType:
    """The stand-in of a kind, as if it stood here. Raises BadAddress for what is no kind's name."""
    if kind.startswith("_"):
        raise AttributeError(kind)
    inside = {"__module__": __name__, "__qualname__": kind, "is_absent": _is_absent}
    return AgentType(kind, (Agent,), inside, kind=kind)


def _is_absent(_agent: Agent) -> bool:
    """The one thing that can be asked: it is named in the errors of all others."""
    return True
