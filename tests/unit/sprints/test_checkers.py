"""Checks run in processes of their own: one that hangs, floods or kills ends alone, and no other check is lost."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sprints.check import CheckResult, Proof, check_of
from sprints.checkers import Checkers
from sprints.errors import CheckerFailed
from tests.support.processes import is_alive, until

ROOT = Path(__file__).resolve().parents[3]

BAD = """
import ctypes, os, re, sys, time

def fine(value):
    return True

def hang(value):
    while True:
        pass

def hang_below(value):
    re.match("(a+)+$", "a" * 64 + "b")

def hang_deep(value):
    ctypes.PyDLL(None).sleep(1000)

def leave(value):
    os._exit(0)

def leave_politely(value):
    sys.exit(0)

def flood(value):
    for _ in range(2000):
        print("x" * 10_000)
        sys.stderr.write("x" * 10_000)
        os.write(1, b"x" * 10_000)
    return True

def long_winded(value):
    raise RuntimeError("x" * 10_000_000)

def split(value):
    if os.fork() == 0:
        os.setsid()
        with open("pids", "a") as file:
            file.write(f"{os.getpid()}\\n")
        time.sleep(1000)
    time.sleep(1000)

def doubled(value):
    os.fork()
    return True

def shut(value):
    for descriptor in range(3, 50):
        try:
            os.close(descriptor)
        except OSError:
            pass
    time.sleep(1000)

def once(value):
    if os.path.exists("was_here"):
        return True
    open("was_here", "w").close()
    os.kill(os.getpid(), 9)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "badchecks.py").write_text(BAD)
    return tmp_path


def call(name: str, timeout_s: float = 20.0) -> Proof:
    return proof({"call": f"badchecks:{name}", "timeout_s": timeout_s})


def proof(row: dict[str, Any], value: Any = None) -> Proof:
    return Proof(check_of(row), value, {"id": "t"})


async def results(folder: Path, *proofs: Proof, most: int = 1) -> list[CheckResult]:
    async with Checkers(str(folder), [str(folder)], most=most) as checkers:
        found = await checkers.results(proofs)
        pids = checkers.pids
    assert [pid for pid in pids if is_alive(pid)] == []
    return found


async def test_results_come_in_the_order_of_the_checks(folder: Path) -> None:
    proofs = [proof({"expr": "a", "equals": number % 3}, {"a": number % 2}) for number in range(500)]
    found = await results(folder, *proofs, most=2)
    assert [one.is_passed for one in found] == [number % 3 == number % 2 for number in range(500)]
    assert await results(folder) == []


@pytest.mark.parametrize("how", ["hang", "hang_below", "hang_deep", "split", "shut"])
async def test_a_check_that_hangs_is_killed_with_all_that_it_started_and_the_others_pass(folder: Path, how: str) -> None:
    others = [proof({"expr": "a"}, {"a": 1}) for _ in range(5)]
    found = await results(folder, *others, call(how, 0.5), *others, call("fine"))
    assert [one.is_passed for one in found] == [True] * 5 + [False] + [True] * 6
    assert "longer than 0.5 s" in (found[5].why or "")
    if how == "split":
        assert [pid for pid in map(int, (folder / "pids").read_text().split()) if is_alive(pid)] == []


async def test_an_expression_that_hangs_is_charged_itself_and_not_one_before_it(folder: Path) -> None:
    quick = [proof({"expr": "a"}, {"a": 1}) for _ in range(8)]
    slow = proof({"schema": {"pattern": "(a+)+$"}, "timeout_s": 0.5}, "a" * 64 + "b")
    found = await results(folder, *quick, slow, *quick)
    assert [one.is_passed for one in found] == [True] * 8 + [False] + [True] * 8
    assert "longer than" in (found[8].why or "")


async def test_a_grandchild_in_a_session_of_its_own_ends_with_its_check(folder: Path) -> None:
    command = ["sh", "-c", "setsid sh -c 'echo $$ >> pids; sleep 1000' & sleep 0.3; echo $$ >> pids; sleep 1000"]
    found = await results(folder, proof({"command": command, "timeout_s": 1.0}))
    assert not found[0].is_passed
    pids = [int(pid) for pid in (folder / "pids").read_text().split()]
    assert len(pids) == 2
    assert [pid for pid in pids if is_alive(pid)] == []


async def test_what_a_passed_command_leaves_running_is_ended(folder: Path) -> None:
    command = ["sh", "-c", "sleep 1000 & echo $! >> pids; setsid sleep 1000 & echo $! >> pids"]
    async with Checkers(str(folder), most=1) as checkers:
        assert (await checkers.results([proof({"command": command})]))[0].is_passed
        assert [pid for pid in map(int, (folder / "pids").read_text().split()) if is_alive(pid)] == []


@pytest.mark.parametrize("how", ["leave", "leave_politely"])
async def test_a_check_that_ends_its_process_twice_has_not_passed(folder: Path, how: str) -> None:
    found = await results(folder, call("fine"), call(how), call("fine"))
    assert [one.is_passed for one in found] == [True, False, True]
    assert found[1].why == "it ended the process that it ran in, 2 times"


async def test_a_process_that_is_killed_by_others_is_replaced_and_its_check_made_again(folder: Path) -> None:
    assert [one.is_passed for one in await results(folder, call("once"), call("fine"))] == [True, True]
    async with Checkers(str(folder), [str(folder)], most=1) as checkers:
        waiting = asyncio.ensure_future(checkers.results([proof({"command": ["sleep", "0.5"]})]))
        await until(lambda: checkers.pids)
        await asyncio.sleep(0.2)
        os.kill(checkers.pids[0], signal.SIGKILL)
        assert (await waiting)[0].is_passed


@pytest.mark.parametrize("how", ["flood", "long_winded", "doubled"])
async def test_what_a_check_prints_or_says_does_no_harm(folder: Path, how: str) -> None:
    found = await results(folder, call("fine"), call(how), call("fine"))
    assert [found[0].is_passed, found[2].is_passed] == [True, True]
    assert len(found[1].why or "") <= 1_000


async def test_a_command_that_floods_is_ended_by_its_time(folder: Path) -> None:
    found = await results(folder, proof({"command": ["yes"], "timeout_s": 0.5}), call("fine"))
    assert [one.is_passed for one in found] == [False, True]


async def test_a_slow_command_holds_up_no_other_check(folder: Path) -> None:
    slow = proof({"command": ["sleep", "30"], "timeout_s": 30})
    async with Checkers(str(folder), [str(folder)], most=2) as checkers:
        waiting = asyncio.ensure_future(checkers.results([slow]))
        await until(lambda: checkers.pids)
        began = time.monotonic()
        assert all(one.is_passed for one in await checkers.results([call("fine") for _ in range(20)]))
        assert time.monotonic() - began < 15
        assert not waiting.done()
        waiting.cancel()


async def test_answers_that_cannot_be_sent_have_not_passed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sprints.checkers.ASKED_BYTES", 1_000)
    found = await results(folder, proof({"expr": "@"}, object()), proof({"expr": "@"}, "x" * 2_000), proof({"expr": "@"}, "x"))
    assert [one.is_passed for one in found] == [False, False, True]
    assert "not JSON" in (found[0].why or "") or "cannot be checked" in (found[0].why or "")


async def test_large_answers_pass_through(folder: Path) -> None:
    found = await results(folder, *[proof({"expr": "length(@)", "equals": 3_000_000}, "x" * 3_000_000) for _ in range(6)])
    assert all(one.is_passed for one in found)


async def test_without_any_process_nothing_is_known_and_that_is_said(folder: Path) -> None:
    async with Checkers(str(folder / "none"), most=1) as checkers:
        with pytest.raises(CheckerFailed, match="3 processes for checks ended"):
            await checkers.results([call("fine")])


async def test_who_waits_while_they_are_stopped_is_told(folder: Path) -> None:
    checkers = Checkers(str(folder), [str(folder)], most=1)
    waiting = asyncio.ensure_future(checkers.results([call("hang"), call("fine")]))
    await until(lambda: checkers.pids)
    await checkers.close()
    with pytest.raises(CheckerFailed, match="stopped"):
        await waiting
    assert checkers.pids == []


OWNER = """
import asyncio, sys
from sprints.check import Proof, check_of
from sprints.checkers import Checkers

async def main():
    checkers = Checkers(sys.argv[1], [sys.argv[1]], most=1)
    kind, *what = sys.argv[2:]
    await checkers.results([Proof(check_of({kind: what if kind == "command" else what[0]}), None, {})])

asyncio.run(main())
"""


@pytest.mark.parametrize("kind", ["call", "command"])
async def test_when_the_owner_is_killed_its_checks_end_with_all_that_they_started(folder: Path, kind: str) -> None:
    what = (
        ["badchecks:split"]
        if kind == "call"
        else ["sh", "-c", "setsid sleep 1000 & echo $! >> pids; echo $$ >> pids; sleep 1000"]
    )
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(folder), kind, *what], cwd=ROOT)
    pids = folder / "pids"
    await until(lambda: pids.exists() and len(pids.read_text().split()) >= (1 if kind == "call" else 2))
    owner.kill()
    owner.wait()
    found = [int(pid) for pid in pids.read_text().split()]
    await until(lambda: not any(is_alive(pid) for pid in found))
