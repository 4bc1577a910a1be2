"""What is written into the journal together: tasks that shall be accepted, and what has become of others.

Owns the form only. What follows from a change is the register's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.names import Former
from engine.options import Reference
from engine.rows import Rows
from engine.task import Ending, Task
from pools.errors import Failure

__all__ = ["Change", "Draft"]


@dataclass(eq=False)
class Draft:
    """Tasks that shall be accepted together, or not at all. key: of the submission, "" for none.

    numbers: of all that was submitted, also of what is known already.  lost: why some of them will not be run.
    parts: those that one open task shall be done in, which are not accepted.
    """

    tasks: list[Task]
    numbers: Sequence[int]
    key: str = ""
    lost: list[tuple[Task, Failure]] = field(default_factory=list)
    parts: list[Task] = field(default_factory=list)
    size_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.size_bytes = sum([task.size_bytes for task in (*self.tasks, *self.parts)])

    @property
    def last(self) -> int:
        """The highest number that it takes; 0 where it takes none."""
        return max((task.number for task in (*self.tasks[-1:], *self.parts[-1:])), default=0)


@dataclass
class Change:
    """What is written together.

    moved: tasks with another agent, or one more attempt.  dropped: dead letters that are none any more.

    gone, gone_keys, gone_names: numbers, keys and names of what is kept no more.
    former: names of tasks that are let go.  counted: rows of the daybook.
    Once it counts, free: tasks that wait for no other any more.  lost: those that will not be run, and why.
    """

    drafts: list[Draft] = field(default_factory=list)
    moved: list[Task] = field(default_factory=list)
    dropped: list[Task] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    gone_keys: list[str] = field(default_factory=list)
    former: dict[Reference, Former] = field(default_factory=dict)
    gone_names: list[Reference] = field(default_factory=list)
    counted: list[Rows] = field(default_factory=list)
    free: list[Task] = field(default_factory=list)
    lost: list[tuple[Task, Failure]] = field(default_factory=list)

    def __bool__(self) -> bool:
        written = self.drafts, self.moved, self.dropped, self.endings
        return any(written) or any((self.gone, self.gone_keys, self.former, self.gone_names))
