"""The counts add up at every step, what is written down is what is read again, and nothing counts before it is."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from engine import names, room
from engine import register as module
from engine.change import Change, Draft
from engine.dependencies import Dependencies
from engine.errors import DependencyCycle, DuplicateTask, IntakeFull, NotRequeued, ResultGone, UnknownTask
from engine.options import PLAIN, Options
from engine.records import END, KEY, META, TASK
from engine.register import Register
from engine.restored import restored
from engine.submission import Submission, submission_of
from engine.task import Task
from pools.errors import BadArgument, Failure, StateUnreadable

SESSION = "0011223344556677"
ADD = Submission(None, "counter/1", "add", 2, None)


class Disk:
    """What is written down of a register, as a store would give it back."""

    def __init__(self, register: Register | None = None) -> None:
        self.register = register or Register(SESSION)
        self.rows: dict[tuple[str, Any], dict[str, Any]] = {}

    def write(self, change: Change) -> Change:
        """Write a change down: it counts. Returns what that lets go."""
        for kind, fields, keys, rows in self.register.rows(change):
            for key, row in zip(keys, [None] * len(keys) if fields == [] else orjson.loads(orjson.dumps(rows)), strict=True):
                if row is None:
                    self.rows.pop((kind, key), None)
                elif fields is None:
                    self.rows[kind, key].update(row)
                else:
                    self.rows[kind, key] = dict(zip(fields, row, strict=True))
        return self.register.apply(change)

    def accept(self, count: int = 1, key: str = "", submission: Submission = ADD) -> list[Task]:
        """Accept tasks."""
        draft = self.register.draft([submission] * count, 100.0, key)
        self.write(Change([draft]))
        return draft.tasks

    def end(self, task: Task, state: str = "done") -> Change:
        """End a task."""
        value, error = (b"5", None) if state == "done" else (None, Failure("ValueError", "as told"))
        task.attempts += 1
        effects, ran_s = ({"fields": 1, "tests": 12}, 0.25) if state == "done" else (None, None)
        ending = task.end(state, 200.0 + task.number, value=value, error=error)
        return self.write(Change(endings=[ending._replace(effects=effects, ran_s=ran_s)]))

    def again(self) -> Disk:
        """The register of a later life."""
        other = Disk(restored([(kind, key, row) for (kind, key), row in self.rows.items()], "00" * 8)[0])
        other.rows = self.rows
        return other


def shown(register: Register) -> Any:
    """Everything of a register that a restart keeps."""
    tasks = [
        (
            t.number,
            t.name,
            t.agent,
            t.method,
            t.argument,
            t.state,
            t.ended_s,
            t.value,
            t.error,
            t.next,
            t.of,
            t.effects,
            t.ran_s,
        )
        for t in register.tasks.values()
    ]
    shelves = register.letters.numbers(), register.results.numbers()
    return register.counts(), tasks, *shelves, register.room.held, register.room.held_bytes


def test_a_draft_counts_only_once_it_is_written_down() -> None:
    disk = Disk()
    draft = disk.register.draft([ADD, ADD], 1.0)
    assert disk.register.counts()["accepted"] == 0
    assert disk.register.tasks == {}
    with pytest.raises(UnknownTask):
        disk.register.find(disk.register.id_of(1))
    disk.write(Change([draft]))
    assert disk.register.counts() == {"accepted": 2, "done": 0, "failed": 0, "cancelled": 0, "expired": 0, "open": 2}
    assert disk.register.find(f"{SESSION[:8]}-2") is draft.tasks[1]


def test_ends_are_counted_by_their_state_and_read_again_as_they_were() -> None:
    disk = Disk()
    tasks = disk.accept(6)
    for task, state in zip(tasks, ("done", "failed", "cancelled", "expired", "failed"), strict=False):
        disk.end(task, state)
    assert disk.register.counts() == {"accepted": 6, "done": 1, "failed": 2, "cancelled": 1, "expired": 1, "open": 1}
    assert tasks[0].argument is None
    assert tasks[1].argument == b"2"
    other = disk.again()
    assert shown(other.register) == shown(disk.register)
    assert (other.register.session, other.register.life) == (SESSION, 2)
    open_task = other.register.tasks[6]
    assert (open_task.state, open_task.attempts) == ("queued", 1)
    assert (other.register.tasks[1].effects, other.register.tasks[1].ran_s) == ({"fields": 1, "tests": 12}, 0.25)
    assert (other.register.tasks[2].effects, other.register.tasks[2].ran_s) == (None, None)
    assert other.accept()[0].number == 7


@pytest.mark.parametrize("name", ["", "x", "00112233", "00112233-", "00112233-0", "00112233-2", "00112234-1", "00112233-1 ",
                                  "00112233-٣", "00112233--1", "00112233-" + "9" * 40])  # fmt: skip
def test_an_id_that_was_never_given_is_unknown(name: str) -> None:
    disk = Disk()
    disk.accept()
    with pytest.raises(UnknownTask):
        disk.register.find(name)


def test_the_mark_is_the_section_of_the_oldest_task_whose_end_is_not_written_down() -> None:
    """Workers forget their answers below it: a task whose end could be lost must be above."""
    disk = Disk()
    tasks = disk.accept(3_000)
    assert disk.register.mark == 0
    for task in tasks[1:2_500]:
        disk.end(task)
    assert disk.register.mark == 0
    ending = tasks[0].end("done", 1.0, value=b"1")
    assert disk.register.mark == 0
    disk.write(Change(endings=[ending]))
    assert disk.register.mark == 2_501 >> 10
    for task in tasks[2_500:]:
        disk.end(task)
    draft = disk.register.draft([ADD] * 5_000, 1.0)
    assert disk.register.mark == 3_001 >> 10
    disk.register.refuse([draft])
    assert disk.register.mark == 8_001 >> 10
    (after,) = disk.accept()
    assert after.number == 8_001
    assert disk.register.mark == 8_001 >> 10


def test_too_many_open_tasks_too_many_bytes_and_too_wide_a_span_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "OPEN_TASKS", 10)
    disk = Disk()
    first, *_ = disk.accept(8)
    with pytest.raises(IntakeFull, match="8 tasks") as caught:
        disk.accept(3)
    assert caught.value.retry_after_s
    disk.end(first)
    disk.accept(3)
    monkeypatch.setattr(room, "OPEN_TASKS", 1_000)
    monkeypatch.setattr(room, "OPEN_BYTES", disk.register.room.held_bytes + 1_000)
    with pytest.raises(IntakeFull):
        disk.accept(1, submission=ADD._replace(argument="x" * 2_000))
    disk.accept()
    monkeypatch.setattr(room, "OPEN_BYTES", 2**40)
    monkeypatch.setattr(room, "SPAN_TASKS", 20)
    for task in list(disk.register.tasks.values())[2:]:
        disk.end(task) if task.ended_s is None else None
    disk.accept(9)
    with pytest.raises(IntakeFull, match="00112233-2 is open"):
        disk.accept()
    disk.end(disk.register.tasks[2])
    disk.accept()


def test_a_submission_that_no_frame_of_the_journal_holds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "SUBMISSION_BYTES", 10_000)
    disk = Disk()
    disk.accept(20)
    with pytest.raises(BadArgument):
        disk.accept(1, submission=ADD._replace(argument="x" * 10_000))
    assert disk.register.room.held == 20


def test_what_has_ended_is_let_go_the_oldest_first_and_the_counts_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESULTS", 3)
    monkeypatch.setattr(module, "LETTERS", 2)
    disk = Disk()
    tasks = disk.accept(10)
    gone: list[int] = []
    for task in tasks[:8]:
        more = disk.end(task, "failed" if task.number % 2 else "done")
        gone += more.gone
        disk.write(more)
    assert gone == [1, 3, 2]
    assert list(disk.register.tasks) == [4, 5, 6, 7, 8, 9, 10]
    with pytest.raises(ResultGone):
        disk.register.find(disk.register.id_of(3))
    assert disk.register.counts() == {"accepted": 10, "done": 4, "failed": 4, "cancelled": 0, "expired": 0, "open": 2}
    assert {key for kind, key in disk.rows if kind == TASK} == set(disk.register.tasks)
    assert shown(disk.again().register) == shown(disk.register)


def test_a_later_life_with_smaller_limits_lets_go_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk()
    for task in disk.accept(5):
        disk.end(task)
    monkeypatch.setattr(module, "RESULTS", 2)
    items = [(kind, key, row) for (kind, key), row in disk.rows.items()]
    register, change = restored(items, "00" * 8)
    assert list(register.tasks) == [4, 5]
    assert change.gone == [1, 2, 3]


def test_a_dead_letter_is_tried_again_under_a_number_of_its_own_and_only_once() -> None:
    disk = Disk()
    old, done, open_task = disk.accept(3)
    disk.end(old, "failed")
    disk.end(done)
    draft = disk.register.draft_again([old], 300.0)
    (new,) = draft.tasks
    assert (new.number, new.of, new.attempts, new.argument, new.name) == (4, 1, 1, b"2", None)
    with pytest.raises(NotRequeued):
        disk.register.draft_again([old], 300.0)
    disk.register.refuse([draft])
    draft = disk.register.draft_again([old], 300.0)
    disk.write(Change([draft]))
    assert (old.next, old.state, len(disk.register.letters)) == (5, "failed", 0)
    for task in (old, done, open_task):
        with pytest.raises(NotRequeued):
            disk.register.draft_again([task], 300.0)
    assert disk.register.counts() == {"accepted": 4, "done": 1, "failed": 1, "cancelled": 0, "expired": 0, "open": 2}
    other = disk.again().register
    assert other.tasks[1].next == 5
    assert (other.tasks[5].of, other.letters.numbers()) == (1, [])


def test_a_dead_letter_that_is_let_go_while_it_is_tried_again_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LETTERS", 1)
    disk = Disk()
    old, other = disk.accept(2)
    disk.end(old, "failed")
    draft = disk.register.draft_again([old], 300.0)
    disk.write(disk.end(other, "failed"))
    assert old.number not in disk.register.tasks
    disk.write(Change([draft]))
    assert shown(disk.again().register) == shown(disk.register)
    assert disk.register.counts()["open"] == 1


def test_a_submission_is_known_by_its_key_until_many_more_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEYS", 2)
    disk = Disk()
    for key in ("a", "b"):
        disk.accept(3, key)
    assert disk.register.known("a") == range(1, 4)
    assert disk.again().register.known("b") == range(4, 7)
    draft = disk.register.draft([ADD], 1.0, "c")
    more = disk.write(Change([draft]))
    assert more.gone_keys == ["a"]
    disk.write(more)
    assert disk.register.known("a") is None
    assert {key for kind, key in disk.rows if kind == KEY} == {"b", "c"}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rows: rows[META, "counts"].update(accepted=7),
        lambda rows: rows[META, "counts"].update(session="xx"),
        lambda rows: rows[META, "counts"].pop("life"),
        lambda rows: rows.pop((TASK, 1)),
        lambda rows: rows.pop((END, 1)),
        lambda rows: rows[END, 1].update(state="gone"),
        lambda rows: rows[TASK, 2].pop("agent"),
        lambda rows: rows[META, "counts"].update(next=2),
    ],
)
def test_a_journal_whose_counts_its_tasks_do_not_have_is_refused(spoil: Any) -> None:
    disk = Disk()
    task, _ = disk.accept(2)
    disk.end(task)
    spoil(disk.rows)
    with pytest.raises(StateUnreadable, match="journal"):
        disk.again()


def test_an_empty_change_is_none() -> None:
    assert not Change()
    assert Change(gone=[1])
    assert Change([Draft([], ())])


# -- names, dependencies, what is dropped ------------------------------------------------------------------------------


def named(name: Any, *, argument: int = 2, after: tuple[Any, ...] = (), **options: Any) -> Submission:
    """A task that is called so."""
    return ADD._replace(name=name, argument=argument, after=after, options=Options(**options) if options else PLAIN)


def take(disk: Disk, *submissions: Submission) -> Draft:
    """Accept tasks; returns their draft."""
    draft = disk.register.draft(submissions, 100.0)
    disk.write(Change([draft]))
    return draft


def finish(disk: Disk, number: int, state: str = "done") -> Change:
    """End a task; returns what follows."""
    more = disk.end(disk.register.tasks[number], state)
    disk.write(Change(gone=more.gone, gone_keys=more.gone_keys, former=more.former, gone_names=more.gone_names))
    return more


def test_the_same_name_is_the_same_task_while_it_is_open_once_it_has_ended_and_over_a_restart() -> None:
    disk = Disk()
    assert list(take(disk, named("a"), named("b"), named("a")).numbers) == [1, 2, 1]
    assert list(take(disk, named("b"), ADD, named("a")).numbers) == [2, 3, 1]
    finish(disk, 1)
    assert list(take(disk, named("a")).numbers) == [1]
    other = disk.again()
    assert list(take(other, named("a"), named("b")).numbers) == [1, 2]
    assert other.register.counts()["accepted"] == 3
    assert other.register.find("a").number == 1


@pytest.mark.parametrize(
    "other",
    [named("a", argument=3), named("a", priority="high"), named("a", after=("x",)), ADD._replace(name="a", method="sub")],
)
def test_another_task_under_a_known_name_is_refused_and_nothing_of_its_submission_is_accepted(other: Submission) -> None:
    disk = Disk()
    take(disk, named("a"))
    for register in (disk.register, disk.again().register):
        with pytest.raises(DuplicateTask, match="'a' is the id of task 00112233-1 already"):
            register.draft([named("b", after=("a",)), other], 1.0)
        assert register.counts()["accepted"] == 1
        assert (register.room.held, register.names.find("b"), len(register.dependencies)) == (1, None, 0)


def test_a_name_is_known_for_a_while_after_its_task_was_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESULTS", 1)
    monkeypatch.setattr(names, "FORMER", 2)
    disk = Disk()
    take(disk, *(named(f"t{at}") for at in range(6)))
    for number in range(1, 5):
        finish(disk, number)
    assert list(disk.register.names.former) == ["t1", "t2"]
    for register in (disk.register, disk.again().register):
        assert list(register.draft([named("t2")], 1.0).numbers) == [3]
        with pytest.raises(DuplicateTask):
            register.draft([named("t2", argument=5)], 1.0)
        with pytest.raises(ResultGone):
            register.find("t2")
        assert register.standing("t2") == "done"
        assert register.standing("t0") is None


def test_who_waits_for_others_is_free_once_they_are_done_and_written_down_also_in_a_later_life() -> None:
    disk = Disk()
    take(disk, named("c", after=("a", "b")), named("a"))
    waiting = disk.register.tasks[1]
    assert waiting.state == "waiting"
    take(disk, named("b"), ADD._replace(after=("00112233-2",)))
    assert finish(disk, 2).free == [disk.register.tasks[4]]
    other = disk.again()
    assert [other.register.tasks[number].state for number in (1, 4)] == ["waiting", "queued"]
    assert other.register.dependencies.waiting_for(other.register.tasks[1]) == ["b"]
    assert finish(other, 3).free == [other.register.tasks[1]]


def test_who_waits_for_what_fails_is_lost_unless_it_waits_for_another_attempt() -> None:
    disk = Disk()
    take(disk, named("a"), named("b", after=("a",)), named("c", after=("a",), after_failed="wait"))
    more = finish(disk, 1, "failed")
    assert [(task.number, failure.type) for task, failure in more.lost] == [(2, "DependencyFailed")]
    assert more.free == []
    draft = disk.register.draft_again([disk.register.tasks[1]], 300.0)
    disk.write(Change([draft]))
    assert disk.register.find("a").number == 4
    assert finish(disk, 4).free == [disk.register.tasks[3]]
    late = disk.register.draft([named("d", after=("a",))], 1.0)
    assert (late.tasks[0].state, late.lost) == ("queued", [])


def test_a_dropped_letter_is_none_any_more_and_who_waited_for_it_is_lost() -> None:
    disk = Disk()
    take(disk, named("a"), named("b", after=("a",), after_failed="wait"))
    finish(disk, 1, "failed")
    assert disk.register.is_letter(1)
    more = disk.write(Change(dropped=[disk.register.tasks[1]]))
    assert [task.number for task, _ in more.lost] == [2]
    for register in (disk.register, disk.again().register):
        assert register.letters.numbers() == []
        assert register.tasks[1].state == "failed"


@pytest.mark.parametrize("state", ["failed", "cancelled", "expired"])
def test_whatever_was_not_done_may_be_tried_again_once(state: str) -> None:
    disk = Disk()
    (task,) = take(disk, named("a")).tasks
    finish(disk, 1, state)
    other = disk.again()
    for each in (disk, other):
        task = each.register.tasks[1]
        assert each.register.can_run_again(task)
        (again,) = each.register.draft_again([task], 300.0).tasks
        assert (again.argument, again.of, again.name) == (b"2", 1, "a")
        assert not each.register.can_run_again(task)


def test_a_circle_is_refused_and_nothing_of_its_submission_is_accepted() -> None:
    disk = Disk()
    take(disk, named("a", after=("b",)))
    with pytest.raises(DependencyCycle, match="b -> c -> a -> b"):
        disk.register.draft([named("x"), named("c", after=("a",)), named("b", after=("c",))], 1.0)
    assert [disk.register.names.find(name) for name in "xcb"] == [None, None, None]
    assert len(disk.register.dependencies) == 1
    assert list(take(disk, named("b")).numbers) == [2]


@pytest.mark.parametrize("life", [0, 1])
@pytest.mark.parametrize("name", ["y", None])
def test_a_circle_is_refused_also_where_some_are_called_by_their_ids(name: str | None, life: int) -> None:
    disk = Disk()
    take(disk, named("x", after=("00112233-2" if name is None else name,)))
    disk = disk.again() if life else disk
    last = "00112233-2" if name is None else name
    with pytest.raises(DependencyCycle, match=f"{last} -> 00112233-1 -> {last}"):
        disk.register.draft([named(name, after=("00112233-1",))], 1.0)
    assert (disk.register.room.held, len(disk.register.dependencies)) == (1, 1)
    assert list(take(disk, named(name)).numbers) == [2]


def test_a_circle_that_was_accepted_once_ends_in_the_next_life(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk()
    with monkeypatch.context() as patch:
        patch.setattr(Dependencies, "_check", lambda *_: None)
        take(disk, named("x", after=("y",)), named("y", after=("x",)))
    rows = [(kind, key, row) for (kind, key), row in disk.rows.items()]
    _, follows = restored(rows, "00" * 8)
    assert [(task.name, failure.type) for task, failure in follows.lost] == [("y", "DependencyCycle")]


@pytest.mark.parametrize("name", [None, [], b"x", True, 1.0])
def test_a_task_is_found_by_a_number_or_a_text_and_by_nothing_else(name: Any) -> None:
    disk = Disk()
    take(disk, named(17))
    assert disk.register.find(17) is disk.register.find("17") is disk.register.find("00112233-1")
    with pytest.raises(BadArgument, match="a task is named by a text or a number"):
        disk.register.find(name)


def test_in_a_later_life_only_what_may_have_been_offered_counts_an_attempt() -> None:
    disk = Disk()
    take(disk, named("waits", after=("x",)), named("was out"), named("unplaced")._replace(address="counter"))
    tasks = disk.again().again().register.tasks
    assert [task.attempts for task in tasks.values()] == [0, 1, 0]


def test_another_deadline_is_another_task_and_the_same_moment_the_same() -> None:
    disk = Disk()
    line = {"id": "a", "agent": "counter/1", "method": "add"}
    for more, other in [({"deadline_s": 5}, {"deadline_s": 6}), ({"deadline_at": 5_000}, {"deadline_at": 6_000})]:
        name = next(iter(more))
        first, same, another = (
            submission_of({**line, "id": name, **said}, lambda now_s=now_s: now_s)
            for said, now_s in ((more, 100.0), (more, 200.0), (other, 100.0))
        )
        draft = take(disk, first)
        for register in (disk.register, disk.again().register):
            assert list(register.draft([same], 1.0).numbers) == list(draft.numbers)
            with pytest.raises(DuplicateTask):
                register.draft([another], 1.0)
