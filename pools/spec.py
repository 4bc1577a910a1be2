"""The limits of this floor: each with its unit, its default and its reason.

Owns numbers only. `PoolSpec` is what a pool is made from, `ForesightSpec` how risky tasks are treated; where they come from (a
file, a flag, code) is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass

from checkpoints.shards import SHARDS

__all__ = [
    "AGENTS_TOTAL",
    "AGENT_BYTES",
    "AGENT_MOST_BYTES",
    "BACKLOG_TASKS",
    "BOUND",
    "CANARY",
    "CHECKPOINTS_BYTES",
    "CHECKPOINT_BYTES",
    "COMPRESS_OVER_BYTES",
    "FRAME_BYTES",
    "FRAME_TASKS",
    "KEY_CHARS",
    "NAMES_AT_ONCE",
    "OUTBOX_BYTES",
    "OUTBOX_MESSAGES",
    "OUTBOX_TOTAL",
    "OUTBOX_TOTAL_BYTES",
    "PUMP_S",
    "REPLY_AFTER_S",
    "RESTARTS",
    "RESTART_WINDOW_S",
    "START_S",
    "STEPS_BYTES",
    "STEP_BYTES",
    "STEP_NAME_CHARS",
    "STICKY_KEYS",
    "TASK_STEPS",
    "ForesightSpec",
    "PoolSpec",
]

#: Sticky keys whose agent is remembered, the newest ones: 20 MB.
STICKY_KEYS = 65_536
#: Bytes of state that one agent may have: a ceiling, not a reservation.
AGENT_BYTES = 512 * 1024
#: Agents of one engine unless it is told otherwise: the sum of the four shipped pools.
AGENTS_TOTAL = 10_000
#: What a class may raise that to: state, messages and answer of a task are one record, and a frame of the log holds 32 MiB.
AGENT_MOST_BYTES = 8 * 1024 * 1024
#: Characters of an agent's key: it must fit in a log line and a file name.
KEY_CHARS = 128
#: Bytes of one frame's body. A larger one is refused before its memory is taken.
FRAME_BYTES = 16 * 1024 * 1024
#: Tasks of one section: large enough that the cost of a frame vanishes, small enough to answer in about half a millisecond.
FRAME_TASKS = 1024
#: Bytes past which a frame is compressed. On a unix socket lz4 costs more time than it saves until a frame is several
#: times the socket's buffer (about 200 KB), where fewer wake-ups pay for it.
COMPRESS_OVER_BYTES = 1024 * 1024
#: Names of agents in one message to a worker: 5,000 of the longest are 0.7 MB.
NAMES_AT_ONCE = 5_000
#: Messages of one agent on their way, those of its task among them: tells, spawns and timers together. Where state is kept they
#: wait in its outbox until they have arrived, and one agent's must not fill the memory of its neighbours.
OUTBOX_MESSAGES = 10_000
#: Bytes of the messages of one task as JSON: they are in one record with its state and its answer, and a frame of the log holds
#: 32 MiB.
OUTBOX_BYTES = 8 * 1024 * 1024
#: Messages on their way of all agents of a worker, where state is kept: some 300 MB.
OUTBOX_TOTAL = 1_000_000
#: Bytes as JSON of those of them that have 256 and more: as much again. A task that is under way may add OUTBOX_BYTES to it.
OUTBOX_TOTAL_BYTES = 256 * 1024 * 1024
#: Steps of one task, its questions to other agents among them: a replay holds all of them in memory.
TASK_STEPS = 10_000
#: Bytes of one step's value as JSON: twice what an agent may have as its state.
STEP_BYTES = 1024 * 1024
#: Bytes of all values of one task's steps together: they are kept until it ends, and read again with the log.
STEPS_BYTES = 16 * 1024 * 1024
#: Characters of a step's name: it must fit in a log line.
STEP_NAME_CHARS = 128
#: Bytes of one checkpoint that a task makes, as JSON with the agent's state: twice what an agent may have as its state.
CHECKPOINT_BYTES = 1024 * 1024
#: Bytes of the checkpoints of all agents of a worker: all of them are in its memory, which is half of a shipped pool's then.
CHECKPOINTS_BYTES = 64 * 1024 * 1024
#: Tasks that may wait for room on their way to one worker; past it `PoolFull`.
BACKLOG_TASKS = 100_000
#: Seconds a worker runs tasks before it looks at its sockets and timers again.
PUMP_S = 0.005
#: Seconds after which finished tasks are answered although others of their frame still run.
REPLY_AFTER_S = 0.002
#: Deaths of one worker within RESTART_WINDOW_S, without one finished task between them, after which it stays down.
RESTARTS = 5
#: Seconds of the restart budget's window, on the monotonic clock.
RESTART_WINDOW_S = 30.0
#: Share of the agents that gets new code first, and by how much of its tasks more may fail than of the others'.
CANARY, BOUND = 0.1, 0.05
#: Seconds within which a worker has to say that it is ready.
START_S = 20.0


@dataclass(frozen=True, slots=True)
class ForesightSpec:
    """How foresight is set.

    threshold: probability from which on a risk counts, above 0 up to 1.  control: share of risky tasks that stay untreated, so
    that it is known whether treatment is of use, 0 up to 1.  Raises ValueError for others.
    """

    is_on: bool = True
    threshold: float = 0.7
    control: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1 or not 0 <= self.control <= 1:
            raise ValueError(f"threshold is above 0 up to 1, control 0 up to 1, got {self.threshold!r} and {self.control!r}")


@dataclass(frozen=True, slots=True)
class PoolSpec:
    """What a pool is made from.

    agents: most agents it may hold.  cpu: share of the whole machine, above 0 up to 1; None takes what comes.
    cpu_hard: the share is a cap, not a weight under contention.  mem_bytes: PSS of its workers together.
    kinds: the kinds it takes; empty takes any.  mailbox: waiting tasks of one agent.
    window: tasks in flight to one worker.  sleep_after_s: idle seconds after which an agent is put to sleep; None never.
    weight: its part of the tasks that are addressed to a kind, for each worker, against the other pools' weights.
    """

    name: str
    agents: int = 2_500
    cpu: float | None = None
    cpu_hard: bool = False
    mem_bytes: int | None = None
    workers: int = 1
    shards: int = SHARDS
    kinds: tuple[str, ...] = ()
    mailbox: int = 1_000
    window: int = 4_096
    sleep_after_s: float | None = 300.0
    weight: float = 1.0

    def worker(self, number: int) -> str:
        """What a worker of the pool is called, by its number."""
        return self.name if self.workers == 1 else f"{self.name}.{number}"
