"""Who looks: at the work folder before tasks begin and after they have answered, and at their checks.

Owns what was there before, and whose each artifact is. What it found is judged by `evidence`; where the receipts go is the
caller's. Hashing runs in a thread, checks in processes of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, NamedTuple, Self

from sprints.age import Moment, born_ns, is_older, moment_in
from sprints.artifact import Artifact, ArtifactWrong, Before, look_before, read_artifact
from sprints.check import CheckResult, Proof, check_of
from sprints.checkers import Checkers
from sprints.evidence import Evidence, judged
from sprints.item import Item
from sprints.outcome import Outcome
from sprints.receipt import Made, Receipt
from sprints.thread import in_thread
from sprints.writes import Writes

__all__ = ["Witness"]

#: Items that are looked at in one turn of the thread: the first receipts are written while the others are looked at.
TURN_ITEMS = 512
NO_EVIDENCE = Evidence()


class _Owned(NamedTuple):
    """What a receipt says of an artifact. mtime_ns: None where only the receipt is known."""

    item: str
    sha256: str
    mtime_ns: int | None

    def is_of(self, artifact: Artifact) -> bool:
        return self.sha256 == artifact.sha256 and self.mtime_ns in (None, artifact.mtime_ns)


class Witness:
    """Looks at the tasks of one sprint. folder: the work folder, which must be there.  path: for checks by `call`.

    held: the folder that processes of checks hold; empty for none.  Raises OSError where the work folder cannot be opened.
    """

    def __init__(self, folder: str, path: Sequence[str] = (), *, held: str = "", checkers: int | None = None) -> None:
        self._work = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._checkers = Checkers(os.path.realpath(folder), path, held=held, most=checkers)
        self._before: dict[str, Before] = {}
        self._writes = Writes(self._work)
        #: When each task with artifacts began; not known of those from before a restart.
        self._began: dict[str, Moment] = {}
        #: Whose each artifact is that stands in a receipt, with its content and time; and the path of each such file.
        self._owned: dict[str, _Owned] = {}
        self._places: dict[tuple[int, int], str] = {}
        #: Held by the one thread that looks at artifacts: whose each is must not change meanwhile.
        self._looking = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # -- before ------------------------------------------------------------------------------------------------------------

    def begin(self, items: Iterable[Item]) -> dict[str, list[Any]]:
        """Look at what is there before these tasks begin; they begin only after this has returned.

        Returns what their artifacts' paths hold now, to be written down as `before` of `dispatched`, so that `resume` knows it.
        """
        found = {}
        began = moment_in(self._work)
        for item in items:
            if began is not None and item.artifacts:
                self._began[item.id] = began
            for path in item.artifacts:
                before = look_before(self._work, path)
                if before is None:
                    self._before.pop(path, None)
                else:
                    self._before[path] = before
                    found[path] = list(before)
                    self._watch(path)
        return found

    def _watch(self, path: str) -> None:
        with contextlib.suppress(OSError):
            facts = os.stat(path, dir_fd=self._work, follow_symlinks=False)
            self._writes.watch(path, (facts.st_dev, facts.st_ino))

    def resume(self, event: Mapping[str, Any]) -> None:
        """Take up what an event of the sprint's ledger tells: what was there before tasks began, whose artifacts are whose."""
        for path, facts in event.get("before", {}).items():
            self._before[path] = Before(*facts)
        if event.get("verdict") == "done":
            for made in event.get("artifacts", ()):
                self._owned[made["path"]] = _Owned(event["item"], made["sha256"], None)

    # -- after -------------------------------------------------------------------------------------------------------------

    async def receipts(self, answered: Sequence[tuple[Item, Outcome]]) -> list[Receipt]:
        """Look at tasks that have ended; their receipts in the same order. Raises CheckerFailed."""
        found = []
        for start in range(0, len(answered), TURN_ITEMS):
            part = answered[start : start + TURN_ITEMS]
            checks = await self._checked(part)
            if any(item.artifacts and outcome.ok for item, outcome in part):
                async with self._looking:
                    found += await in_thread(partial(self._judge, part, checks))
            else:
                found += self._judge(part, checks)
        return found

    async def _checked(self, part: Sequence[tuple[Item, Outcome]]) -> dict[str, tuple[str, CheckResult]]:
        """The checks of those that answered, by item."""
        items, proofs = [], []
        for item, outcome in part:
            if outcome.ok and item.check is not None:
                facts = {"id": item.id, "title": item.title, "role": item.role, "args": item.args, "artifacts": item.artifacts}
                items.append(item.id)
                proofs.append(Proof(check_of(item.check), outcome.value, facts))
        results = await self._checkers.results(proofs) if proofs else []
        return {item: (proof.check.name, result) for item, proof, result in zip(items, proofs, results, strict=True)}

    def _judge(self, part: Sequence[tuple[Item, Outcome]], checks: Mapping[str, tuple[str, CheckResult]]) -> list[Receipt]:
        receipts = []
        now = moment_in(self._work)
        for item, outcome in part:
            if not outcome.ok:
                evidence = NO_EVIDENCE
            else:
                made, wrong = self._artifacts(item, outcome.wrong, now) if item.artifacts else ((), ())
                evidence = Evidence(checks.get(item.id), made, wrong)
            receipts.append(judged(item, outcome, evidence))
        return receipts

    def _artifacts(self, item: Item, found: Mapping[str, str], now: Moment | None) -> tuple[list[Made], list[tuple[str, str]]]:
        """Those that are evidence, and those that are not."""
        made, wrong = [], []
        for path in item.artifacts:
            if path in found:
                wrong.append((path, found[path]))
                continue
            try:
                artifact = read_artifact(self._work, path)
            except ArtifactWrong as error:
                wrong.append((path, str(error)))
                continue
            why = self._why_not(item, artifact) or self._why_old(item, artifact, now)
            if why is None:
                self._owned[path] = _Owned(item.id, artifact.sha256, artifact.mtime_ns)
                self._places[artifact.place] = path
                made.append(Made(path, artifact.sha256, artifact.size_bytes))
            else:
                wrong.append((path, why))
        return made, wrong

    def _why_not(self, item: Item, artifact: Artifact) -> str | None:
        """Why a file that is there is no evidence for this item."""
        if not artifact.is_new(self._before.get(artifact.path)):
            return "was there before, and was not written since"
        owned = self._owned.get(artifact.path)
        if owned is not None and owned.item != item.id and owned.is_of(artifact):
            return f"is as {owned.item} wrote it"
        other = self._places.get(artifact.place, artifact.path)
        if other != artifact.path and (self._owned[other].is_of(artifact) or self._is_at(other, artifact.place)):
            return f"is the same file as {other} of {self._owned[other].item}"
        return None

    def _why_old(self, item: Item, artifact: Artifact, now: Moment | None) -> str | None:
        """Why a file that nobody else has is no work of this task: it was there, here or elsewhere, before that began."""
        is_written = self._writes.is_written(artifact.path, artifact.place)
        if is_written is False:
            return "was there before, and was touched, not written, since"
        began = self._began.get(item.id)
        if is_written or began is None or now is None or not is_older(artifact.mtime_ns, began, now):
            return None
        born = born_ns(self._work, artifact.path)  # a copy may have the time of what it is a copy of
        return "was made and written before its task began" if born is not None and is_older(born, began, now) else None

    def _is_at(self, path: str, place: tuple[int, int]) -> bool:
        """Whether this file still has that path too: a file that is gone leaves its number to another."""
        try:
            facts = os.stat(path, dir_fd=self._work, follow_symlinks=False)
        except OSError:
            return False
        return (facts.st_dev, facts.st_ino) == place

    async def close(self) -> None:
        """End the processes of checks, and give the folder back."""
        await self._checkers.close()
        self._writes.close()
        with contextlib.suppress(OSError):
            os.close(self._work)
