"""A sprint as a state machine: what has happened goes in, what is to be done comes out.

Pure: it has no clock, no files and no agents. `now_s` is a monotonic clock, at whatever speed; a step back of it is no time at
all. Every change of state is an event of the ledger, applied in the same way when it happens and when it is read back, so a
restored sprint stands where its ledger ends. Only two things are not written down, since they are asked for again: that an item
came back and has no receipt yet, and that a release is being made. Above it stands the runner.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from sprints.board import Board
from sprints.errors import SprintOver
from sprints.instruction import Check, Dispatch, End, HurryShip, Instruction, Recall, Record, Ship
from sprints.item import Item
from sprints.outcome import Outcome
from sprints.plan import Plan
from sprints.shape import Shape
from sprints.spec import ITEMS_OUT_AN_AGENT, PHASES

__all__ = ["VERDICTS", "Sprint"]

#: What a receipt may say. Only `done` lets others go on.
VERDICTS = ("done", "failed", "unproven", "expired", "cancelled")

#: Why an item is left to another sprint, by where it stood.
_WHY = {
    "waiting": "what it waits for was not done in time",
    "blocked": "what it waits for was not done",
    "ready": "the time was up before it was sent",
    "out": "the time was up before it was answered",
    "judged": "the time was up before it was checked",
}


class Sprint:
    """One sprint.

    header: the fields of its first event: `id`, `backlog`, `digest`, `agents`, `capacity`, what else is to
    stand there, and `unshipped`: items that sprints before have done and could not ship.
    items: the backlog's, by id.  done: ids of those that were done before.  A verb returns instructions, to be carried out in
    their order.
    """

    def __init__(
        self,
        header: Mapping[str, Any],
        shape: Shape,
        plan: Plan,
        items: Mapping[str, Item],
        done: Collection[str] = (),
    ) -> None:
        self._header = dict(header)
        self._shape = shape
        self._plan = plan
        self._board = Board(items, done)
        self._told: list[Instruction] = []
        #: Sprint time in seconds, and the clock at which it was 0.
        self._s = 0.0
        self._zero_s: float | None = None
        self._wave = -1
        self._phase = "ship"
        self._until_s = 0.0
        self._is_planned = self._is_ship_over = True
        self._paused_s: float | None = None
        self._unshipped: list[str] = []
        self._is_asked_to_ship = self._is_hurried = False
        self._is_begun = self._is_aborted = self.is_over = False
        self._counts = dict.fromkeys((*VERDICTS, "planned", "carried", "shipped"), 0)
        self._appliers: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "sprint": self._on_sprint,
            "planned": self._on_planned,
            "phase": self._on_phase,
            "dispatched": self._on_dispatched,
            "receipt": self._on_receipt,
            "carried": self._on_carried,
            "shipped": self._on_shipped,
            "not_shipped": self._on_not_shipped,
            "paused": self._on_paused,
            "resumed": self._on_resumed,
            "aborted": self._on_aborted,
            "ended": self._on_ended,
        }

    @classmethod
    def restored(
        cls,
        events: Iterable[Mapping[str, Any]],
        shape: Shape,
        plan: Plan,
        items: Mapping[str, Item],
        done: Collection[str] = (),
    ) -> Sprint:
        """The sprint that wrote these events, as it stands after the last one; `begin` makes it go on.

        plan: as it was; waves that are on record keep what stands there.
        """
        sprint = cls({}, shape, plan, items, done)
        for event in events:
            sprint._apply(event)
        return sprint

    # -- how it stands -------------------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """Its id; empty until the first event is there."""
        return str(self._header.get("id", ""))

    @property
    def wave(self) -> int:
        """The wave that it is in, from 0; -1 before the first."""
        return self._wave

    @property
    def phase(self) -> str:
        """The step that it is in."""
        return self._phase

    @property
    def is_paused(self) -> bool:
        """Whether its time stands still, and nothing is sent."""
        return self._paused_s is not None

    @property
    def counts(self) -> dict[str, int]:
        """Items planned, carried and shipped, and receipts by verdict."""
        return dict(self._counts)

    @property
    def progress(self) -> float | None:
        """The share of its planned items that have ended; None where none was planned."""
        planned = len(self._plan.items)
        return sum(self._counts[verdict] for verdict in VERDICTS) / planned if planned else None

    @property
    def after_s(self) -> float:
        """Seconds of the steps behind the one that it is in."""
        if self._wave < 0:
            return self._shape.seconds
        steps = [step for wave in self._shape.waves[self._wave :] for step in wave.steps]
        return sum(steps[PHASES.index(self._phase) + 1 :])

    @property
    def due_s(self) -> float | None:
        """When to call `tick`, by the clock of the last call; None while time alone changes nothing."""
        if self._zero_s is None or self.is_over or self.is_paused or self._is_hurried:
            return None
        return self._zero_s + self._until_s

    # -- what happens --------------------------------------------------------------------------------------------------

    def begin(self, now_s: float) -> list[Instruction]:
        """Begin, or go on behind the ledger that it was restored from: what has no receipt is sent again, an end told again."""
        self._zero_s = now_s - self._s
        if self.is_over:
            return [End()]
        if not self._is_begun:
            self._record("sprint", **self._header)
        elif not self._is_aborted and (sent := self._board.sent()):
            self._tell(Dispatch(sent, self._wave, is_again=True))
        return self._go_on()

    def tick(self, now_s: float) -> list[Instruction]:
        """Time went by."""
        self._pass(now_s)
        return self._go_on()

    def answered(self, outcomes: Iterable[Outcome], now_s: float) -> list[Instruction]:
        """These came back; what nobody waits for any more is dropped."""
        self._pass(now_s)
        ours = [outcome for outcome in outcomes if self._board.answer(outcome.item)]
        if ours:
            self._tell(Check(ours))
        return self._go_on()

    def judged(self, receipts: Iterable[Mapping[str, Any]], now_s: float) -> list[Instruction]:
        """These were judged: `item`, `verdict`, and what else is to stand in the ledger. Late ones are dropped."""
        self._pass(now_s)
        for receipt in receipts:
            if self._board.awaits(receipt["item"]):
                self._record("receipt", **receipt)
        return self._go_on()

    def shipped(self, release: str, manifest_sha256: str, items: Sequence[str], now_s: float) -> list[Instruction]:
        """The release that was asked for is the current one."""
        self._pass(now_s)
        if self._is_asked_to_ship:
            self._record("shipped", release=release, manifest_sha256=manifest_sha256, items=list(items))
        return self._go_on()

    def not_shipped(self, why: str, now_s: float) -> list[Instruction]:
        """The release that was asked for was not made; the one before stays. The next wave tries again."""
        self._pass(now_s)
        if self._is_asked_to_ship:
            self._record("not_shipped", why=why)
        return self._go_on()

    def pause(self, now_s: float) -> list[Instruction]:
        """Send nothing more, and let the time of the phase stand still; what is out goes on. Raises SprintOver."""
        self._pass(now_s)
        self._check_runs("be paused")
        if not self.is_paused:
            self._record("paused")
        return self._go_on()

    def resume(self, now_s: float) -> list[Instruction]:
        """Go on after a pause. Raises SprintOver."""
        self._pass(now_s)
        self._check_runs("go on")
        if self.is_paused:
            self._record("resumed")
        return self._go_on()

    def abort(self, why: str, now_s: float) -> list[Instruction]:
        """End before the time; what has no receipt is taken back and carried. Raises SprintOver."""
        self._pass(now_s)
        self._check_runs("be aborted")
        if not self._is_aborted:
            self._record("aborted", why=why)
        return self._go_on()

    def _check_runs(self, asked: str) -> None:
        if self.is_over:
            raise SprintOver(self.id, asked)

    def _pass(self, now_s: float) -> None:
        """Let the time go on; it never goes back."""
        zero_s = now_s if self._zero_s is None else self._zero_s
        self._s = max(self._s, now_s - zero_s)

    # -- what is to be done --------------------------------------------------------------------------------------------

    def _go_on(self) -> list[Instruction]:
        """Do the work of the phase, and enter the next one for as long as it is over."""
        while not self.is_over:
            if self._is_aborted:
                if self._is_shipping():
                    self._hurry()
                    break
                self._finish()
            elif self.is_paused or not self._is_phase_over():
                break
            else:
                self._next_phase()
        told, self._told = self._told, []
        return told

    def _is_phase_over(self) -> bool:
        """Whether the work of the phase is done or its time is up; before that, what it has to do is done."""
        is_late = self._s >= self._until_s
        if self._phase == "plan":
            self._plan_wave()
            return True
        if self._phase == "exec":
            if not is_late:
                self._send()
            return is_late or self._board.is_still()
        if self._phase == "test":
            return is_late or not self._board.open()
        return self._is_shipped(is_late=is_late)

    def _plan_wave(self) -> None:
        """Put the wave's items on the board, beside those that the waves before have left."""
        if not self._is_planned:
            items = [item for item in self._plan.waves[self._wave].items if item not in self._board]
            left = [item for items in self._board.left().values() for item in items]
            self._record("planned", wave=self._wave, items=items, carried_in=left)

    def _out_an_agent(self) -> int:
        return int(self._header.get("out_an_agent", ITEMS_OUT_AN_AGENT))

    def _send(self) -> None:
        """Send what is ready, as many as the wave's agents keep busy with."""
        share = self._shape.waves[self._wave].agents
        agents = max(round(int(self._header["agents"]) * share), 1)
        items = self._board.next_ready(agents * self._out_an_agent() - self._board.out())
        if items:
            self._record("dispatched", items=items)
            self._tell(Dispatch(items, self._wave))

    def _is_shipped(self, *, is_late: bool) -> bool:
        """Whether the release is made, or there is none to make. A switch is never cut: at its time it is hurried."""
        if self._is_ship_over or not self._unshipped:
            return True
        if not self._is_asked_to_ship:
            self._is_asked_to_ship = True
            self._tell(Ship(list(self._unshipped), self._wave))
        if is_late:
            self._hurry()
        return False

    def _is_shipping(self) -> bool:
        return self._is_asked_to_ship and not self._is_ship_over

    def _hurry(self) -> None:
        if not self._is_hurried:
            self._is_hurried = True
            self._tell(HurryShip())

    def _next_phase(self) -> None:
        """Enter the step behind this one; behind the last one of a wave the next wave's first, behind the last wave nothing."""
        is_last_wave = self._wave == len(self._shape.waves) - 1
        if self._phase == PHASES[-1]:
            if is_last_wave:
                self._finish()
                return
            wave, phase = self._wave + 1, PHASES[0]
        else:
            wave, phase = self._wave, PHASES[PHASES.index(self._phase) + 1]
        if phase == "ship" and is_last_wave:
            self._carry_all()  # what is judged while the last release is made would be in none
        self._record("phase", wave=wave, phase=phase, planned_s=self._shape.waves[wave].step_s(phase))

    def _carry_all(self, why: str | None = None) -> None:
        """Leave everything that has no receipt to another sprint, and take back what is out."""
        sent = self._board.sent()
        for state, items in self._board.left().items():
            self._record("carried", items=items, why=why or _WHY[state])
        if sent:
            self._tell(Recall(sent))

    def _finish(self) -> None:
        """Carry what is left, and end."""
        self._carry_all("the sprint was aborted" if self._is_aborted else None)
        self._record("ended", counts=self.counts)
        self._tell(End())

    def _tell(self, instruction: Instruction) -> None:
        self._told.append(instruction)

    def _record(self, kind: str, /, **fields: Any) -> None:
        """Have an event written down, and take it as happened."""
        event = {"e": kind, "s": round(self._s, 6), **fields}
        self._tell(Record(event))
        self._apply(event)

    # -- events, as they happen and as they are read back --------------------------------------------------------------

    def _apply(self, event: Mapping[str, Any]) -> None:
        self._s = max(self._s, float(event["s"]))
        applier = self._appliers.get(event["e"])
        if applier is not None:  # a rollback, and what else is told in a ledger, changes nothing of the way of a sprint
            applier(event)

    def _on_sprint(self, event: Mapping[str, Any]) -> None:
        self._is_begun = True
        self._header = {key: value for key, value in event.items() if key not in ("e", "s", "n", "at")}
        self._unshipped = list(event.get("unshipped", ()))

    def _on_planned(self, event: Mapping[str, Any]) -> None:
        self._is_planned = True
        self._board.enter(event["items"])
        self._counts["planned"] += len(event["items"])

    def _on_phase(self, event: Mapping[str, Any]) -> None:
        self._wave, self._phase = event["wave"], event["phase"]
        self._until_s = float(event["s"]) + float(event["planned_s"])
        self._is_planned = self._phase != "plan"
        self._is_ship_over = self._phase != "ship"
        self._is_asked_to_ship = self._is_hurried = False

    def _on_dispatched(self, event: Mapping[str, Any]) -> None:
        self._board.send(event["items"])

    def _on_receipt(self, event: Mapping[str, Any]) -> None:
        item, is_done = event["item"], event["verdict"] == "done"
        self._board.end(item, is_done=is_done)
        self._counts[event["verdict"]] += 1
        if is_done:
            self._unshipped.append(item)

    def _on_carried(self, event: Mapping[str, Any]) -> None:
        self._board.carry(event["items"])
        self._counts["carried"] += len(event["items"])

    def _on_shipped(self, event: Mapping[str, Any]) -> None:
        gone = set(event["items"])
        self._unshipped = [item for item in self._unshipped if item not in gone]
        self._counts["shipped"] += len(gone)
        self._is_ship_over = True

    def _on_not_shipped(self, event: Mapping[str, Any]) -> None:
        self._is_ship_over = True

    def _on_paused(self, event: Mapping[str, Any]) -> None:
        self._paused_s = float(event["s"])

    def _on_resumed(self, event: Mapping[str, Any]) -> None:
        if self._paused_s is not None:
            self._until_s += float(event["s"]) - self._paused_s
            self._paused_s = None

    def _on_aborted(self, event: Mapping[str, Any]) -> None:
        self._is_aborted = True

    def _on_ended(self, event: Mapping[str, Any]) -> None:
        self.is_over = True
