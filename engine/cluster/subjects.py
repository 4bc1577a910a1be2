"""The subjects that records travel on: built, and parsed.

Owns their grammar, and the names of the streams that keep some of them. A part of a subject is an id, a node, a kind or a
capability, none of which has a character that NATS gives a meaning to; what does not fit is refused, never mended. Pure.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from engine.errors import ConfigError
from pools.errors import BadAddress

__all__ = ["ANY", "FORMS", "Subject", "Subjects"]

#: The capability of a task that needs none.
ANY = "any"
#: What there is, and what each is followed by.
FORMS: dict[str, tuple[str, ...]] = {
    "heartbeat": ("node",),
    "discovery.query": (),
    "task.queue": ("capability", "kind"),
    "task.assign": ("node",),
    "task.result": ("sender", "envelope"),
    "task.progress": ("sender", "envelope"),
    "task.moved": ("sender", "envelope"),
    "placement.give": ("node",),
    "placement.order": ("node",),
    "discovery.announce": ("node",),
    "system.shutdown": ("node",),
    "sprint.order": ("order",),
    "sprint.wish": ("name",),
    "sprint.ledger": ("sprint",),
    "sprint.file": ("sprint", "file"),
    "sprint.release": ("release",),
    "sprint.account": ("node",),
    "sprint.hook": ("node",),
    "artifact": ("digest",),
}
_PART = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CLUSTER = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


class Subject(NamedTuple):
    """A subject that was parsed: one of FORMS, and what follows it."""

    form: str
    parts: tuple[str, ...]


class Subjects:
    """The subjects of one cluster; several may share a server. Raises ConfigError for a name that cannot be one."""

    __slots__ = ("cluster", "moved", "results", "tasks")

    def __init__(self, cluster: str) -> None:
        if _CLUSTER.fullmatch(cluster) is None:
            said = f"{cluster!r} cannot name a cluster: use 1-32 of a-z, 0-9 and -, a letter or digit first"
            raise ConfigError(said, key="cluster")
        self.cluster = cluster
        #: The stream of tasks that wait, that of results, and that of where tasks went whose agents had moved.
        self.tasks, self.results, self.moved = f"{cluster}-tasks", f"{cluster}-results", f"{cluster}-moved"

    def build(self, form: str, *parts: str) -> str:
        """The subject of a form, such as `build("task.queue", "any", "counter")`. Raises BadAddress."""
        wanted = FORMS[form]
        if len(parts) != len(wanted):
            raise BadAddress(f"{form} is followed by {' and '.join(wanted) or 'nothing'}, got {len(parts)} parts")
        for what, part in zip(wanted, parts, strict=True):
            if _PART.fullmatch(part) is None:
                raise BadAddress(f"{part!r:.80} cannot be the {what} of a subject: use 1-64 of a-z, A-Z, 0-9, - and _")
        return ".".join((self.cluster, form, *parts))

    def every(self, form: str, *parts: str) -> str:
        """The pattern of all subjects of a form that begin with these parts. Raises BadAddress."""
        rest = len(FORMS[form]) - len(parts)
        filled = self.build(form, *parts, *(["x"] * rest))
        return filled[: len(filled) - 2 * rest] + ".*" * rest

    def parse(self, subject: str) -> Subject:
        """What a subject of this cluster is. Raises BadAddress."""
        head, _, rest = subject.partition(".")
        if head == self.cluster:
            for form, wanted in FORMS.items():
                if rest == form and not wanted:
                    return Subject(form, ())
                if rest.startswith(f"{form}."):
                    parts = tuple(rest[len(form) + 1 :].split("."))
                    if len(parts) == len(wanted) and all(_PART.fullmatch(part) for part in parts):
                        return Subject(form, parts)
        raise BadAddress(f"{subject!r:.200} is no subject of the cluster {self.cluster}")
