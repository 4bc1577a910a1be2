"""Where the screens' documents come from.

Owns what a document is and the protocol that every source keeps to: a running engine, what was recorded, a file, or documents
planted by a test. A screen names the verbs whose answers it shows; it never knows where they come from.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

__all__ = ["EMPTY", "RECORDED", "Document", "Past", "Source", "Want", "want"]

#: The documents that are recorded once a second, and so can be shown as they were.
RECORDED = frozenset({"overview", "stats"})


class Want(NamedTuple):
    """One question: a verb and its facts, sorted by name. Made by `want`."""

    verb: str
    facts: tuple[tuple[str, Any], ...] = ()


def want(verb: str, **facts: Any) -> Want:
    """A question: `want("agents", kind="counter", limit=200)`. Its facts must be hashable."""
    return Want(verb, tuple(sorted(facts.items())))


class Document(NamedTuple):
    """An answer. value: as the verb has it, None where there was none yet.

    time_s: when it came, seconds since 1970.  error: why the newest try failed, None if it did not; `value` is the one before.
    """

    value: Any
    time_s: float
    error: Exception | None = None


#: What is there before the first answer.
EMPTY = Document(None, 0.0)


class Past(NamedTuple):
    """The instants that were recorded: the first and the last, seconds since 1970, and how many."""

    first_s: float
    last_s: float
    instants: int


class Source(Protocol):
    """Who answers the screens.

    Verbs are those of the control socket (`overview stats ps pools agents agent tasks dlq breakers quarantine events kinds …`),
    plus `sprints` (a list of summaries, newest first) and `sprint` (one, with its steps), as `engine sprint ls/show --json`
    have them.
    """

    @property
    def name(self) -> str:
        """What it is called: the engine's name, or the file's."""

    @property
    def is_live(self) -> bool:
        """Whether the last try reached a running engine. A source that reads a file is never live."""

    @property
    def is_file(self) -> bool:
        """Whether everything comes from a file: then nothing can be done, and there is no now but its end."""

    async def ask(self, verb: str, **facts: Any) -> Any:
        """The answer to a verb, reading or acting. It connects, and comes back after a restart, by itself.

        Raises NotRunning, LinkClosed, the verb's own errors; NotRecorded (engine.errors) of a file.
        """

    async def past(self) -> Past | None:
        """Which instants were recorded; None where none was. Raises as `ask`."""

    async def at(self, time_s: float) -> dict[str, Any]:
        """The documents as recorded at or before an instant: `time_s`, `stats`, `overview`. Raises NotRecorded, as `ask`.

        `gap`: where nothing was recorded around the instant, since when and until when, which is None where nothing was since.
        """

    async def close(self) -> None:
        """End the connection."""
