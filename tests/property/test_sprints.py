"""Whatever happens to a sprint in whichever order, kills at any instruction among it, what it promises holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sprints.instruction import Dispatch, Instruction, Record
from sprints.shape import Shape, Wave
from sprints.spec import PHASES
from sprints.sprint import VERDICTS, Sprint
from tests.support.backlogs import Played, backlog_of, item, plan_of

#: What can happen: a word, and a number that says to which item, how, or how long.
STEPS = ("answer", "judge", "finish", "ship", "fail to ship", "tick", "pause", "resume", "abort", "kill", "cut")
#: Each as likely as it stands here; an abort ends a history, so it is rare.
CHANCES = (*STEPS[:8] * 4, "abort", *STEPS[9:] * 2)


@st.composite
def backlogs(draw: st.DrawFn) -> Any:
    """A few items, each of which waits for some of those before it, and a shape of one to three waves."""
    count = draw(st.integers(1, 9))
    items = []
    for at in range(count):
        after = draw(st.sets(st.sampled_from([f"t{other}" for other in range(at)]), max_size=3)) if at else set()
        priority = draw(st.sampled_from(("low", "normal", "critical")))
        items.append(item(f"t{at}", *sorted(after), priority=priority))
    shares = draw(st.sampled_from([(1.0,), (0.5, 0.5), (0.2, 0.6, 0.2)]))
    steps = draw(st.sampled_from([(1.0, 12.0, 1.0, 1.0), (0.0, 5.0, 0.0, 0.0)]))
    waves = tuple(Wave(f"w{at}", steps, 0.1, share) for at, share in enumerate(shares))
    return backlog_of(*items, agents=10, shape=Shape("own", waves))


class Checked(Played):
    """A sprint whose every dispatch is checked when it is made."""

    #: So many instructions are carried out before the next death; None for all.
    left: int | None = None

    def take(self, instructions: Sequence[Instruction]) -> list[str]:
        """Carry them out until the next death."""
        cut = instructions if self.left is None else instructions[: self.left]
        for each in cut:
            if isinstance(each, Dispatch):
                self._check(each)
            super().take([each])
        if self.left is not None:
            self.left = None
            self.kill()
        return []

    def _check(self, dispatch: Dispatch) -> None:
        done = {event["item"] for event in self.told("receipt") if event["verdict"] == "done"}
        settled = {event["item"] for event in self.told("receipt")} | {
            name for event in self.told("carried") for name in event["items"]
        }
        before = {name for name, _ in self.sent}
        for name in dispatch.items:
            assert name not in settled
            assert done.issuperset(self.backlog.items[name].after)
            assert dispatch.is_again or name not in before
        assert not self.sprint.is_paused or dispatch.is_again


def step(played: Checked, kind: str, number: int) -> None:
    """One thing that happens; what cannot happen now does not."""
    order = {"pause": played.sprint.pause, "resume": played.sprint.resume}
    match kind:
        case "answer" if played.out:
            played.answer(played.out[number % len(played.out)])
        case "judge" if played.to_judge:
            name = played.to_judge[number % len(played.to_judge)]
            played.judge(VERDICTS[max(number % 12 - 7, 0)], name)
        case "finish" if played.out:
            played.finish(played.out[number % len(played.out)])
        case "ship" if played.to_ship is not None:
            played.ship()
        case "fail to ship" if played.to_ship is not None:
            played.ship("the hook failed")
        case "tick":
            played.after(number / 4)
        case "pause" | "resume" if not played.sprint.is_over:
            played.take(order[kind](played.now_s))
        case "abort" if not played.sprint.is_over:
            played.take(played.sprint.abort("enough", played.now_s))
        case "kill":
            played.kill()
        case "cut":
            played.left = number % 4


def ended(played: Checked) -> None:
    """Let it end: what is out stays out, releases are made, and time goes on."""
    played.left = None
    for _ in range(100):
        if played.is_ended:
            return
        if played.sprint.is_paused:
            played.take(played.sprint.resume(played.now_s))
        if played.to_ship is not None:
            played.ship()
        played.after(6.0)
    raise AssertionError(f"it does not end: {played.ledger}")


@settings(max_examples=400, deadline=None)
@given(backlogs(), st.lists(st.tuples(st.sampled_from(CHANCES), st.integers(0, 40)), max_size=60))
def test_whatever_happens_a_sprint_keeps_what_it_promises(backlog: Any, steps: list[tuple[str, int]]) -> None:
    played = Checked(backlog)
    for kind, number in steps:
        step(played, kind, number)
    ended(played)
    check_phases(played)
    check_items(played)
    check_releases(played)
    times = [event["s"] for event in played.ledger]
    assert times == sorted(times)


def check_phases(played: Checked) -> None:
    """Every step of every wave, in order, exactly once; less where it was aborted."""
    whole = [(wave, phase) for wave in range(len(played.backlog.shape.waves)) for phase in PHASES]
    found = played.phases()
    assert found == whole[: len(found)]
    assert found == whole or played.told("aborted")
    assert [event["wave"] for event in played.told("planned")] == sorted({wave for wave, _ in found}) or played.told("aborted")


def check_items(played: Checked) -> None:
    """Each item that was planned has one receipt or was carried, once; none was sent twice as new."""
    planned = [name for event in played.told("planned") for name in event["items"]]
    receipts = [event["item"] for event in played.told("receipt")]
    carried = [name for event in played.told("carried") for name in event["items"]]
    sent = [name for event in played.told("dispatched") for name in event["items"]]
    assert sorted(receipts + carried) == sorted(planned)
    assert len(set(planned)) == len(planned)
    assert len(set(sent)) == len(sent)
    assert set(receipts) <= set(sent)
    assert played.told("aborted") or set(planned) == set(played.backlog.items)
    assert played.ledger[-1]["e"] == "ended"
    counts = played.told("ended")[0]["counts"]
    assert len(played.told("ended")) == 1
    assert counts["planned"] == len(planned) == sum(counts[verdict] for verdict in VERDICTS) + counts["carried"]


def check_releases(played: Checked) -> None:
    """What is shipped was done, and is in one release only."""
    done = {event["item"] for event in played.told("receipt") if event["verdict"] == "done"}
    shipped = [name for event in played.told("shipped") for name in event["items"]]
    assert len(set(shipped)) == len(shipped)
    assert set(shipped) <= done
    assert set(shipped) == done or played.told("not_shipped") or played.told("aborted")


@settings(max_examples=150, deadline=None)
@given(backlogs(), st.lists(st.tuples(st.sampled_from(STEPS[:8]), st.integers(0, 40)), max_size=40))
def test_a_sprint_read_back_stands_where_the_living_one_does(backlog: Any, steps: list[tuple[str, int]]) -> None:
    played = Checked(backlog)
    for kind, number in steps:
        step(played, kind, number)
        again = Sprint.restored(played.ledger, backlog.shape, plan_of(backlog), backlog.items)
        live = played.sprint
        assert (again.id, again.wave, again.phase, again.is_paused, again.is_over, again.counts) == (
            live.id, live.wave, live.phase, live.is_paused, live.is_over, live.counts,
        )  # fmt: skip
        again.begin(0.0)
        assert again.due_s is None or again.due_s >= 0.0


def test_an_event_is_recorded_before_anything_that_follows_from_it_is_to_be_done() -> None:
    from tests.support.backlogs import sprint_of

    told = sprint_of(backlog_of(item("a"))).begin(0.0)
    kinds = [each.event["e"] if isinstance(each, Record) else type(each).__name__ for each in told]
    assert kinds == ["sprint", "phase", "planned", "phase", "dispatched", "Dispatch"]
