"""What is done of a sprint goes into a release.

Owns which artifacts those are and whose receipt each stands on, and that a release which is late is given up before it counts.
How a release is made and switched is `release`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sprints.errors import ReleaseLate
from sprints.hook import Hook
from sprints.manifest import Entry
from sprints.release import Draft, Releases

__all__ = ["HOOK_LEAST_S", "Shipment", "Shipper"]

#: Seconds of the machine's clock that the hooks of a release have at least, however fast the sprint's own time goes.
HOOK_LEAST_S = 10.0
#: Moments of a release before which it can be given up; behind the last of them it is on its way to be the current one.
GIVEN_UP_AT = frozenset({"draft.made", "draft.copied", "ship.written", "ship.synced", "ship.hooked"})


class Shipment(NamedTuple):
    """A release that is the current one. left_out: items whose artifacts are not as their receipts say, with why."""

    release: str
    manifest_sha256: str
    items: tuple[str, ...]
    left_out: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Made:
    path: str
    sha256: str
    size_bytes: int
    receipt: str
    sprint: str


class Shipper:
    """The releases of one sprint. work: the folder that artifacts lie in.  held: the one that hooks hold; empty for none."""

    def __init__(self, sprint: str, releases: Releases, work: str, hooks: Sequence[Hook] = (), held: str = "") -> None:
        self.releases = releases
        self.sprint = sprint
        self.work = work
        self._hooks = hooks
        self.held = held
        self._made: dict[str, tuple[_Made, ...]] = {}
        self._is_late = False
        releases.failpoint = self.passed

    def take(self, item: str, artifacts: Iterable[Mapping[str, Any]], digest: str, sprint: str | None = None) -> None:
        """Know of what is done. digest: of the receipt's line in the ledger of a sprint, which is this one by default."""
        self._made[item] = tuple(
            _Made(one["path"], one["sha256"], one["size_bytes"], digest, sprint or self.sprint) for one in artifacts
        )

    def hurry(self) -> None:
        """Give up what has not been switched to."""
        self._is_late = True

    def passed(self, moment: str) -> None:
        """A moment of a release is there. Raises ReleaseLate to give it up."""
        if self._is_late and moment in GIVEN_UP_AT:
            raise ReleaseLate(self.sprint)

    def ship(self, items: Sequence[str], left_s: float) -> Shipment:
        """Make a release of these items and switch to it; in a thread of its own. Another sprint that ships is waited for.

        left_s: seconds of the machine's clock for each hook, and for that.

        Raises ReleaseLate, HookFailed, ReleaseFull, FolderInUse, ManifestUnreadable, OSError: the release before counts still.
        """
        self._is_late = False
        hooks = [replace(hook, timeout_s=min(hook.timeout_s, max(left_s, HOOK_LEAST_S))) for hook in self._hooks]
        entries, wait_s = list(self.entries(items)), max(left_s, HOOK_LEAST_S)
        with self.releases.draft(self.sprint, self.work, entries, wait_s=wait_s) as draft:
            whole = tuple(item for item in items if item not in draft.changed)
            return self.send(draft, hooks, whole)

    def send(self, draft: Draft, hooks: Sequence[Hook], items: tuple[str, ...]) -> Shipment:
        """Ship a draft, which has these items."""
        manifest = draft.ship(hooks, self.held)
        return Shipment(manifest.release, manifest.sha256, items, dict(draft.changed))

    def entries(self, items: Iterable[str]) -> Iterable[Entry]:
        """The artifacts of these items."""
        for item in items:
            for made in self._made.get(item, ()):
                yield Entry(made.path, made.sha256, made.size_bytes, item, made.sprint, made.receipt)
