"""Measures over a while, of workers by hand: who is active, what is done a minute, shares of time, cost, who did most."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from engine.machine import Machine
from engine.meter import HOUR_S, SHORT_S, Meter, active_in
from pools.gauges import AWAITING, BUSY_NS, BUSY_SINCE_NS, BYTES_IN, BYTES_OUT, CELLS, QUEUED
from pools.placement import Placement
from pools.podium import Podium
from pools.spec import PoolSpec


class Rig:
    """Two workers, a clock and counts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, price: dict[str, Any] | None = None) -> None:
        self.now_s = 1_000.0
        self.counts = {"done": 500, "expired": 3}
        self.used = {"cpu": 7.0, "written": 0.0}
        self.seats = [self.seat(), self.seat()]
        placement = Placement([PoolSpec("p", agents=100)], 100)
        placement.add_range("a", 50)
        swarm: Any = SimpleNamespace(seats=self.seats, placement=placement)
        monkeypatch.setattr("engine.meter.cpu_s", lambda pid: self.used["cpu"] if pid == 1 else 0.0)
        monkeypatch.setattr("engine.meter.written_bytes", lambda pid: self.used["written"] if pid == 1 else 0.0)
        monkeypatch.setattr("engine.meter.os.getpid", lambda: 1)
        machine = Machine(4, 10**9)
        self.meter = Meter(swarm, lambda: self.counts, price=price, machine=machine, clock=lambda: self.now_s)

    @staticmethod
    def seat() -> Any:
        cells = memoryview(bytearray(CELLS * 8)).cast("Q")
        return SimpleNamespace(cells=cells, pid=2, podium=Podium())

    def seconds(self, count: int, **each: float) -> None:
        """Seconds in each of which something happens."""
        for _ in range(count):
            self.now_s += 1.0
            self.counts["done"] += int(each.get("done", 0))
            self.used["cpu"] += each.get("cpu", 0.0)
            self.used["written"] += each.get("written", 0.0)
            self.seats[0].cells[BUSY_NS] += int(each.get("busy", 0.0) * 1e9)
            self.seats[1].cells[BYTES_OUT] += int(each.get("sent", 0))
            self.meter.look(self.now_s)


def test_who_is_active() -> None:
    cells = Rig.seat().cells
    assert active_in(cells) == 0
    cells[BUSY_SINCE_NS] = 5
    assert active_in(cells) == 1, "while anything runs there is one"
    cells[AWAITING], cells[QUEUED] = 3, 4
    assert active_in(cells) == 7
    cells[BUSY_SINCE_NS] = 0
    assert active_in(cells) == 7


def test_a_worker_without_a_process_has_nobody_active(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(monkeypatch)
    for seat in rig.seats:
        seat.cells[AWAITING] = 2
    assert rig.meter.active == 4
    rig.seats[0].pid = None
    assert rig.meter.active == 2


def test_nothing_is_known_at_once_and_what_was_before_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    meter = Rig(monkeypatch).meter
    assert (meter.efficiency(), meter.cpu(), meter.network_bytes_per_s(), meter.disk_bytes_per_s()) == (None,) * 4
    assert (meter.done_per_min(), meter.late_per_min(), meter.cost(), meter.top()) == (0, 0, None, [])


def test_rates_and_shares_are_those_of_their_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(monkeypatch)
    rig.seconds(100, done=5, cpu=2.0, written=300, busy=0.5, sent=1_000)
    meter = rig.meter
    assert meter.done_per_min() == 300
    assert meter.efficiency() == pytest.approx(0.25), "one of two workers, half of the time"
    assert meter.cpu() == pytest.approx(0.5), "two of four cores"
    assert meter.disk_bytes_per_s() == pytest.approx(300)
    assert meter.network_bytes_per_s() == pytest.approx(1_000)
    rig.seconds(int(SHORT_S))
    assert meter.cpu() == meter.disk_bytes_per_s() == meter.network_bytes_per_s() == 0.0
    assert meter.done_per_min() == 250
    rig.counts["done"] += 1
    rig.counts["expired"] += 2
    assert (meter.done_per_min(), meter.late_per_min()) == (251, 2), "known at once"
    rig.seconds(61)
    assert (meter.done_per_min(), meter.efficiency()) == (0, 0.0)


def test_the_engines_own_sockets_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(monkeypatch)
    rig.seats[0].cells[BYTES_IN] = 600
    rig.meter.traffic = lambda: 400
    rig.seconds(10)
    assert rig.meter.network_bytes_per_s() == pytest.approx(100)


def test_cost_is_what_was_used_by_its_price(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(monkeypatch, {"currency": "EUR", "cpu_hour": 0.04, "machine_hour": 0.1})
    rig.seconds(60, cpu=3.0)
    cost = rig.meter.cost()
    assert cost is not None
    assert cost["currency"] == "EUR"
    assert cost["total"] == cost["providers"]["local"] == pytest.approx((180 * 0.04 + 60 * 0.1) / HOUR_S)


def test_who_did_most_over_all_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(monkeypatch)
    one, two = (seat.podium for seat in rig.seats)
    one.hear({"rows": [["a", 1, 5], ["a", 2, 4], ["a", 99, 50]], "counted": 9, "done": 10})
    two.hear({"rows": [["a", 2, 3], ["a", 3, 1], ["a", 4, 2]], "counted": 6, "done": 10})
    assert rig.meter.top() == [
        {"agent": "a/2", "kind": "a", "done": 7, "counted": 0.75},
        {"agent": "a/1", "kind": "a", "done": 5, "counted": 0.75},
        {"agent": "a/4", "kind": "a", "done": 2, "counted": 0.75},
    ], "of those that there are"
