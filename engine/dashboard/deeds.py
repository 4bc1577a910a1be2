"""What a person can have the engine do: what each is called, what will happen then, and what is said afterwards.

Owns the words and the verbs. Pure: documents in, deeds out. Asking first, and doing it, is the business of `doing`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from engine.cli.figures import plural
from engine.dashboard.cells import said

__all__ = [
    "Deed",
    "agent_deeds",
    "breaker_deeds",
    "engine_deeds",
    "letter_deeds",
    "letters_deed",
    "named",
    "pool_deeds",
    "sprint_deeds",
    "task_deeds",
    "whole_deeds",
]

#: States of tasks that have not ended.
OPEN = frozenset({"waiting", "queued", "running"})


class Deed(NamedTuple):
    """One thing that can be done.

    title: in a few words.  will: what happens then.  verb, facts: what the engine is asked.  done: what is said of its answer.
    is_grave: it cannot be undone.
    """

    title: str
    will: str
    verb: str
    facts: Mapping[str, Any]
    done: Callable[[Any], str]
    is_grave: bool = False


def named(deeds: Iterable[Deed], words: str) -> list[Deed]:
    """Those whose title begins with one of some words."""
    return [deed for deed in deeds if deed.title.partition(" ")[0] in words.split()]


def pool_deeds(pool: Mapping[str, Any]) -> Iterator[Deed]:
    """What can be done with a pool: the other of pausing and resuming."""
    name = said(pool["name"])
    if pool["state"] == "paused":
        yield Deed(
            f"Resume pool {name}",
            f"Its workers begin tasks again: {plural(pool.get('open') or 0, 'task')} wait or run.",
            "resume-pool",
            {"pool": pool["name"]},
            lambda answer: f"pool {name} is {answer['state']}; {plural(answer['open'], 'task')} open",
        )
    else:
        yield Deed(
            f"Pause pool {name}",
            f"Its {plural(pool.get('workers') or 0, 'worker')} begin no task from outside any more. What runs ends; what comes "
            "waits, and its deadlines count. Tasks for a kind go to other pools that have agents of it.",
            "pause-pool",
            {"pool": pool["name"]},
            lambda answer: f"pool {name} is {answer['state']}; {plural(answer['open'], 'task')} open",
        )


#: What becomes of a breaker that is held.
HELD = {
    "open": "Nothing passes: tasks for a kind go to other pools, others are refused, accepted ones wait.",
    "close": "Everything passes, however many fail; it only counts.",
    "auto": "It decides by itself again, beginning closed.",
}


def breaker_deeds(pool: str) -> Iterator[Deed]:
    """What can be done with the breaker of a pool."""
    name = said(pool)
    titles = {
        "open": f"Hold the breaker of pool {name} open",
        "close": f"Hold the breaker of pool {name} closed",
        "auto": f"Let the breaker of pool {name} decide",
    }
    for action, title in titles.items():
        yield Deed(title, HELD[action], "force-breaker", {"action": action, "pool": pool, "kind": None}, _breakers)


def _breakers(answer: Any) -> str:
    return ", ".join(f"{said(one['kind'] or 'pool ' + one['pool'])} is {one['state']} ({one['mode']})" for one in answer[:5])


def task_deeds(task: Mapping[str, Any]) -> Iterator[Deed]:
    """What can be done with an accepted task."""
    name = said(task["name"] or task["id"])
    about = f"{said(task['method'])} of {said(task['agent'])}"
    if task["state"] in OPEN:
        yield Deed(
            f"Cancel task {name}",
            f"It is taken back ({about}). If it runs, it is interrupted where it waits, and changes nothing.",
            "cancel-task",
            {"task": task["id"]},
            lambda answer: f"task {name} is {answer['state']}",
            is_grave=True,
        )
    elif task["state"] != "done" and not task.get("requeued_as"):
        yield Deed(
            f"Retry task {name}",
            f"It is accepted once more under a new id ({about}), and is a dead letter no more.",
            "requeue",
            {"tasks": [task["id"]], "all": False},
            lambda answer: f"it is accepted again as {answer[0]['requeued_as']}" if answer else "it was accepted again before",
        )


def letter_deeds(letter: Mapping[str, Any]) -> Iterator[Deed]:
    """What can be done with a dead letter."""
    yield from task_deeds(letter)
    name = said(letter["name"] or letter["id"])
    yield Deed(
        f"Drop dead letter {name}",
        "It is no dead letter any more, and is not tried again. What became of it stays on record for a while.",
        "drop",
        {"tasks": [letter["id"]], "all": False},
        lambda answer: f"{plural(len(answer), 'dead letter')} dropped",
        is_grave=True,
    )


def agent_deeds(agent: Mapping[str, Any]) -> Iterator[Deed]:
    """What can be done with an agent."""
    record = agent.get("quarantine")
    if agent["status"] == "quarantined" or (record is not None and record["status"] in ("trial", "parked")):
        name = said(agent["agent"])
        yield Deed(
            f"Release {name} from quarantine",
            "It runs its tasks among the others again, as if nothing had been found.",
            "release",
            {"agent": agent["agent"]},
            lambda answer: f"{name} is {answer['status']}",
        )


def sprint_deeds(sprint: Mapping[str, Any]) -> Iterator[Deed]:
    """What can be done with a sprint: as `sprints` tells it, with how it stands now where it runs."""
    name, now = said(sprint["id"]), sprint.get("now")
    facts = {"sprint": sprint["id"]}
    if now is not None:
        yield _halt(name, facts) if not now.get("is_paused") else _go_on(name, facts)
        yield Deed(
            f"Abort sprint {name}",
            "Its open tasks are taken back, nothing more is shipped, and the sprints that would follow it do not begin.",
            "sprint-abort",
            {**facts, "why": "aborted in the dashboard"},
            lambda _answer: f"sprint {name} is aborted",
            is_grave=True,
        )
    elif sprint.get("releases") and not sprint.get("rolled_back"):
        release = said(sprint["releases"][-1]["release"])
        yield Deed(
            f"Roll back sprint {name}",
            f"If {release} is the current release, the one before it is current again; else {release} is. None is removed.",
            "sprint-rollback",
            facts,
            lambda answer: f"{said(answer['to'])} is current again, {said(answer['from'])} no more",
        )


def _halt(name: str, facts: Mapping[str, Any]) -> Deed:
    will = "It sends no task more, and its time stands still. What runs ends."
    return Deed(f"Pause sprint {name}", will, "sprint-pause", facts, lambda _answer: f"sprint {name} is paused")


def _go_on(name: str, facts: Mapping[str, Any]) -> Deed:
    will = "It goes on where it was, and its time runs again."
    return Deed(f"Resume sprint {name}", will, "sprint-resume", facts, lambda _answer: f"sprint {name} goes on")


def engine_deeds() -> Iterator[Deed]:
    """What can be done with the engine as a whole."""
    yield Deed(
        "Roll back the deploy",
        "All agents get their old code again, worker by worker, while they work; their states stay.",
        "rollback-deploy",
        {},
        lambda answer: f"deploy: {answer['outcome'] or answer['phase']}",
    )
    yield Deed(
        "Stop the engine",
        "Tasks that run get some seconds to end, then every worker ends, and the daemon with them. What is kept on the disk "
        "stays; what is in memory alone is gone.",
        "stop",
        {"emergency": False},
        lambda answer: f"the engine ends; it had {plural(answer['agents'], 'agent')}",
        is_grave=True,
    )


def whole_deeds(overview: Mapping[str, Any] | None) -> Iterator[Deed]:
    """What can be done from every screen."""
    for pool in ((overview or {}).get("rates") or {}).get("pools") or ():
        yield from pool_deeds(pool)
        yield from breaker_deeds(pool["name"])
    yield from engine_deeds()


def letters_deed(total: int) -> Iterator[Deed]:
    """What can be done with all dead letters."""
    if total:
        yield Deed(
            f"Retry all {plural(total, 'dead letter')}",
            "Each of them is accepted once more under a new id, if there is room, and is a dead letter no more.",
            "requeue",
            {"tasks": None, "all": True},
            lambda answer: f"{plural(len(answer), 'task')} accepted again",
        )
