"""What there is of a running engine, as somebody who types a command needs it: soon, or not at all.

Owns the look-ups and their bounds. An engine that does not run, does not answer or is not allowed to be asked is no error here:
what the configuration says is offered in its place, or nothing.
"""

from __future__ import annotations

import os
import re
import signal
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from engine.cli.completing import Candidate, Typed
from engine.cli.main import VERBS
from engine.cli.session import config_of, environment, name_of
from engine.errors import EngineError

__all__ = ["PATIENCE_S", "look"]

#: Seconds after which an engine is waited for no more: whoever presses a key does not want to wait.
PATIENCE_S = 0.25
#: Things of one sort that are asked for, and that are offered: more than that is not read.
ASKED, OFFERED = 1_000, 200


class _TooLate(EngineError):
    """The engine has not answered in time."""


def look(what: str, typed: Typed, current: str) -> Iterable[Candidate]:
    """What there is of a sort, such as `agents`; nothing where it cannot be found out in time."""
    finder = FINDERS.get(what)
    if finder is None:
        return []
    try:
        return list(finder(_options(typed), typed, current))[:OFFERED]
    except (EngineError, OSError, KeyError, ValueError):
        return []


@contextmanager
def _bounded() -> Iterator[None]:
    """Raises _TooLate in the block after some time, whatever it waits for."""

    def end(_number: int, _frame: object) -> None:
        raise _TooLate

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _options(typed: Typed) -> Namespace:
    return Namespace(name=typed.values.get("name"), file=typed.values.get("file"))


def _ask(options: Namespace, verb: str, **facts: Any) -> Any:
    from engine.line import Line

    environ = environment()
    name = name_of(options, environ)
    with _bounded(), Line(name, environ) as line:
        return line.request(verb, **facts)


def _kinds(options: Namespace, _typed: Typed, _current: str) -> Iterable[Candidate]:
    try:
        return [Candidate(kind, f"{len(methods)} methods") for kind, methods in sorted(_ask(options, "kinds").items())]
    except EngineError:
        return [Candidate(kind, home) for kind, home in config_of(options).kinds.items()]


def _agents(options: Namespace, typed: Typed, current: str) -> Iterable[Candidate]:
    """Kinds until one is there with its stroke, then its agents."""
    kind, stroke, _ = current.partition("/")
    if not stroke:
        return [Candidate(f"{one.text}/", one.about, is_whole=False) for one in _kinds(options, typed, current)]
    page = _ask(options, "agents", kind=kind, filter=f"^{re.escape(current)}", limit=ASKED)
    found = [Candidate(one["agent"], one["status"]) for one in page["agents"]]
    return sorted(found, key=lambda one: (len(one.text), one.text))


def _methods(options: Namespace, typed: Typed, _current: str) -> Iterable[Candidate]:
    kind = typed.words[0].partition("/")[0]
    methods = _ask(options, "kinds")[kind]
    return [Candidate(name, signature) for name, signature in methods.items()]


def _pools(options: Namespace, _typed: Typed, _current: str) -> Iterable[Candidate]:
    try:
        return [Candidate(pool["name"], f"{pool['agents']:,} agents") for pool in _ask(options, "pools")]
    except EngineError:
        return [Candidate(pool.name) for pool in config_of(options).pools]


def _tasks(options: Namespace, _typed: Typed, _current: str) -> Iterable[Candidate]:
    return [_task(task) for task in _ask(options, "tasks", limit=OFFERED)["tasks"]]


def _letters(options: Namespace, _typed: Typed, _current: str) -> Iterable[Candidate]:
    return [_task(task) for task in _ask(options, "dlq", limit=OFFERED)["letters"]]


def _task(task: dict[str, Any]) -> Candidate:
    return Candidate(task["id"], f"{task['state']}, {task['agent']} {task['method']}")


def _sick(options: Namespace, _typed: Typed, _current: str) -> Iterable[Candidate]:
    return [Candidate(one["agent"], one["cause"]) for one in _ask(options, "quarantine")]


def _sprints(options: Namespace, _typed: Typed, _current: str) -> Iterable[Candidate]:
    from engine.paths import find_paths

    environ = environment()
    folder = find_paths(name_of(options, environ), environ).sprints
    return [Candidate(name) for name in sorted((one.name for one in os.scandir(folder) if one.is_dir()), reverse=True)]


def _engines(_options: Namespace, _typed: Typed, _current: str) -> Iterable[Candidate]:
    from engine.paths import find_paths

    return [Candidate(one.name) for one in os.scandir(find_paths("engine", environment()).runtime.parent) if one.is_dir()]


def _keys(options: Namespace, _typed: Typed, _current: str) -> Iterable[Candidate]:
    return [Candidate(key) for key in config_of(options).origins]


def _settings(options: Namespace, _typed: Typed, _current: str) -> Iterable[Candidate]:
    return [Candidate(f"{key}=", origin, is_whole=False) for key, origin in config_of(options).origins.items()]


def _pages(_options: Namespace, _typed: Typed, _current: str) -> Iterable[Candidate]:
    from engine.cli.topics import TOPICS

    topics = [Candidate(name, topic.line) for name, topic in TOPICS.items()]
    return [*(Candidate(verb, line) for verb, line in VERBS.items()), *topics, Candidate("topics", "the list of topics")]


def _nodes(_options: Namespace, typed: Typed, _current: str) -> Iterator[Candidate]:
    """The nodes of a cluster's file."""
    from pathlib import Path

    from engine.cluster.clusterfile import FILE, read_cluster

    for node in read_cluster(Path(typed.values.get("cluster", FILE))).nodes:
        yield Candidate(node.id, f"{node.role} at {node.address}")


FINDERS: dict[str, Callable[[Namespace, Typed, str], Iterable[Candidate]]] = {
    "agents": _agents,
    "engines": _engines,
    "keys": _keys,
    "kinds": _kinds,
    "letters": _letters,
    "methods": _methods,
    "nodes": _nodes,
    "pages": _pages,
    "pools": _pools,
    "settings": _settings,
    "sick": _sick,
    "sprints": _sprints,
    "tasks": _tasks,
}
