"""No kind and no tenant holds up the accepted tasks of another one."""

from __future__ import annotations

import pytest

from engine.options import Options
from engine.task import Task
from engine.turnstile import AHEAD, Entry, Turnstile
from pools.gates import Gates
from pools.quota import Quota, Quotas
from pools.ranked import CRITICAL, LOW, NORMAL, TURN

MOST = 1_600


def entry(number: int, kind: str = "a", tenant: str = "") -> Entry:
    task = Task(number, None, f"{kind}/{number}", "add", None, 0.0, options=Options(tenant=tenant))
    return task, kind, number


def filled(*parts: tuple[str, str, int], quotas: Quotas | None = None) -> Turnstile:
    gates = None if quotas is None else Gates(quotas, lambda _event: None, now_s=0.0)
    turnstile = Turnstile(gates)
    for kind, tenant, count in parts:
        for number in range(count):
            turnstile.put(entry(number, kind, tenant), NORMAL)
    return turnstile


def kinds_of(taken: list[Entry]) -> dict[str, int]:
    return {kind: sum(one[1] == kind for one in taken) for kind in dict.fromkeys(one[1] for one in taken)}


def test_tasks_of_one_kind_leave_in_their_order() -> None:
    turnstile = filled(("a", "", 100))
    assert [one[2] for one in turnstile.take(150, 150, 0.0)] == list(range(100))
    assert len(turnstile) == 0 == len(list(turnstile))


def test_a_flood_of_one_kind_or_tenant_lets_the_others_through() -> None:
    turnstile = filled(("a", "", 10_000), ("b", "x", 10_000), ("b", "y", 50))
    taken = turnstile.take(400, MOST, 0.0)
    assert kinds_of(taken)["b"] >= 150
    assert sum(one[0].options.tenant == "y" for one in taken) == 50


def test_where_one_kind_has_everything_out_another_one_still_leaves() -> None:
    turnstile = filled(("a", "", 5_000))
    out = turnstile.take(MOST, MOST, 0.0)
    assert len(out) == MOST
    turnstile.put(entry(1, "b"), LOW)
    assert kinds_of(turnstile.take(0, MOST, 0.0)) == {"b": 1}


def test_what_has_no_tokens_waits_and_holds_up_nobody() -> None:
    quotas = Quotas(kinds={"a": Quota(rate=10.0, burst=3)}, tenants={"slow": Quota(rate=1.0, burst=1)})
    turnstile = filled(("a", "", 50), ("b", "slow", 50), ("b", "", 50), quotas=quotas)
    taken = turnstile.take(1_000, MOST, 0.0)
    assert kinds_of(taken) == {"a": 3, "b": 51}
    assert turnstile.wait_s == 0.1
    assert len(turnstile) == 47 + 49
    assert kinds_of(turnstile.take(1_000, MOST, 0.15)) == {"a": 1}


@pytest.mark.parametrize("concurrency", [1, 2, 3, 5])
def test_a_flood_of_critical_ones_lets_a_low_one_of_a_kind_go_that_few_may_be_out_of(concurrency: int) -> None:
    turnstile = Turnstile(Gates(Quotas(kinds={"a": Quota(concurrency=concurrency)}), lambda _event: None, now_s=0.0))
    turnstile.put(entry(0, "a"), LOW)
    out: list[Entry] = []
    order: list[int] = []
    for number in range(1, 500):
        turnstile.put(entry(number, "a"), CRITICAL)
    for _ in range(100):
        out += turnstile.take(1_000, MOST, 0.0)
        task, kind, _ = out.pop(0)
        order.append(task.urgency)
        turnstile.ended(kind, task)
    assert order.index(LOW) <= AHEAD * concurrency + TURN


def test_no_more_are_out_of_a_kind_than_could_soon_run() -> None:
    turnstile = filled(("a", "", 500), ("b", "", 10), quotas=Quotas(kinds={"a": Quota(concurrency=5)}))
    taken = turnstile.take(1_000, MOST, 0.0)
    assert kinds_of(taken) == {"a": AHEAD * 5, "b": 10}
    turnstile.ended("a", next(task for task, kind, _ in taken if kind == "a"))
    assert kinds_of(turnstile.take(1_000, MOST, 0.0)) == {"a": 1}


def test_critical_ones_have_room_of_their_own() -> None:
    turnstile = filled(("a", "", MOST))
    assert len(turnstile.take(MOST, MOST, 0.0)) == MOST
    turnstile.put(entry(1), NORMAL)
    for number in range(5):
        turnstile.put(entry(number), CRITICAL)
    assert turnstile.take(0, MOST, 0.0) == []
    taken = turnstile.take(0, MOST, 0.0, spare=3)
    assert len(taken) == 3
    assert turnstile.take(-3, MOST, 0.0, spare=3) == []
    turnstile.ended("a", taken[0][0])
    assert len(turnstile.take(-2, MOST, 0.0, spare=3)) == 1


def test_who_is_hastened_while_a_worker_has_it_neither_takes_nor_gives_room_of_the_critical_ones() -> None:
    turnstile = filled(("a", "", MOST))
    out = turnstile.take(MOST, MOST, 0.0)
    for number in range(5):
        turnstile.put(entry(number), CRITICAL)
    assert len(turnstile.take(0, MOST, 0.0, spare=3)) == 3
    for task, kind, _ in out[:2]:
        task.urgency = CRITICAL
        turnstile.ended(kind, task)
    assert turnstile.take(-3, MOST, 0.0, spare=3) == []


def test_what_got_another_place_leaves_from_there_alone() -> None:
    turnstile = filled(("a", "", 3))
    second = list(turnstile)[1]
    turnstile.put(second, CRITICAL)
    assert [key for _, _, key in turnstile.take(10, MOST, 0.0, spare=1)] == [1, 0, 2]
    assert len(turnstile) == 0
