"""What each key of pools.yaml means, in words: for the reference, and for a first file.

Owns the words and an example of each. That every key has some, and that examples can be read, is held by the tests; defaults
come from the code that has them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from engine.breakerkeys import BREAKER_KEYS
from engine.keys import FORESIGHT_KEYS, POOL_KEYS
from engine.logkeys import LOG_KEYS, LogSpec
from pools.breaker import BreakerSpec
from pools.spec import AGENTS_TOTAL, ForesightSpec, PoolSpec

__all__ = ["SECTIONS", "KeyDoc", "Section", "default_of"]


class KeyDoc(NamedTuple):
    """What a key means. about: a sentence.  example: a value that may stand there."""

    about: str
    example: str


class Section(NamedTuple):
    """Some keys. path: what stands before each, NAME where anybody may choose a name.  about: what they are together."""

    path: str
    about: str
    keys: dict[str, KeyDoc]


ENGINE = {
    "name": KeyDoc("which engine this is: several of them on a machine have different names", "nightly"),
    "durability": KeyDoc(
        "how state is kept. `sync`: an answer waits until what it changed is on the disk; `os`: until the kernel has it, which "
        "outlives a killed process, not a power cut; `memory`: it lives as long as its worker",
        "os",
    ),
    "default_kind": KeyDoc("the kind that `engine spawn` makes when none is named", "scout"),
    "agents": KeyDoc("most agents of all pools together", "20000"),
    "tracing": KeyDoc("whether traces of tasks are recorded; OpenTelemetry's variables (`OTEL_…`) say where they go", "true"),
}
KINDS = {
    "NAME": KeyDoc("where the class of a kind stands: `module:Class`, or `file.py:Class` beside this file", "scout.py:Scout"),
}
POOL = {
    "agents": KeyDoc("most agents it holds", "5000"),
    "cpu": KeyDoc(
        "share of the whole machine when others want it too: `25%`; also cores (`1.5`) or thousandths of a core (`500m`)", "25%"
    ),
    "cpu_hard": KeyDoc("`true` makes the share a cap that holds on an idle machine too", "true"),
    "mem": KeyDoc("memory of its workers together: `128MB` (1000s), `128MiB` (1024s)", "256MB"),
    "workers": KeyDoc("worker processes", "2"),
    "shards": KeyDoc("parts that its agents are divided into; fixed once the pool keeps something", "20"),
    "kinds": KeyDoc("the kinds that it takes, a list", "scout"),
    "mailbox": KeyDoc("tasks that may wait for one agent", "2000"),
    "window": KeyDoc("tasks in flight to one worker", "8192"),
    "sleep_after": KeyDoc("idle time after which an agent is put to sleep, its state kept in a few bytes", "30s"),
    "weight": KeyDoc("its part of tasks for a kind, against the other pools' weights", "2"),
}
BREAKER = {
    "enabled": KeyDoc("`false`: they only count", "false"),
    "failure_rate": KeyDoc("share of failed calls that opens one", "30%"),
    "in_a_row": KeyDoc("or so many failed calls one after the other", "10"),
    "minimum_calls": KeyDoc("calls before a share counts", "50"),
    "window": KeyDoc("time that is looked at", "30s"),
    "window_calls": KeyDoc("the newest calls are looked at instead; 0 for the time", "200"),
    "slow_rate": KeyDoc("or a share of slow calls: longer than `slow_factor` times the usual, and than `slow_least`", "50%"),
    "slow_factor": KeyDoc("how many times the usual time is slow", "5"),
    "slow_least": KeyDoc("what takes less than this is never slow", "250ms"),
    "slow": KeyDoc("what takes longer than this is slow, whatever is usual", "2s"),
    "open": KeyDoc("time until one that opened is tried, doubled each time", "5s"),
    "open_most": KeyDoc("up to this", "5m"),
    "jitter": KeyDoc("share by which that is longer or shorter, by chance", "10%"),
    "probes": KeyDoc("calls that try", "5"),
    "probe": KeyDoc("time that they may take", "10s"),
}
FORESIGHT = {
    "enabled": KeyDoc("`false`: tasks are sent as they come", "false"),
    "threshold": KeyDoc("the probability of a failure from which on a task is risky", "0.8"),
    "control": KeyDoc("the share of risky tasks that are left as they are, to compare", "10%"),
}
PRICE = {
    "currency": KeyDoc("what the prices are in", "USD"),
    "cpu_hour": KeyDoc("what an hour of one core costs, for the reports of sprints", "0.04"),
    "machine_hour": KeyDoc("what an hour of the machine costs", "0.20"),
}
LOG = {
    "format": KeyDoc("`text` for people, or `json`: a JSON object on each line", "json"),
    "level": KeyDoc("what matters less is left out: `debug`, `info`, `warning`, `error`", "warning"),
    "size": KeyDoc("how large one file of the log gets before the next is begun", "1MB"),
    "files": KeyDoc("how many files there are at once, the one that is written among them", "8"),
}
LIMIT = {
    "rate": KeyDoc("tasks that begin, in a second (`/s`), a minute (`/m`) or an hour (`/h`)", "100/s"),
    "burst": KeyDoc("those that may begin at once; a second's, if it is not said. Needs a rate", "200"),
    "open": KeyDoc("tasks that wait or run; past it `Overloaded`", "10000"),
    "concurrency": KeyDoc("tasks of a kind that all workers together have at once; not of a tenant", "50"),
}
SECTIONS = (
    Section("", "The engine", ENGINE),
    Section("kinds.", "The kinds of agents; `counter`, `memory` and `topic` are there without being named", KINDS),
    Section("pools.NAME.", "A pool: worker processes with limits of their own", POOL),
    Section("breaker.", "When circuit breakers open, and for how long", BREAKER),
    Section("foresight.", "Tasks are looked at before they are sent", FORESIGHT),
    Section("limits.kinds.NAME.", "What the tasks of a kind may take", LIMIT),
    Section(
        "limits.tenants.NAME.", "What the tasks of a tenant may take", {key: LIMIT[key] for key in ("rate", "burst", "open")}
    ),
    Section(
        "limits.default_tenant.",
        "The same of each tenant without a name there",
        {key: LIMIT[key] for key in ("rate", "burst", "open")},
    ),
    Section("log.", "How the engine's log is written; see `engine logs`", LOG),
    Section("price.", "What the machine costs", PRICE),
)


def default_of(section: Section, key: str) -> Any:
    """What a key is when nothing is written; None where that is no limit, or nothing."""
    own: dict[str, Any] = {"name": "engine", "durability": "sync", "default_kind": "counter", "agents": AGENTS_TOTAL}
    own["tracing"] = False
    if section.path == "":
        return own[key]
    if section.path == "pools.NAME.":
        return getattr(PoolSpec("p"), POOL_KEYS[key])
    if section.path == "breaker.":
        return getattr(BreakerSpec(), BREAKER_KEYS[key][0])
    if section.path == "foresight.":
        return getattr(ForesightSpec(), FORESIGHT_KEYS[key])
    if section.path == "log.":
        return getattr(LogSpec(), LOG_KEYS[key][0])
    return None
