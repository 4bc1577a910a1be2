"""How the newest release in a folder stands, as all nodes know it: one record, changed by compare-and-set.

Owns its states and what each lets a leader do. It is written before anything is done that others see: a hook is run, a release
is switched to. A leader that was lost in the midst of a hook is followed by what the hook says itself; where its node is lost
too, there is a doubt that nobody may end by running it again, unless the hook says that it may be. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Literal

import orjson

from engine.cluster.records import BadRecord
from sprints.hookword import Word

__all__ = ["SETTLED", "STATES", "ShipRecord", "next_step"]

State = Literal["begun", "hook", "switch", "shipped", "failed", "back"]
#: begun: a release is made, and nobody has seen anything of it.  hook: a hook runs, or did when its leader was lost.
#: switch: all hooks said yes, and it is, or becomes, the one that counts.  shipped: it counts.  failed: there is none of it.
#: back: somebody wanted one of before, which counts again.
STATES: tuple[State, ...] = ("begun", "hook", "switch", "shipped", "failed", "back")
#: Nobody is about to change which one counts.
SETTLED: tuple[State, ...] = ("shipped", "back")
#: What a leader does: make a release, take one over that counts already or is about to, or neither.
Step = Literal["make", "take over", "doubt"]


@dataclass(frozen=True, slots=True)
class ShipRecord:
    """What stands there.

    folder: of the releases, as backlogs name it.  sprint: whose release it is.  token, node: of the leader that wrote it.
    hook: the one that runs, is_again whether it may be run once more, and done how many before it have said yes.  run: the word
    that it leaves on that node; empty where none was begun since.
    release, manifest_sha256, items, left_out, content: of the release, once it is whole; content is the same for the same
    files. current: the release that counts; empty before the first.  Of one that was gone back to, `node` is empty until the
    node that drives has it as its current one.
    """

    folder: str
    sprint: str
    token: int
    node: str
    state: State = "begun"
    hook: str = ""
    is_again: bool = False
    done: int = 0
    release: str = ""
    manifest_sha256: str = ""
    items: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    content: str = ""
    current: str = ""
    run: str = ""

    def data(self) -> bytes:
        """The record as it is kept."""
        return orjson.dumps(asdict(self))

    @classmethod
    def read(cls, data: bytes) -> ShipRecord:
        """A record from its bytes. Raises BadRecord."""
        try:
            row = orjson.loads(data)
            has_all = {"run", *row} == {one.name for one in fields(cls)}
            if not has_all or row["state"] not in STATES or type(row["token"]) is not int:
                raise BadRecord(f"this is no record of a release: {data[:80]!r}")
            return cls(**{**row, "items": tuple(row["items"])})
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise BadRecord(f"this is no record of a release: {data[:80]!r}") from error

    def switching(self) -> ShipRecord:
        """The same, once all hooks have said yes."""
        return replace(self, state="switch", hook="", is_again=False, done=0, run="")

    def failing(self) -> ShipRecord:
        """The same, once it is known that nothing of it counts, and no hook runs."""
        return replace(self, state="failed", hook="", is_again=False, done=0, run="")

    def counting(self) -> ShipRecord:
        """The same, once its release is the one that counts."""
        return replace(self, state="shipped", hook="", is_again=False, current=self.release)

    def heard(self, word: Word, sprint: str) -> ShipRecord:
        """The same, once it is known what became of its hook, for a leader that ships a sprint."""
        is_mine = self.sprint == sprint
        if word.state == "no" or (word.state == "never" and not is_mine):
            return self.failing()
        if is_mine and word.state in ("yes", "never"):
            return replace(self, is_again=True, done=self.done + (word.state == "yes"), run="")
        return self

    @property
    def counts(self) -> str:
        """The release that counts, or is about to since all hooks said yes; empty before the first."""
        return self.release if self.state == "switch" else self.current

    def going_back(self, release: str, sprint: str, manifest_sha256: str) -> ShipRecord:
        """What stands there once another release, of a sprint, counts again."""
        back = ShipRecord(self.folder, sprint, self.token, "", "back", current=release)
        return replace(back, release=release, manifest_sha256=manifest_sha256)


def next_step(known: ShipRecord | None, sprint: str, items: Collection[str]) -> Step:
    """What a leader does that shall ship these items of a sprint. known: the record as it is, None before the first."""
    if known is None or known.state in ("begun", "failed", "back"):
        return "make"
    if known.state == "hook":
        return "make" if known.is_again and known.sprint == sprint else "doubt"
    if known.state == "switch":
        return "take over"
    is_same = known.sprint == sprint and {*known.items, *known.left_out} == set(items)
    return "take over" if is_same else "make"
