"""The register of a journal that was read, in a new life of it.

Owns what must fit together: the counts, the tasks and their ends. What the records say is `records`' knowledge.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from checkpoints.spec import SESSION_BYTES
from engine.change import Change
from engine.records import END, KEY, META, NAME, PART, TASK, ended_task, numbers_of, read_name, read_part, read_task
from engine.register import Register
from engine.task import ENDED
from pools.errors import BadArgument, StateUnreadable

__all__ = ["restored"]


def restored(items: Iterable[tuple[str, int | str, dict[str, Any]]], session: str) -> tuple[Register, Change]:
    """The register of the records of a journal, and what follows from them. session: of a new one.

    Raises StateUnreadable for counts that its tasks do not have.
    """
    kept: dict[str, dict[Any, dict[str, Any]]] = {META: {}, TASK: {}, END: {}, KEY: {}, NAME: {}, PART: {}}
    for kind, key, state in items:
        kept.setdefault(kind, {})[key] = state
    try:
        return _restored(kept, session)
    except (KeyError, TypeError, ValueError, BadArgument) as error:
        raise StateUnreadable(f"the journal of tasks cannot be read: {error!r}") from error


def _restored(kept: dict[str, dict[Any, dict[str, Any]]], session: str) -> tuple[Register, Change]:
    meta = kept[META].get("counts")
    if meta is None:
        return Register(session), Change()
    found = Register(_session(meta["session"]), meta["life"] + 1)
    found.accepted, found.ended = meta["accepted"], {state: meta[state] for state in ENDED}
    tasks = {number: read_task(number, state, found.life) for number, state in kept[TASK].items()}
    for number, state in sorted(kept[PART].items()):
        part = read_part(number, state, tasks, found.life)
        whole = tasks[state["whole"]]
        whole.parts = [*(whole.parts or ()), part]
    ended = [number for number, _ in sorted(kept[END].items(), key=lambda item: (item[1]["ended_s"], item[0]))]
    for number in ended:
        ended_task(tasks[number], kept[END][number])
    order = [tasks[number] for number in ended] + [task for task in tasks.values() if task.ended_s is None]
    found.names.restore((name, read_name(state)) for name, state in kept[NAME].items())
    keys = sorted(kept[KEY].items(), key=lambda item: item[1]["first"])
    count = sum(task.ended_s is None for task in tasks.values())
    if count != found.open or not all(0 < number < meta["next"] for number in (*tasks, *kept[PART])):
        raise ValueError(f"{count} open tasks are there, the counts say {found.open}")
    return found, found.take_up(order, [(key, numbers_of(state)) for key, state in keys], meta["next"])


def _session(text: Any) -> str:
    if type(text) is not str or len(bytes.fromhex(text)) != SESSION_BYTES:
        raise ValueError(f"no session: {text!r:.40}")
    return text
