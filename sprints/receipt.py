"""The receipt of one task in one sprint: its verdict, and what that stands on.

Owns the form in which it stands in a ledger. Who decides it is `evidence`. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

__all__ = ["VERDICTS", "Made", "Receipt", "receipt_of"]

#: What may come of a task. `unproven`: it answered, and the evidence is missing.
VERDICTS = ("done", "failed", "unproven", "expired", "cancelled")


class Made(NamedTuple):
    """An artifact as its receipt has it. path: relative to the work folder."""

    path: str
    sha256: str
    size_bytes: int


class Receipt(NamedTuple):
    """What came of an item.

    verdict: one of VERDICTS.  why: why it is not done, in a sentence.  ran_s, waited_s: seconds with the agent, and before.
    error: type and message of a failure.  check: the name of the check that it passed, or did not.  effects: counted by kind.
    """

    item: str
    role: str
    verdict: str
    agent: str | None = None
    why: str | None = None
    ran_s: float | None = None
    waited_s: float | None = None
    error: str | None = None
    check: str | None = None
    artifacts: tuple[Made, ...] = ()
    effects: Mapping[str, int] = MappingProxyType({})
    feature: str | None = None
    bug: str | None = None

    def facts(self) -> dict[str, Any]:
        """Its line in a ledger; what is not there is left out."""
        facts: dict[str, Any] = {"item": self.item, "role": self.role, "verdict": self.verdict}
        for key in ("agent", "why", "ran_s", "waited_s", "error", "check", "feature", "bug"):
            value = getattr(self, key)
            if value is not None:
                facts[key] = value
        if self.artifacts:
            facts["artifacts"] = [
                {"path": made.path, "sha256": made.sha256, "size_bytes": made.size_bytes} for made in self.artifacts
            ]
        if self.effects:
            facts["effects"] = dict(self.effects)
        return facts


def receipt_of(facts: Mapping[str, Any]) -> Receipt:
    """The receipt that a line of a ledger has. Raises ValueError where it has none."""
    try:
        artifacts = tuple(Made(one["path"], one["sha256"], one["size_bytes"]) for one in facts.get("artifacts", ()))
        optional = {key: facts.get(key) for key in ("agent", "why", "ran_s", "waited_s", "error", "check", "feature", "bug")}
        receipt = Receipt(
            facts["item"], facts["role"], facts["verdict"], artifacts=artifacts, effects=facts.get("effects", {}), **optional
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"it is no receipt: {error!r}") from error
    if receipt.verdict not in VERDICTS:
        raise ValueError(f"{receipt.verdict!r} is no verdict; there are {', '.join(VERDICTS)}")
    return receipt
