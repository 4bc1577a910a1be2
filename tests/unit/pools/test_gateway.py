"""Tasks that come from elsewhere are sent on and answered in the sections they came in; each that was counted ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checkpoints.stamp import STAMPED
from pools.address import Key, valid_kind
from pools.choices import Choices
from pools.errors import BadFrame, CircuitOpen, Failure, FrameTooLarge, PoolError, UnknownAgent, WorkerDied
from pools.gateway import Gateway
from pools.lane import PACED, REFUSED
from pools.link import Link
from pools.message import RESULT, encode
from pools.spec import FRAME_TASKS
from tests.support.clocks import Clock, Turns
from tests.support.wires import Wire, reply


class Setup:
    """A gateway before one link that leads to agents 0 to 99 of every kind."""

    def __init__(self, window: int = 1_000, holds_bytes: int | None = None, session: str | None = None) -> None:
        self.wire = Wire()
        clock = Clock()
        self.link = Link(window=window, clock=clock.s, later=clock.later)
        self.link.attach(self.wire)
        self.turns = Turns()
        self.back = Back(holds_bytes)
        self.accepted = 0
        self.ended = 0
        self.again: list[Any] = []
        self.gateway = Gateway(self._resolve, self.back, self.turns, self._accept, self._end)
        self.gateway.session = session

    def _resolve(self, kind: str, key: Key, *_more: Any, **facts: Any) -> tuple[Link, Key]:
        self.again.append(facts.get("is_again"))
        if key is None:
            return self.link, 42
        if type(key) is int and key < 100:
            return self.link, key
        raise UnknownAgent(f"no agent {kind}/{key}")

    def _accept(self, count: int) -> None:
        self.accepted += count

    def _end(self, count: int, _failures: Any) -> None:
        self.ended += count

    def answer_all(self, value: Callable[[Any], Any] = lambda key: key) -> None:
        done = 0
        while done < len(self.wire.sections):
            self.link.take([reply(self.wire.sections[done], value)])
            done += 1
        self.turns.run()


class Back:
    """The way back to the peer: keeps answers by section and position."""

    def __init__(self, holds_bytes: int | None) -> None:
        self.answers: dict[tuple[int, int], Any] = {}
        self.messages = 0
        self._holds_bytes = holds_bytes

    def send(self, letter: str, data: Any) -> None:
        """Take one message."""
        if self._holds_bytes is not None and len(encode(letter, data, 0)) > self._holds_bytes:
            raise FrameTooLarge("too large for this wire")
        assert letter == RESULT
        self.messages += 1
        for section in data:
            failed = {error[0]: Failure(*error[1:]) for error in section.get("e", ())}
            for index, (position, value) in enumerate(zip(section["i"], section["v"], strict=True)):
                assert (section["n"], position) not in self.answers
                self.answers[section["n"], position] = failed.get(index, value)


def tasks(number: int, *keys: Any, **more: Any) -> dict[str, Any]:
    return {"n": number, "k": "counter", "i": list(keys), "m": "get", **more}


def test_answers_go_back_to_their_sections_and_positions() -> None:
    setup = Setup()
    setup.gateway.accept([tasks(7, 5, 6), tasks(9, 8)])
    assert setup.wire.keys == [5, 6, 8]
    setup.answer_all()
    assert setup.back.answers == {(7, 0): 5, (7, 1): 6, (9, 0): 8}
    assert setup.back.messages == 1
    assert (setup.accepted, setup.ended) == (3, 3)


def test_methods_and_arguments_are_sent_on() -> None:
    setup = Setup()
    setup.gateway.accept([tasks(1, 5, 6) | {"m": [["add", "get"], [1, 0]], "a": [None, [1, "x"]]}])
    (section,) = setup.wire.sections
    assert [section["m"][0][code] for code in section["m"][1]] == ["get", "add"]
    assert list(section["a"]) == [None, [1, "x"]]


def test_a_task_to_a_kind_goes_to_the_agent_that_was_chosen() -> None:
    setup = Setup()
    setup.gateway.accept([tasks(1, None)])
    assert setup.wire.keys == [42]


class Aside:
    """Chooses agent 7, or does the tasks for `apart` itself; lets methods pass that are plain; keeps what it learns."""

    def __init__(self) -> None:
        self.apart: list[Any] = []
        self.plain: set[str] = set()
        self.whole: list[str] = []
        self.learned: list[tuple[Any, int, list[Failure]]] = []

    def choose(self, kind: str, method: str, argument: Any, done: Any) -> tuple[Key, Any] | None:
        if kind == "nobody":
            raise UnknownAgent("nobody")
        if kind == "apart" and done is None:
            self.whole.append(kind)
        elif kind == "apart":
            self.apart.append(done)
            return None
        return 7, (method, argument)

    def clear(self, _kind: str, method: str, count: int) -> Any:
        return (method, count) if method in self.plain else None

    def learn(self, case: Any, count: int, failures: Any) -> None:
        self.learned.append((case, count, list(failures)))


def test_a_task_to_a_kind_goes_to_whom_foresight_chooses_which_hears_of_its_end() -> None:
    setup = Setup()
    aside = setup.gateway.aside = Aside()
    setup.gateway.accept([tasks(1, None, 5, None, None) | {"a": ["x", "x", "x", "y"]}])
    assert setup.wire.keys == [7, 5, 7, 7]
    (section,) = setup.wire.sections
    setup.link.take([{"n": section["n"], "v": [1, 2, None, 4], "e": [[2, "ValueError", "text", None]]}])
    setup.turns.run()
    failure = Failure("ValueError", "text")
    assert setup.back.answers == {(1, 0): 1, (1, 1): 2, (1, 2): failure, (1, 3): 4}
    assert aside.learned == [(("get", "x"), 2, [failure]), (("get", "y"), 1, [])]
    assert setup.gateway._watched == 0


def test_of_a_section_for_a_kind_what_is_clear_is_dealt_and_the_rest_looked_at() -> None:
    setup = Setup()
    aside = setup.gateway.aside = Aside()
    aside.plain.add("get")
    setup.gateway._deal = dealer = Dealer(setup.link)
    setup.gateway.accept([tasks(1, None, None, None, None, None) | {"m": [["get", "add"], [0, 1, 0, 0, 0]]}])
    assert dealer.asked == [("counter", 4)]
    assert sorted(setup.wire.keys) == [7, 7, 8]  # one of them was looked at, two are refused
    setup.answer_all()
    assert aside.learned[-1] == (("add", None), 1, [])
    assert sum(count for case, count, _ in aside.learned if case == ("get", 4)) == 4
    assert len(setup.back.answers) == 5
    assert setup.gateway._watched == 0


def test_a_task_that_is_done_aside_is_answered_in_its_place() -> None:
    setup = Setup()
    aside = setup.gateway.aside = Aside()
    setup.gateway.accept([tasks(3, None, None) | {"k": "apart"}, tasks(5, None) | {"k": "nobody"}])
    assert setup.wire.keys == []
    one, two = aside.apart
    two("late", [])
    one(None, [Failure("KeyError", "no")])
    setup.turns.run()
    assert setup.back.answers.pop((5, 0)).type == "UnknownAgent"
    assert setup.back.answers == {(3, 0): Failure("KeyError", "no"), (3, 1): "late"}
    assert (setup.accepted, setup.ended) == (3, 3)


def test_where_no_choice_is_remembered_a_task_that_may_be_asked_again_goes_by_its_number() -> None:
    setup = Setup(session="ab")
    aside = setup.gateway.aside = Aside()
    setup.gateway.accept([tasks(STAMPED, None)])
    assert setup.wire.keys == [42]
    setup.answer_all()
    assert aside.learned == []


@pytest.mark.parametrize("key", [100, "x", "", "a b", -1, 1.5, True, [1], {"a": 1}])
def test_a_key_that_leads_nowhere_is_answered_and_the_rest_goes(key: Any) -> None:
    setup = Setup()
    setup.gateway.accept([tasks(1, 5, key, 6)])
    setup.answer_all()
    assert setup.back.answers[1, 1].type in ("UnknownAgent", "BadAddress")
    assert (setup.back.answers[1, 0], setup.back.answers[1, 2]) == (5, 6)
    assert (setup.accepted, setup.ended) == (3, 3)


def test_a_failure_comes_back_in_its_place() -> None:
    setup = Setup()
    setup.gateway.accept([tasks(1, 5, 6, 7)])
    setup.link.take([{"n": 1, "v": [1, None, 3], "e": [[1, "ValueError", "text", None]]}])
    setup.turns.run()
    assert setup.back.answers == {(1, 0): 1, (1, 1): Failure("ValueError", "text"), (1, 2): 3}


BAD: list[Any] = [
    {},
    {"n": "1", "k": "counter", "i": [1], "m": "get"},
    {"n": 1, "k": 5, "i": [1], "m": "get"},
    {"n": 1, "k": "counter", "i": [1, 2], "m": [["get"], [0]]},
    {"n": 1, "k": "counter", "i": [1], "m": [["get"], [3]]},
    {"n": 1, "k": "counter", "i": [1], "m": [["get"], [-1]]},
    {"n": 1, "k": "counter", "i": [1, 2, 3], "m": "get", "a": [1]},
    {"n": 1, "k": "counter", "i": [1], "m": "get", "a": [1, 2]},
    {"n": 1, "k": "counter", "i": 5, "m": "get"},
    {"n": 1, "k": "counter", "i": [1], "m": None},
    "text",
    5,
    None,
]


@pytest.mark.parametrize("section", BAD)
def test_a_bad_section_is_a_bad_frame_and_no_task_of_it_stays_open(section: Any) -> None:
    setup = Setup()
    with pytest.raises(BadFrame):
        setup.gateway.accept([tasks(7, 5), section])
    setup.gateway.close()
    setup.answer_all()
    assert setup.accepted == setup.ended
    assert (setup.link.open, setup.link.waiting) == (0, 0)


def test_what_is_no_list_of_sections_is_a_bad_frame() -> None:
    for data in (5, None, {"n": 1}, True):
        with pytest.raises(BadFrame):
            Setup().gateway.accept(data)


def test_answers_too_large_together_go_one_by_one() -> None:
    setup = Setup(holds_bytes=700)
    setup.gateway.accept([tasks(1, 1, 2, 3, 100), tasks(2, 4)])
    setup.answer_all(lambda key: "x" * 400)
    assert len(setup.back.answers) == 5
    assert setup.back.answers[1, 3].type == "UnknownAgent"
    assert setup.back.answers[2, 0] == "x" * 400


def test_a_peer_that_is_gone_takes_its_tasks_with_it() -> None:
    setup = Setup(window=2)
    setup.gateway.accept([tasks(1, 1, 2, 3, 4)])
    setup.gateway.close()
    assert setup.ended == 2
    assert setup.wire.orders == [{"verb": "cancel", "sections": [1]}]
    setup.answer_all()
    assert (setup.accepted, setup.ended, setup.link.open) == (4, 4, 0)


def test_a_section_or_one_task_of_it_can_be_taken_back() -> None:
    setup = Setup(window=2)
    setup.gateway.accept([tasks(1, 1, 2), tasks(2, 3, 4), tasks(3, 5)])
    setup.gateway.cancel([2], 1)
    setup.gateway.cancel([3])
    setup.gateway.cancel([1])
    setup.turns.run()
    assert {place for place, answer in setup.back.answers.items() if answer.type == "TaskCancelled"} == {(2, 1), (3, 0)}
    assert [(order["sections"], order["position"]) for order in setup.wire.orders] == [([1], 0), ([1], 1)]


def test_a_worker_that_dies_is_told_to_the_peer() -> None:
    setup = Setup(window=1)
    setup.gateway.accept([tasks(1, 1, 2)])
    setup.link.detach(WorkerDied("gone"), drop_waiting=True)
    setup.turns.run()
    assert {answer.type for answer in setup.back.answers.values()} == {"WorkerDied"}
    assert (setup.accepted, setup.ended) == (2, 2)


def test_a_nested_argument_is_refused_alone_and_the_next_tasks_go() -> None:
    value: Any = []
    for _ in range(900):
        value = [value]
    setup = Setup()
    setup.gateway.accept([tasks(1, 1, a=[[value]])])
    setup.turns.run()
    assert setup.back.answers[1, 0].type == "BadArgument"
    setup.gateway.accept([tasks(2, 2)])
    setup.answer_all()
    assert setup.back.answers[2, 0] == 2


# -- peers that come back ----------------------------------------------------------------------------------------------

SESSION = "0011223344556677"


def test_the_places_of_a_part_are_those_of_the_whole_section() -> None:
    setup = Setup()
    setup.gateway.accept([tasks(7, 5, 6, 101, p=[1, 9, 4])])
    setup.link.take([{"n": 1, "v": ["one", None], "e": [[1, "ValueError", "text", None]]}])
    setup.turns.run()
    assert setup.back.answers[7, 1] == "one"
    assert setup.back.answers[7, 9] == Failure("ValueError", "text")
    assert setup.back.answers[7, 4].type == "UnknownAgent"
    assert (setup.accepted, setup.ended) == (3, 3)


def test_one_task_of_a_part_is_taken_back_by_its_place_in_the_whole() -> None:
    setup = Setup(window=1)
    setup.gateway.accept([tasks(7, 5, 6, 8, p=[2, 0, 9])])
    setup.gateway.cancel([7], 9)
    setup.turns.run()
    assert {place for place, answer in setup.back.answers.items() if answer.type == "TaskCancelled"} == {(7, 9)}


@pytest.mark.parametrize("places", [[0], [0, 1, 2], [0, -1], [0, "1"], [0, 1.0], [0, True], [0, FRAME_TASKS], 5, "ab", {}])
def test_places_that_do_not_fit_are_a_bad_frame(places: Any) -> None:
    setup = Setup()
    with pytest.raises(BadFrame):
        setup.gateway.accept([tasks(7, 5, 6, p=places)])
    assert (setup.accepted, setup.wire.sent) == (0, [])


def test_a_session_goes_on_with_the_tasks_and_each_has_a_number_of_its_own_for_ever() -> None:
    setup = Setup(session=SESSION)
    setup.gateway.accept([tasks(STAMPED + 7, 5, 6, w=5), tasks(STAMPED + 9, 8, w=5)])
    again = Setup(session=SESSION)
    again.gateway.accept([tasks(STAMPED + 9, 8, w=7), tasks(STAMPED + 7, 6, p=[1], w=7)])
    sent = [section for setup in (setup, again) for section in setup.wire.sections]
    assert {section["c"] for section in sent} == {SESSION}
    called: dict[Any, set[int]] = {}
    for section in sent:
        for key, number in zip(section["i"], section["q"], strict=True):
            called.setdefault(key, set()).add(number)
    assert all(len(numbers) == 1 for numbers in called.values())
    assert len(set.union(*called.values())) == 3
    assert [section["cw"] for section in sent] == [5] * len(setup.wire.sections) + [7] * len(again.wire.sections)


def test_a_peer_without_a_session_numbers_nothing() -> None:
    setup = Setup()
    setup.gateway.accept([tasks(7, 5, 6, w=3)])
    assert {"c", "q", "cw"}.isdisjoint(setup.wire.sections[0])


def test_a_section_has_no_more_tasks_than_a_session_can_number() -> None:
    setup = Setup(session=SESSION)
    setup.gateway.accept([tasks(STAMPED + 1, *[5] * FRAME_TASKS)])
    with pytest.raises(BadFrame, match="1,024 tasks"):
        setup.gateway.accept([tasks(STAMPED + 3, *[5] * (FRAME_TASKS + 1))])
    assert setup.accepted == FRAME_TASKS
    Setup().gateway.accept([tasks(3, *[5] * (FRAME_TASKS + 1))])


def test_a_session_that_counts_its_sections_from_1_is_refused_as_nobody_could_ever_forget_it() -> None:
    setup = Setup(session=SESSION)
    with pytest.raises(BadFrame, match="microseconds since 1970"):
        setup.gateway.accept([tasks(STAMPED + 1, 5), tasks(STAMPED - 1, 5)])
    assert (setup.accepted, setup.wire.sent) == (0, [])


def test_it_is_known_whom_a_task_to_any_agent_went_to_while_it_is_in_flight() -> None:
    setup = Setup()
    setup.gateway.accept([{"n": 7, "k": "counter", "i": [None, 5], "m": "get"}])
    assert setup.gateway.addresses({(7, 0), (9, 9)}) == {(7, 0): "counter/42"}
    setup.answer_all()
    assert setup.gateway.addresses({(7, 0)}) == {}


def test_what_a_peer_says_of_long_asks_is_handed_on_and_its_end_too() -> None:
    setup, heard = Setup(), []
    setup.gateway.told({"began": []})  # nobody listens
    listened = Gateway(
        setup._resolve, setup.back, setup.turns, setup._accept, setup._end, waits=lambda *said: heard.append(said)
    )
    listened.told({"began": [1]})
    listened.close()
    assert heard == [(listened, {"began": [1]}), (listened, None)]


def test_who_chooses_is_told_what_may_have_been_sent_before() -> None:
    setup = Setup(session="00")
    setup.gateway.accept([tasks(STAMPED, None, r=1), tasks(STAMPED + 1, None)])
    assert setup.again == [True, False]


class Dealer:
    """Deals two tasks to each of two links, and refuses the rest."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.asked: list[tuple[str, int]] = []

    def __call__(self, kind: str, count: int) -> tuple[list[tuple[Link, list[int]]], PoolError | None]:
        self.asked.append((kind, count))
        return [(self.link, [7, 8][:count])], CircuitOpen("no more") if count > 2 else None


def test_a_section_for_a_kind_is_dealt_at_once_and_what_is_left_is_refused() -> None:
    setup = Setup()
    setup.gateway._deal = dealer = Dealer(setup.link)
    setup.gateway.accept([tasks(5, None, None, None)])
    assert dealer.asked == [("counter", 3)]
    assert [one["i"] for one in setup.wire.sections] == [[7, 8]]
    setup.answer_all()
    assert [setup.back.answers[5, position] for position in (0, 1)] == [7, 8]
    assert setup.back.answers[5, 2].type == "CircuitOpen"
    assert setup.ended == 3


def test_a_section_with_one_agent_named_is_not_dealt() -> None:
    setup = Setup()
    setup.gateway._deal = dealer = Dealer(setup.link)
    setup.gateway.accept([tasks(5, None, 3)])
    assert dealer.asked == []


def test_the_priority_of_a_section_is_that_of_its_lane_and_one_that_there_is_not_is_refused() -> None:
    setup = Setup()
    setup.gateway.accept([tasks(5, 1), tasks(6, 2, pr=3)])
    assert [section.get("pr") for section in setup.wire.sections] == [3, None]
    for wrong in (4, -1, "high", None):
        with pytest.raises(BadFrame):
            setup.gateway.accept([tasks(7, 1, pr=wrong)])


# -- who was chosen for what may be asked again ------------------------------------------------------------------------


class Chooses(Setup):
    """A peer that comes back, before a dealer whose choice is another one each time."""

    def __init__(self, path: Path, now: int = 0, window: int = 1_000) -> None:
        super().__init__(window, session=SESSION)
        self.choices = self.gateway.choices = Choices(str(path / "_choices"), now)
        self.gateway._deal = self._dealt
        self.turn = 20
        self.refuses = False

    def _dealt(self, kind: str, count: int) -> tuple[list[tuple[Link, list[Key]]], PoolError | None]:
        valid_kind(kind)
        if self.refuses:
            return [], CircuitOpen("no more")
        self.turn += count
        return [(self.link, list(range(self.turn, self.turn + count)))], None


def test_what_may_be_asked_again_goes_to_whom_it_was_dealt_to_then(tmp_path: Path) -> None:
    setup = Chooses(tmp_path)
    setup.gateway.accept([tasks(STAMPED, None, 5, None)])
    assert setup.wire.keys == [22, 5, 23]
    setup.refuses = True
    setup.gateway.accept([tasks(STAMPED, None, 5, None, r=1)])
    assert setup.wire.keys[3:] == [22, 5, 23]
    after = Chooses(tmp_path)
    after.gateway.accept([tasks(STAMPED, None, p=[2], r=1)])
    assert after.wire.keys == [23]
    (section,) = after.wire.sections
    assert (section["c"], section["q"]) == (SESSION, [STAMPED << 10 | 2])


def test_what_was_sent_and_not_chosen_for_goes_by_its_number_and_what_is_forgotten_is_refused(tmp_path: Path) -> None:
    setup = Chooses(tmp_path, now=STAMPED + 10)
    setup.gateway.accept([tasks(STAMPED + 10, None, r=1), tasks(STAMPED + 9, None, 7, r=1)])
    assert setup.wire.keys == [42, 7]
    setup.answer_all()
    assert setup.back.answers[STAMPED + 9, 0].type == "TooOld"
    assert setup.again == [True, True]
    assert (setup.accepted, setup.ended) == (3, 3)


def test_what_no_breaker_admits_is_refused_and_what_cannot_be_written_goes_by_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = Chooses(tmp_path)
    setup.refuses = True
    setup.gateway.accept([tasks(STAMPED, None, 5)])
    setup.refuses = False
    monkeypatch.setattr(Choices, "keep", lambda *_facts: False)
    setup.gateway.accept([tasks(STAMPED + 1, None)])
    assert setup.wire.keys == [5, 42]
    setup.answer_all()
    assert setup.back.answers[STAMPED, 0].type == "CircuitOpen"
    assert (setup.accepted, setup.ended) == (3, 3)


def test_what_a_peer_has_the_answers_of_is_forgotten(tmp_path: Path) -> None:
    setup = Chooses(tmp_path)
    for number in range(STAMPED, STAMPED + 50):
        setup.gateway.accept([tasks(number, None, w=number)])
    assert not setup.choices.of(SESSION, STAMPED + 48)
    assert setup.choices.of(SESSION, STAMPED + 49)


def test_foresight_chooses_for_what_may_be_asked_again_too_and_splits_none_of_it(tmp_path: Path) -> None:
    setup = Chooses(tmp_path)
    aside = setup.gateway.aside = Aside()
    aside.plain.add("get")
    setup.gateway.accept([tasks(STAMPED, None, None, None) | {"m": [["get", "add"], [0, 1, 0]]}])
    assert sorted(setup.wire.keys) == [7, 22, 23]
    assert setup.choices.of(SESSION, STAMPED) == [22, 7, 23]
    setup.gateway.accept(
        [tasks(STAMPED + place, None) | {"k": kind, "m": "add"} for place, kind in ((1, "nobody"), (2, "apart"))]
    )
    assert aside.whole == ["apart"]
    setup.answer_all()
    assert setup.back.answers[STAMPED + 1, 0].type == "UnknownAgent"
    assert sum(count for _, count, _ in aside.learned) == 4
    assert setup.gateway._watched == 0
    assert (setup.accepted, setup.ended) == (5, 5)


# -- the time of tasks -------------------------------------------------------------------------------------------------


def test_a_task_whose_time_is_over_before_there_is_room_is_answered_and_not_sent() -> None:
    setup = Setup(window=1)
    now_s = [100.0]
    setup.gateway._clock = lambda: now_s[0]
    setup.gateway.accept([tasks(1, 5), tasks(2, 6, 7, 8, d=[0.5, None, 2])])
    assert setup.wire.keys == [5]
    now_s[0] += 1
    setup.answer_all()
    assert sorted(setup.wire.keys) == [5, 7, 8]
    assert setup.back.answers[2, 0].type == "TaskExpired"
    assert {place: setup.back.answers[place] for place in ((2, 1), (2, 2))} == {(2, 1): 7, (2, 2): 8}
    assert setup.accepted == setup.ended == 4


@pytest.mark.parametrize("dues", [[1.0], [1.0, "soon"], [1.0, -0.1], [1.0, True], 5, {"a": 1}])
def test_times_that_fit_no_task_are_refused_with_the_section(dues: Any) -> None:
    setup = Setup()
    with pytest.raises(BadFrame):
        setup.gateway.accept([tasks(1, 5, 6, d=dues)])
    assert setup.accepted == 0


def test_a_sender_says_that_its_tasks_wait_where_there_are_too_many() -> None:
    setup = Setup()
    setup.gateway.accept([tasks(1, 5), tasks(2, 6, pc=1), tasks(3, 7, pc=1, d=[9.0])])
    assert sorted(lane.manner for lane in setup.gateway._lanes.values()) == sorted([REFUSED, PACED, PACED])
    setup.answer_all()
    assert len(setup.back.answers) == 3


def test_what_may_be_asked_again_keeps_its_agent_and_has_the_time_that_is_left_now(tmp_path: Path) -> None:
    setup = Chooses(tmp_path, window=1)
    now_s = [100.0]
    setup.gateway._clock = lambda: now_s[0]
    setup.gateway.accept([tasks(STAMPED, 5), tasks(STAMPED + 1, None, 6, None, d=[2, 0.5, 2])])
    assert setup.choices.of(SESSION, STAMPED + 1) == [22, None, 23]
    now_s[0] += 1
    setup.answer_all()
    assert sorted(setup.wire.keys) == [5, 22, 23]
    assert setup.back.answers[STAMPED + 1, 1].type == "TaskExpired"
    after = Chooses(tmp_path, window=1)
    after.gateway._clock = lambda: now_s[0]
    after.gateway.accept([tasks(STAMPED, 5), tasks(STAMPED + 1, None, None, p=[0, 2], r=1, d=[0.5, 2])])
    now_s[0] += 1
    after.answer_all()
    assert after.wire.keys == [5, 23]
    assert after.back.answers[STAMPED + 1, 0].type == "TaskExpired"
