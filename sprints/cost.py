"""What a sprint cost: seconds of cpu, and money where the configuration says what they cost.

Pure. Prices are the user's own; where none is given there is no sum. What models cost has its place in `models`, empty while no
agent uses one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sprints.chronicle import Chronicle
from sprints.errors import BadBacklog

__all__ = ["Cost", "Price", "cost_of", "read_price"]

#: Seconds of an hour.
HOUR_S = 3_600.0
#: The most that an hour may cost: a number that nobody means by accident.
MOST = 1e6
KEYS = ("currency", "cpu_hour", "machine_hour")


@dataclass(frozen=True, slots=True)
class Price:
    """What somebody pays. cpu_hour: for an hour of one busy core.  machine_hour: for an hour of the machine, busy or not."""

    currency: str = "USD"
    cpu_hour: float = 0.0
    machine_hour: float = 0.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What a sprint cost. All seconds are those of the machine's clock, whatever the speed of the sprint's own time.

    cpu_s: seconds of cpu of the engine's processes while it ran; those that agents ran, where that was not measured.
    money: cpu_s / 3,600 x cpu_hour + seconds / 3,600 x machine_hour; None without a price.
    per_1000_agent_hours: money / (agents x seconds / 3,600) x 1,000; None without a price, agents or time.
    models: money by provider of language models; empty while there are none.
    """

    currency: str
    cpu_s: float
    money: float | None
    per_1000_agent_hours: float | None
    models: Mapping[str, float] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """The same as it stands in a ledger."""
        return {
            "currency": self.currency,
            "cpu_s": round(self.cpu_s, 6),
            "money": None if self.money is None else round(self.money, 9),
            "per_1000_agent_hours": None if self.per_1000_agent_hours is None else round(self.per_1000_agent_hours, 9),
            "models": dict(self.models),
        }


def read_price(row: object) -> Price | None:
    """The price that a configuration says; None for none. Raises BadBacklog."""
    if row is None:
        return None
    if not isinstance(row, Mapping) or not set(row) <= set(KEYS):
        raise BadBacklog(f"a price has {', '.join(KEYS)}, got {row!r:.80}", key="price")
    numbers = {key: row.get(key, 0.0) for key in KEYS[1:]}
    for key, number in numbers.items():
        if type(number) not in (int, float) or not 0 <= number <= MOST:
            raise BadBacklog(f"must be a number from 0 to {MOST:,.0f}, got {number!r:.40}", key=f"price.{key}")
    currency = row.get("currency", "USD")
    if not isinstance(currency, str) or not 0 < len(currency) <= 8:
        raise BadBacklog(f"must be a currency such as USD, got {currency!r:.40}", key="price.currency")
    return Price(currency, float(numbers["cpu_hour"]), float(numbers["machine_hour"]))


def cost_of(told: Chronicle, price: Price | None, cpu_s: float | None = None) -> Cost:
    """What a sprint cost. cpu_s: as it was measured; None takes what its receipts say agents ran."""
    if cpu_s is None:
        cpu_s = sum(receipt.ran_s for receipt in told.receipts)
    if price is None:
        return Cost("", cpu_s, None, None)
    seconds = told.seconds / told.speed
    money = (cpu_s * price.cpu_hour + seconds * price.machine_hour) / HOUR_S
    hours = told.agents * seconds / HOUR_S
    return Cost(price.currency, cpu_s, money, money / hours * 1_000 if hours else None)
