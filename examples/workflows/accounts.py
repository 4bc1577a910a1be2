"""Agents that keep accounts: a clerk reads bookings and closes the books, ledgers remember the accounts that are theirs.

Money is counted in whole cents, since sums of fractions do not add up.
"""

from __future__ import annotations

import csv
import zlib
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from engine import Agent

__all__ = ["Clerk", "Ledger"]

#: A cent, of which no booking has a part.
CENT = Decimal("0.01")


class Clerk(Agent):
    """Reads and closes the books."""

    def read(self, file: str) -> dict[str, Any]:
        """The bookings of a file (id, from, to, amount), in cents, and the lines that are none."""
        bookings, refused = [], []
        with Path(file).open(newline="", encoding="utf-8") as source:
            for line, row in enumerate(csv.DictReader(source), 2):
                try:
                    amount = Decimal(row["amount"])
                    if amount <= 0 or amount % CENT:
                        raise InvalidOperation(f"no amount: {amount}")
                    if not row["id"] or not row["from"] or not row["to"] or row["from"] == row["to"]:
                        raise InvalidOperation("from one account to another, under an id")
                    bookings.append([row["id"], row["from"], row["to"], int(amount / CENT)])
                except (InvalidOperation, KeyError, TypeError) as wrong:
                    refused.append({"line": line, "why": str(wrong)})
        return {"bookings": bookings, "refused": refused}

    def close(self, balances: list[dict[str, int]], booked: list[int], refused: list[dict[str, Any]]) -> dict[str, Any]:
        """All balances. What is on all accounts together is nothing, since each booking takes what it gives."""
        accounts = {account: cents for each in balances for account, cents in each.items()}
        if sum(accounts.values()):
            raise ValueError(f"the books are out by {sum(accounts.values())} cents")
        return {"accounts": dict(sorted(accounts.items())), "booked": sum(booked), "refused": refused}


class Ledger(Agent):
    """Remembers the bookings of its accounts, so that none counts twice."""

    entries: dict[str, dict[str, int]]

    def book(self, bookings: list[list[Any]], ledgers: int) -> int:
        """Take the sides of bookings whose account is this ledger's; returns how many were new."""
        new = 0
        for name, giver, taker, cents in bookings:
            for account, change in ((giver, -cents), (taker, cents)):
                if zlib.crc32(account.encode()) % ledgers == int(self.key):
                    entries = self.entries.setdefault(account, {})
                    new += name not in entries
                    entries[name] = change
        return new

    def balances(self) -> dict[str, int]:
        """What is on each of its accounts, in cents."""
        return {account: sum(entries.values()) for account, entries in self.entries.items()}
