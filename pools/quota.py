"""What one kind or one tenant may take of an engine, as it was configured.

Owns the numbers and their bounds. Where they come from (a file, code, a method's decorator) is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["BOUNDS", "Quota", "Quotas"]

#: What each number may be, from and to: a rate in tasks a second, the others in tasks.
BOUNDS: dict[str, tuple[float, float]] = {
    "rate": (0.001, 1e9),
    "burst": (1, 1e9),
    "open": (1, 1e9),
    "concurrency": (1, 1e6),
}


@dataclass(frozen=True, slots=True)
class Quota:
    """The part of one kind or tenant; None for no limit of its own.

    rate: tasks that begin in a second, on the average.  burst: those that may begin at once, a second's by default.
    open: tasks that wait or run.  concurrency: tasks of a kind that its workers have at once, all together.
    Raises ValueError, naming the field.
    """

    rate: float | None = None
    burst: float | None = None
    open: int | None = None
    concurrency: int | None = None

    def __post_init__(self) -> None:
        for name, (least, most) in BOUNDS.items():
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int | float) and least <= value <= most):
                raise ValueError(f"{name} is a number from {least:g} to {most:g}, got {value!r}")
        if self.burst is not None and self.rate is None:
            raise ValueError("a burst needs a rate")


@dataclass(frozen=True, slots=True)
class Quotas:
    """The parts of all kinds and tenants by name. default_tenant: of a tenant without one of its own."""

    kinds: Mapping[str, Quota] = field(default_factory=dict)
    tenants: Mapping[str, Quota] = field(default_factory=dict)
    default_tenant: Quota | None = None
