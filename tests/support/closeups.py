"""Documents of agents, tasks and events as a test plants them: each cell is known and differs from the others."""

from __future__ import annotations

from typing import Any

from tests.support.sources import NOW_S, PlantedSource, busy

__all__ = ["AGENT", "close", "page", "why"]

AGENT: dict[str, Any] = {
    "schema": "engine.agent/v1", "agent": "frontend/342", "kind": "frontend", "pool": "p1", "worker": "p1.0", "shard": 7,
    "worker_state": "running", "worker_reason": "", "is_paused": False, "status": "run", "unreadable": "", "apart": 0,
    "state": {"pages": 41, "title": "Start", "open": ["/a", "/b"], "scores": {"speed": 0.91}}, "omitted": {"history": 71_000},
    "running": {"method": "render", "task": "a1b2c3d4-77", "since_s": NOW_S - 3.2, "for_s": 3.2, "is_alone": False},
    "mailbox": [{"method": "render", "task": f"9.{at}", "age_s": 2.5 - at / 4} for at in range(3)], "mailbox_count": 3,
    "queued": [{"method": "check", "task": "11.0", "age_s": 0.2}], "in_front": 12, "restarts": 4,
    "last": [
        {"method": "render", "ended_s": NOW_S - 4, "took_s": 0.0123, "error": None},
        {"method": "check", "ended_s": NOW_S - 9, "took_s": 1.5, "error": "ValueError: no such page /c"},
    ],
    "failures": [{"at_s": NOW_S - 9, "method": "check", "task": "8.1", "error": "ValueError: no such page /c"}],
    "tasks": [
        {"id": "a1b2c3d4-77", "name": "start-page", "state": "running", "method": "render", "attempts": 2,
         "accepted_s": NOW_S - 61, "started_s": NOW_S - 3.2, "ended_s": None, "cause": None},
        {"id": "a1b2c3d4-70", "name": None, "state": "failed", "method": "check", "attempts": 1, "accepted_s": NOW_S - 90,
         "started_s": NOW_S - 80, "ended_s": NOW_S - 70, "cause": {"type": "TaskHung", "message": "it ran for too long"}},
    ],
    "quarantine": {
        "agent": "frontend/342", "status": "recovered", "severity": 4, "level": "replace", "since_s": NOW_S - 400,
        "cause": "failed 3 times with ValueError", "method": "check",
        "fixes": [{"fix": "a new object with its state", "outcome": "applied", "ts": 0}],
    },
    "checkpoints": [
        {"revision": 6, "kind": "milestone", "at_s": NOW_S - 3, "task_id": "a1b2c3d4-77", "progress": 0.5,
         "partial_result": {"page": 20}, "context": None, "metadata": None},
        {"revision": 5, "kind": "pre_failover", "at_s": NOW_S - 90, "task_id": "", "progress": None,
         "partial_result": None, "context": None, "metadata": {"reason": "it hung"}},
    ],
}  # fmt: skip

#: Agents of a page: one of each sort, then many that were never asked anything.
ROWS = [
    {"agent": "frontend/342", "pool": "p1", "worker": "p1.0", "status": "run", "mailbox": 3, "restarts": 4},
    {"agent": "backend/17", "pool": "p1", "worker": "p1.1", "status": "quarantined", "mailbox": 0, "restarts": 12},
    {"agent": "tester/3", "pool": "p2", "worker": "p2.0", "status": "idle", "mailbox": 0, "restarts": 0},
    {"agent": "memory/notes-2026", "pool": "p2", "worker": "p2.2", "status": "asleep", "mailbox": 0, "restarts": 0},
]

LONG = {"type": "ValueError", "message": "no such page /c, though it stands in the list of pages that were to be made"}
TASKS = [
    {"id": "a1b2c3d4-80", "name": "ship", "state": "waiting", "agent": "ops/1", "method": "ship", "attempts": 0,
     "accepted_s": NOW_S - 4, "cause": None, "waiting_for": ["start-page"], "waiting_for_count": 2, "due_s": None,
     "progress": None},
    {"id": "a1b2c3d4-77", "name": "start-page", "state": "running", "agent": "frontend/342", "method": "render", "attempts": 2,
     "accepted_s": NOW_S - 61, "cause": None, "waiting_for": [], "waiting_for_count": 0, "due_s": None, "progress": 0.42},
    {"id": "a1b2c3d4-76", "name": None, "state": "done", "agent": "backend/17", "method": "answer", "attempts": 1,
     "accepted_s": NOW_S - 62, "cause": None, "waiting_for": [], "waiting_for_count": 0, "due_s": None, "progress": None},
    {"id": "a1b2c3d4-70", "name": None, "state": "failed", "agent": "frontend/342", "method": "check", "attempts": 3,
     "accepted_s": NOW_S - 3_700, "cause": LONG, "waiting_for": [], "waiting_for_count": 0, "due_s": None, "progress": None},
]  # fmt: skip

EVENTS = [
    ("engine.ready", "engine is ready, pid 4000", "info", 754),
    ("worker.ready", "p1.2 is ready, 41 records replayed in 29 ms", "info", 753),
    ("worker.died", "p1.2: killed by signal 9", "warning", 62),
    ("agent.raised", "frontend/342 check [9.1] raised an error: ValueError: no such page /c; severity 2, restart", "info", 9),
    ("worker.down", "p1.2: it died again and again (killed by signal 9), and is not started any more", "error", 2),
]


def page(**facts: Any) -> dict[str, Any]:
    """A page of a hundred thousand agents."""
    matched = 3 if facts["status"] else 100_000
    rows = [
        {**ROWS[2], "agent": f"counter/{at}", "status": "dormant"} for at in range(min(facts["limit"], matched) - len(ROWS))
    ]
    agents = [*ROWS, *rows][: min(facts["limit"], matched)]
    return {"total": 100_000, "matched": matched, "kinds": {"counter": 100_000}, "silent": [], "agents": agents}


def why(**_facts: Any) -> dict[str, Any]:
    """The story of the task that failed."""
    task = {
        **TASKS[3], "is_any": False, "started_s": NOW_S - 3_600, "ended_s": NOW_S - 3_598, "deadline_s": None, "retried": 2,
        "options": {"priority": "high", "retries": 2}, "requeue_of": None, "requeued_as": None, "effects": None, "ran_s": None,
    }  # fmt: skip
    attempts = [
        {"started_s": NOW_S - 3_690 + at * 30, "ended_s": NOW_S - 3_688 + at * 31, "agent": "frontend/342", "error": LONG}
        for at in range(3)
    ]
    return {
        "task": task, "args": ["/c", 7], "args_bytes": 8, "waited_for_count": 1, "now_s": NOW_S, "attempts": attempts,
        "waited_for": [{"task": "plan", "id": "a1b2c3d4-60", "state": "done", "ended_s": NOW_S - 3_695, "waited_s": 5.0}],
        "time": {"total_s": 102.0, "tasks_s": 5.0, "due_s": 0.0, "room_s": 5.0, "attempts_s": 9.0, "between_s": 83.0},
        "place": {"agent": "frontend/342", "pool": "p1", "worker": "p1.0", "state": "running", "reason": ""},
        "obstacles": [{"what": "breaker", "text": "the breaker of pool p1 is half-open"}],
    }  # fmt: skip


def close() -> PlantedSource:
    """A swarm at work, looked at closely."""
    source = busy()
    counts = {"accepted": 4, "done": 1, "failed": 1, "cancelled": 0, "expired": 0, "open": 2}
    source.documents |= {
        "agents": page,
        "agent": AGENT,
        "tasks": {"counts": counts, "kept": 4, "tasks": TASKS},
        "dlq": {"total": 1, "letters": TASKS[3:]},
        "why": why,
        "events": [{"name": name, "text": text, "level": level, "time_s": NOW_S - ago} for name, text, level, ago in EVENTS],
    }
    return source
