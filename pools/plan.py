"""What a deploy is to change, and whether it may.

Pure: what was found in a module and what runs now go in, a plan or a refusal comes out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pools.code import Code
from pools.errors import DeployRefused
from pools.repertoire import Repertoire
from pools.spec import BOUND

__all__ = ["Plan", "plan_of"]


class Plan(NamedTuple):
    """A deploy that may be made.

    code: the version that it leads to.  facts, before: of its kinds, as they will be and as they are.
    back: the fields that kinds have now whose states change, and which `downgrade` gives back.
    """

    module: str
    code: Code
    facts: dict[str, dict[str, Any]]
    before: dict[str, dict[str, Any]]
    back: Mapping[str, Sequence[str]]
    is_one_way: bool
    canary: float = 1.0
    bound: float = 0.0
    confirm_after_s: float | None = None

    def opening(self, now_s: float) -> dict[str, Any]:
        """What is told of it when it begins. now_s: seconds since 1970."""
        unknown = dict.fromkeys(("canary_share", "outcome", "seconds", "back_s"))
        known = {"module": self.module, "kinds": sorted(self.facts), "is_one_way": self.is_one_way, "began_s": now_s}
        return {**known, **unknown, "highest_share": 0.0, "why": ""}

    def as_row(self) -> dict[str, Any]:
        """What is kept of it, beside its code."""
        back = {kind: list(names) for kind, names in self.back.items()}
        facts = {"bound": self.bound, "confirm_after_s": self.confirm_after_s}
        return {"module": self.module, "back": back, "is_one_way": self.is_one_way, **facts}

    @classmethod
    def of_row(cls, row: Mapping[str, Any], code: Code) -> Plan:
        """What was kept."""
        kept = cls(row["module"], code, {}, {}, row["back"], row["is_one_way"], bound=row.get("bound", BOUND))
        return kept._replace(confirm_after_s=row.get("confirm_after_s"))


def plan_of(
    module: str,
    wanted: str | None,
    found: Sequence[Mapping[str, Any]],
    known: Repertoire,
    now: Code,
    *,
    is_one_way: bool,
    path: str | None,
) -> Plan:
    """The plan to deploy the kinds that were found in a module. wanted: the only one that is meant.

    Raises DeployRefused.
    """
    facts = {one["kind"]: dict(one) for one in found}
    if wanted is not None:
        facts = {kind: one for kind, one in facts.items() if wanted in (kind, one["reference"].rpartition(":")[2])}
        if not facts:
            there = ", ".join(sorted(one["kind"] for one in found)) or "none"
            raise DeployRefused(f"{module} has no kind {wanted!r}; it has: {there}")
    else:
        _check_vanished(module, facts, known, now)
    before = {kind: known.facts[kind] for kind in facts if kind in known.facts}
    if not before:
        loaded = ", ".join(sorted(known.facts)) or "none"
        raise DeployRefused(
            f"{module} has none of the kinds that are loaded ({loaded}); what is new needs no deploy, but a spawn"
        )
    back = {} if is_one_way else _ways_back(facts, before)
    instead = {known.first[kind]: facts[kind]["reference"] for kind in before}
    added = [one["reference"] for kind, one in facts.items() if kind not in before]
    marks = {kind: one["mark"] for kind, one in facts.items()}
    return Plan(module, now.next(path, instead, added, marks), facts, before, back, is_one_way)


def _check_vanished(module: str, facts: Mapping[str, Any], known: Repertoire, now: Code) -> None:
    here = {kind for kind, first in known.first.items() if now.reference(first).rpartition(":")[0] == module}
    gone = sorted(here - facts.keys())
    if gone:
        raise DeployRefused(f"{module} has no kind {', '.join(gone)} any more, whose agents would be left without a class")


def _ways_back(facts: Mapping[str, Mapping[str, Any]], before: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """The fields that a rollback has to give back, of kinds whose state changes. Raises DeployRefused where it cannot."""
    back: dict[str, list[str]] = {}
    for kind, old in before.items():
        new, was, will = facts[kind], old["fields"], facts[kind]["fields"]
        if was == will:
            continue
        changed = sorted(name for name in was.keys() & will.keys() if was[name] != will[name])
        if changed:
            names = ", ".join(changed)
            raise DeployRefused(f"{kind}: {names} keeps its name and changes its type; give it another name, or deploy one way")
        if not new["has_upgrade"] or new["downgraded"] is None:
            raise DeployRefused(
                f"{kind}: its fields change ({', '.join(sorted(was.keys() ^ will.keys()))}); a canary and a way back need "
                "upgrade(state) and downgrade(state), static or class methods; --one-way goes without both"
            )
        if new["downgraded"] != sorted(was):
            raise DeployRefused(
                f"{kind}: downgrade gives {', '.join(new['downgraded'])}, the old code has {', '.join(sorted(was))}"
            )
        back[kind] = list(was)
    return back
