"""An accepted task is run as it was asked to be: in its order, after the others, in its time, as often as it may."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from engine import Options
from engine.engine import Engine
from engine.errors import DependencyCycle, DuplicateTask, NotRequeued, TaskEnded, TaskExpired, TaskFailed
from pools.errors import BadArgument, DependencyFailed, FrameTooLarge, StateTooLarge, TaskCancelled
from pools.ranked import TURN
from tests.support.agents import Chore
from tests.support.processes import pool, running

#: Tasks that a worker has at once here, so that others wait where they can be told apart.
WINDOW = 8
#: Seconds that anything here may take.
WITHIN_S = 30.0

Make = Callable[..., Any]


@pytest.fixture(params=["memory", "sync"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Makes an engine with ten agents, which has ended everything that it accepted once a test is over."""

    @asynccontextmanager
    async def made(workers: int = 1) -> AsyncIterator[Engine]:
        kept: dict[str, Any] = {} if request.param == "memory" else {"data": tmp_path / "data"}
        async with running([pool(workers, window=WINDOW)], (Chore,), durability=request.param, **kept) as engine:
            await engine.spawn(Chore, 10)
            yield engine
            async with asyncio.timeout(WITHIN_S):
                while (counts := (await engine.tasks())["counts"])["open"]:
                    await asyncio.sleep(0.01)
            assert counts["accepted"] == sum(counts[state] for state in ("done", "failed", "cancelled", "expired")), counts
            assert counts["accepted"] == (await engine.tasks())["kept"]

    return made


def note(word: Any, **more: Any) -> dict[str, Any]:
    """A task that writes a word down, and is called by it."""
    return {"id": word, "agent": "chore/0", "method": "note", "args": [str(word)], **more}


async def told(engine: Engine) -> list[str]:
    """The words in the order of their tasks."""
    words: list[str] = await engine.ask("chore/0", "told")
    return words


async def states(engine: Engine, *names: str) -> list[str]:
    """How some tasks stand."""
    return [(await engine.task(name))["state"] for name in names]


async def state_is(engine: Engine, name: str, state: str) -> dict[str, Any]:
    """A task once it stands so."""
    async with asyncio.timeout(WITHIN_S):
        while (facts := await engine.task(name))["state"] != state:
            await asyncio.sleep(0.005)
    return facts


async def ended(engine: Engine, *names: str) -> list[Any]:
    """The values of tasks, or the types of their errors."""
    found: list[Any] = []
    for name in names:
        try:
            found.append(await engine.result(name, WITHIN_S))
        except Exception as error:
            found.append(type(error))
    return found


# -- priorities --------------------------------------------------------------------------------------------------------


async def test_a_critical_task_passes_a_flood_of_low_ones(make: Make, tmp_path: Path) -> None:
    async with make() as engine:
        gate = tmp_path / "gate"
        await engine.submit([("chore/0", "hold", str(gate))])
        lows = await engine.submit([note(at) for at in range(2_000)], options=Options(priority="low"))
        (urgent,) = await engine.submit([note("urgent", priority="critical")])
        gate.touch()
        await ended(engine, urgent, *lows)
        words = await told(engine)
        assert words.index("urgent") <= WINDOW
        assert [word for word in words if word != "urgent"] == [str(at) for at in range(2_000)]


@pytest.mark.parametrize("low", ["low", "normal", "high"])
async def test_a_low_task_behind_a_flood_of_higher_ones_begins_within_the_bound(make: Make, tmp_path: Path, low: str) -> None:
    async with make() as engine:
        gate = tmp_path / "gate"
        await engine.submit([("chore/0", "hold", str(gate))])
        flood = [note(at, priority="critical") for at in range(2_000)]
        *ids, last = await engine.submit([*flood, note("low", priority=low)])
        gate.touch()
        await ended(engine, last, *ids)
        # Of TURN sections one is of a lower priority, and these take turns; a section has a window's tasks at most.
        assert (await told(engine)).index("low") <= 3 * TURN * WINDOW


# -- dependencies ------------------------------------------------------------------------------------------------------


async def test_a_task_begins_after_those_that_it_waits_for_whenever_they_are_submitted(make: Make) -> None:
    async with make(2) as engine:
        first = [note("d", after=["b", "c"]), note("b", after=["a"]), note("x", after="later")]
        ids = await engine.submit(first)
        assert await states(engine, "d", "b", "x") == ["waiting"] * 3
        facts = await engine.task("d")
        assert (facts["waiting_for"], facts["waiting_for_count"], facts["due_s"]) == (["b", "c"], 2, None)
        ids += await engine.submit([note("c", after="a"), note("a")])
        await ended(engine, ids[0])
        words = await told(engine)
        assert words[0] == "a"
        assert set(words[1:3]) == {"b", "c"}
        assert words[3:] == ["d"]
        assert await states(engine, "x") == ["waiting"]
        (by_id,) = await engine.submit([note("y", after=[ids[0], "x"])])
        await engine.submit([note("later", agent="chore/1")])
        await ended(engine, by_id)
        assert (await told(engine))[4:] == ["x", "y"]


async def test_ten_thousand_tasks_of_a_graph_are_each_done_after_their_parents(make: Make) -> None:
    levels, width = 100, 100
    async with make() as engine:
        after = {
            f"{level}.{at}": [f"{level - 1}.{at}", f"{level - 1}.{(at * 7 + level) % width}"] if level else []
            for level in range(levels)
            for at in range(width)
        }
        lines = [note(name, after=parents) if parents else note(name) for name, parents in after.items()]
        await engine.submit(reversed(lines))  # the last ones first: each waits for what nobody has submitted yet
        await ended(engine, *(f"{levels - 1}.{at}" for at in range(width)))
        place = {word: at for at, word in enumerate(await told(engine))}
        assert len(place) == levels * width
        assert all(place[parent] < place[name] for name, parents in after.items() for parent in parents)


async def test_a_circle_is_refused_by_name_and_nothing_of_it_is_accepted(make: Make) -> None:
    async with make() as engine:
        for lines in (
            [note("a", after="a")],
            [note("free"), note("a", after="b"), note("b", after="c"), note("c", after="a")],
        ):
            with pytest.raises(DependencyCycle, match=r"these wait for each other: (\w+)( -> \w+)* -> \1$"):
                await engine.submit(lines)
        assert (await engine.tasks())["counts"]["accepted"] == 0
        ids = await engine.submit([note("a", after="b"), note("b", after="c")])
        with pytest.raises(DependencyCycle) as caught:
            await engine.submit([note("c", after="a")])
        assert all(name in str(caught.value) for name in ("a", "b", "c"))
        ids += await engine.submit([note("c")])  # its name is free
        assert await ended(engine, *ids) == [3, 2, 1]


async def test_what_becomes_of_a_task_whose_dependency_failed_is_as_it_says(make: Make, tmp_path: Path) -> None:
    async with make() as engine:
        bad = {"id": "bad", "agent": "chore/1", "method": "attempt", "args": [str(tmp_path / "tries"), 1]}
        lines = [note(policy, after="bad", after_failed=policy) for policy in ("fail", "wait", "ignore")]
        (first,) = await engine.submit([bad])
        await engine.submit([*lines, note("behind", after="fail"), note("unsaid", after=first)])
        assert await ended(engine, "bad", "fail", "ignore", "behind", "unsaid") == [
            TaskFailed, DependencyFailed, 1, DependencyFailed, DependencyFailed,
        ]  # fmt: skip
        assert "'bad'" in (await engine.task("fail"))["cause"]["message"]
        late = await engine.submit([note(f"late {policy}", after="bad", after_failed=policy) for policy in ("fail", "ignore")])
        assert await ended(engine, *late) == [DependencyFailed, 2]
        assert await states(engine, "wait") == ["waiting"]
        (again,) = await engine.requeue([first])
        assert await ended(engine, again["requeued_as"], "bad", "wait") == [2, 2, 3]
        letters = await engine.drop()
        assert len(letters) == 4
        assert "requeued" not in letters


async def test_who_waits_for_a_dead_letter_that_is_dropped_fails_and_a_cancelled_one_is_no_letter(
    make: Make, tmp_path: Path
) -> None:
    async with make() as engine:
        bad = {"id": "bad", "agent": "chore/1", "method": "attempt", "args": [str(tmp_path / "tries"), 9]}
        await engine.submit([bad, note("wait", after="bad", after_failed="wait")])
        await ended(engine, "bad")
        dropped = (await engine.task("bad"))["id"]
        assert await engine.drop(["bad"]) == [dropped]
        assert await ended(engine, "wait") == [DependencyFailed]
        with pytest.raises(NotRequeued):
            await engine.drop(["bad"])
        await engine.submit([note("x", after="never")])
        assert (await engine.cancel("x"))["state"] == "cancelled"
        with pytest.raises(NotRequeued, match="no dead letter"):
            await engine.drop(["x"])
        (again,) = await engine.requeue(["x"])  # what was cancelled may be tried again, and waits for nothing more
        assert await ended(engine, again["requeued_as"]) == [1]


async def test_what_becomes_of_a_task_whose_dependency_is_not_known_is_as_it_says(make: Make) -> None:
    async with make() as engine:
        lines = [note(policy, after="nobody", after_unknown=policy) for policy in ("fail", "wait", "ignore")]
        await engine.submit(lines)
        assert await ended(engine, "fail", "ignore") == [DependencyFailed, 1]
        assert await states(engine, "wait") == ["waiting"]
        await engine.submit([note("nobody")])
        assert await ended(engine, "wait") == [3]


# -- times -------------------------------------------------------------------------------------------------------------


async def test_a_task_begins_after_its_delay_and_says_until_when_it_waits(make: Make) -> None:
    async with make() as engine:
        await engine.submit([note("late", delay_s=0.5), note("now")])
        facts = await engine.task("late")
        assert (facts["state"], facts["due_s"]) == ("waiting", pytest.approx(facts["accepted_s"] + 0.5, abs=0.1))
        assert await ended(engine, "late", "now") == [2, 1]
        facts = await engine.task("late")
        assert facts["started_s"] >= facts["accepted_s"] + 0.5
        spent = (await engine.why("late"))["time"]
        assert spent["due_s"] == pytest.approx(0.5, abs=0.4)
        assert spent["total_s"] == pytest.approx(sum(spent.values()) - spent["total_s"])


async def test_a_deadline_ends_what_waits_what_is_queued_and_what_runs(make: Make, tmp_path: Path) -> None:
    async with make() as engine:
        hold = {"agent": "chore/0", "method": "hold", "args": [str(tmp_path / "never")], "deadline_s": 0.3}
        await engine.submit([hold | {"id": "runs"}, note("queued", deadline_s=0.2), note("waits", after="no", deadline_s=0.2)])
        assert await ended(engine, "runs", "queued", "waits") == [TaskExpired] * 3
        assert await states(engine, "runs", "queued", "waits") == ["expired"] * 3
        assert await told(engine) == []


async def test_an_attempt_that_takes_too_long_ends_and_may_be_made_again(make: Make, tmp_path: Path) -> None:
    async with make() as engine:
        hold = {"agent": "chore/0", "method": "hold", "args": [str(tmp_path / "gate")], "timeout_s": 0.2}
        again = {"id": "twice", "agent": "chore/1", "retries": 50, "backoff_s": 0.05}
        await engine.submit([hold | {"id": "once"}, hold | again])
        assert await ended(engine, "once") == [TaskExpired]
        assert "timeout_s" in (await engine.task("once"))["cause"]["message"]
        async with asyncio.timeout(WITHIN_S):
            while (await engine.task("twice"))["attempts"] < 2:
                await asyncio.sleep(0.01)
        (tmp_path / "gate").touch()
        assert await ended(engine, "twice") == [None]
        first, *_ = (await engine.why("twice"))["attempts"]
        assert first["error"]["type"] == "TaskExpired"
        assert await engine.ask("chore/0", "note", "x") == 1  # the agent goes on


async def test_a_method_that_hangs_is_taken_out_of_its_workers_way(make: Make) -> None:
    async with make() as engine:
        began_s = time.monotonic()
        await engine.submit([{"id": "hang", "agent": "chore/0", "method": "sleep", "args": [20], "timeout_s": 0.2}])
        (error,) = await ended(engine, "hang")
        assert issubclass(error, Exception)
        assert time.monotonic() - began_s < 15
        assert await states(engine, "hang") in (["expired"], ["failed"])
        assert await engine.ask("chore/1", "note", "x") == 1


# -- retries -----------------------------------------------------------------------------------------------------------


async def test_a_task_that_fails_is_tried_as_often_as_it_may_be_and_only_after_the_errors_it_names(
    make: Make, tmp_path: Path
) -> None:
    def attempt(name: str, failures: int, error: str = "ValueError", **more: Any) -> dict[str, Any]:
        return {"id": name, "agent": "chore/0", "method": "attempt", "args": [str(tmp_path / name), failures, error], **more}

    def attempts(name: str) -> int:
        return (tmp_path / name).stat().st_size

    often = Options(retries=3, backoff_s=0.02)
    async with make() as engine:
        lines = [
            attempt("none", 1, retries=0), attempt("well", 2), attempt("badly", 9), attempt("named", 2, retry_on="ValueError"),
            attempt("other", 2, retry_on="KeyError"), attempt("key", 3, "KeyError", retry_on=["KeyError", "OSError"]),
        ]  # fmt: skip
        await engine.submit(lines, options=often)
        assert await ended(engine, "none", "well", "badly", "named", "other", "key") == [
            TaskFailed, 3, TaskFailed, 3, TaskFailed, 4,
        ]  # fmt: skip
        assert [attempts(name) for name in ("none", "well", "badly", "named", "other", "key")] == [1, 3, 4, 3, 1, 4]
        story = await engine.why("badly")
        assert [each["error"]["message"] for each in story["attempts"]] == [f"attempt {at}" for at in range(1, 5)]
        starts = [each["started_s"] for each in story["attempts"]]
        ends = [each["ended_s"] for each in story["attempts"]]
        pauses = [start - end for start, end in zip(starts[1:], ends, strict=False)]
        for pause_s, least_s in zip(pauses, (0.01, 0.02, 0.04), strict=True):  # twice as long each time, less chance
            assert pause_s >= least_s
        facts = await engine.task("badly")
        assert (facts["attempts"], facts["retried"]) == (4, 3)
        assert (await engine.task("well"))["options"]["retries"] == 3


# -- taking back -------------------------------------------------------------------------------------------------------


async def test_a_task_is_taken_back_wherever_it_is_and_what_has_ended_stays_as_it_is(make: Make, tmp_path: Path) -> None:
    async with make() as engine:
        done, runs = await engine.submit([note("done"), ("chore/1", "hold", str(tmp_path / "never"))])
        await ended(engine, done)
        await state_is(engine, runs, "running")
        flood = await engine.submit([("chore/1", "note", "never")] * 40)  # behind it, in the mailbox and in the window's way
        await engine.submit([note("waits", after="never"), note("delayed", delay_s=60)])
        for name in (*flood[::-1], "waits", "delayed", runs):
            assert (await engine.cancel(name))["state"] == "cancelled", name
        assert await ended(engine, flood[0], "waits", "delayed", runs) == [TaskCancelled] * 4
        with pytest.raises(TaskEnded, match="is done"):
            await engine.cancel(done)
        assert (await engine.cancel("waits"))["state"] == "cancelled"  # once more changes nothing
        assert await ended(engine, done) == [1]
        assert await engine.ask("chore/1", "note", "x") == 1
        assert await told(engine) == ["done"]
        assert len((await engine.tasks("cancelled", limit=1_000))["tasks"]) == 43


# -- names -------------------------------------------------------------------------------------------------------------


async def test_the_same_id_is_the_same_task_and_with_another_body_it_is_refused(make: Make) -> None:
    async with make() as engine:
        (first,) = await engine.submit([note("a")])
        assert await ended(engine, first) == [1]
        assert await engine.submit([note("a"), note("b"), note("b")]) == [first, *[(await engine.task("b"))["id"]] * 2]
        for other in (note("a", args=["x"]), note("a", priority="high"), note("a", agent="chore/1"), note("a", after="b")):
            with pytest.raises(DuplicateTask, match="'a' is the id of task"):
                await engine.submit([note("never"), other])
        assert (await engine.tasks())["counts"]["accepted"] == 2
        assert await ended(engine, "b") == [2]
        assert await told(engine) == ["a", "b"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"priority": "urgent"}, {"priority": 1}, {"timeout_s": -1}, {"timeout_s": float("nan")}, {"deadline_s": -1},
        {"deadline_at": 1.0}, {"delay_s": -1}, {"retries": -1}, {"retries": 1_000}, {"backoff_s": -1}, {"after_failed": "no"},
        {"after_unknown": 5}, {"after": [["x"]]}, {"after": [""]}, {"tags": [5]}, {"tenant": 5},
        {"id": ""}, {"id": "x" * 201}, {"strange": 1}, {"delay_s": 2, "deadline_s": 1},
    ],
)  # fmt: skip
async def test_a_line_that_asks_for_what_there_is_not_is_refused_and_nothing_is_accepted(wrong: dict[str, Any]) -> None:
    async with running(kinds=(Chore,)) as engine:
        await engine.spawn(Chore, 1)
        with pytest.raises(BadArgument):
            await engine.submit([note("a"), note("b") | wrong])
        assert (await engine.tasks())["counts"]["accepted"] == 0


async def test_arguments_that_are_too_large_end_with_a_typed_error_and_nothing_is_lost(make: Make) -> None:
    async with make() as engine:
        (before,) = await engine.submit([note("before")])
        large = {"id": "large", "agent": "chore/0", "method": "note", "args": ["x" * 10_000_000]}
        await engine.submit([large])
        await engine.submit([large | {"id": "larger", "args": ["x" * 20_000_000]}])  # more than a frame holds
        with pytest.raises(BadArgument, match="up to 25,165,824 are accepted at once"):
            await engine.submit([large | {"id": "largest", "args": ["x" * 30_000_000]}])
        (behind,) = await engine.submit([note("behind")])
        assert await ended(engine, before, "large", "larger", behind) == [1, StateTooLarge, FrameTooLarge, 2]
        assert (await engine.tasks())["counts"]["accepted"] == 4


# -- how far it is -----------------------------------------------------------------------------------------------------


async def test_a_task_that_runs_shows_how_far_it_is(make: Make, tmp_path: Path) -> None:
    async with make(2) as engine:
        gate = str(tmp_path / "gate")
        tasks = [("chore/0", "hold_half", gate), ("chore/2", "sleep_alone", 2), ("chore/1", "hold", gate)]
        waits, alone, silent = await engine.submit(tasks)
        for name in (waits, alone):
            async with asyncio.timeout(WITHIN_S):
                while (facts := await engine.task(name))["progress"] != 0.5:
                    assert facts["state"] in ("queued", "running")
                    await asyncio.sleep(0.005)
            assert facts["state"] == "running"
            assert (await engine.why(name))["task"]["progress"] == 0.5
        assert (await engine.task(silent))["progress"] is None
        Path(gate).touch()
        await ended(engine, waits, alone, silent)
        with pytest.raises(BadArgument, match="progress is a number from 0 to 1"):
            await engine.ask("chore/0", "progress", 1.5)


async def test_a_method_that_holds_its_worker_up_shows_how_far_it_is_meanwhile(make: Make) -> None:
    async with make() as engine:
        for _ in range(5):  # a machine that is busy may look too late
            (name,) = await engine.submit([("chore/0", "sleep_half", 0.8)])
            async with asyncio.timeout(WITHIN_S):
                while (await engine.task(name))["progress"] is None:
                    await asyncio.sleep(0.002)
            seen_s = time.time()
            assert (await engine.task(name))["progress"] == 0.5
            await ended(engine, name)
            if (await engine.task(name))["ended_s"] - seen_s > 0.2:
                return
        pytest.fail("how far it is was seen only when it had ended")


async def test_a_list_has_what_is_asked_for(make: Make) -> None:
    async with make() as engine:
        await engine.submit([note(at) for at in range(5)], options=Options(tags=["a", "b"], tenant="t"))
        await engine.submit([note("x", tags="b"), note("y")])
        await ended(engine, "0", "x", "y")

        async def names(**only: Any) -> list[Any]:
            return [task["name"] for task in (await engine.tasks(**only))["tasks"]]

        assert await names(tag="a") == [4, 3, 2, 1, 0]
        assert await names(tag="b", limit=2) == ["x", 4]
        assert await names(tenant="t", skip=4) == [0]
        assert await names(kind="chore", tag="c") == []
        assert await names(state="failed") == []
