"""Documents as the engine answers them."""

from __future__ import annotations

from typing import Any

__all__ = ["stats"]


def _pool(name: str, **facts: Any) -> dict[str, Any]:
    known = {"name": name, "state": "up", "agents": 5, "agents_limit": 100, "workers": 2, "open": 1, "done": 40, "failed": 3}
    known |= {"memory_bytes": 1_000, "memory_limit_bytes": None, "cpu": "", "kinds": [], "busy_s": 1.5}
    return {**known, "frames_bytes": {"in": 100, "out": 200}, **facts}


def stats() -> dict[str, Any]:
    """What `stats` answers, of an engine that has seen something of everything."""
    ends = {"done": 60, "failed": 4, "cancelled": 2, "expired": 1}
    return {
        "schema": "engine.stats/v1",
        "name": "engine",
        "version": "0.1.0",
        "durability": "sync",
        "uptime_s": 12.5,
        "agents": {"total": 10, "live": 3, "asleep": 2, "dormant": 5, "limit": 1_000, "kinds": {"counter": 8, "scout": 2}},
        "tasks": {"accepted": 70, **ends, "open": 3},
        "detached": {"accepted": 9, "done": 7, "failed": 1, "cancelled": 0, "expired": 0, "open": 1},
        "journal": {"changes": "full", "reason": "no room"},
        "latency_us": {"count": 10, "sum": 50_500, "buckets": [[63, 2], [64, 1], [127, 2], [1_000_000, 4], [536_870_911, 1]]},
        "messages": {"tells": 11},
        "workers": {"total": 4, "running": 3, "restarts": 5, "full": 1, "stopped": 0},
        "healing": {
            "found": {"hung": 2},
            "sick": 1,
            "errors": {"tasks": 4, "workers": 1},
            "recoveries": {"restarted": 3, "workers": 1},
        },
        "breakers": {"closed": 3, "open": 1, "half_open": 0, "forced": 1, "openings": 2, "outside": []},
        "waits": {"blocked": 1, "deadlocks": 2},
        "pressure": {"shed": {"rate": 5, "backlog": 0}},
        "alerts": [{"what": "agent"}],
        "foresight": {"judged": 6, "risky": 2},
        "memory_bytes": {"engine": 2_000, "workers": 3_000, "total": 5_000},
        "pools": [
            _pool("p1", memory_limit_bytes=128_000_000),
            _pool("p2", done=20, failed=1, frames_bytes={"in": 300, "out": 400}),
        ],
        "keeper": {"pid": 7, "restarts": 2},
        "log": {"level": "info", "written": 100, "dropped": 7},
    }
