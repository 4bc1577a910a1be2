"""A task goes where its skills are, to who does such tasks well and has little to do."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pools.assignment import Candidate, assign_optimal

NONE: frozenset[str] = frozenset()
SKILLS = ("read", "write", "draw", "count")
PLACES = st.lists(
    st.builds(
        Candidate,
        skills=st.frozensets(st.sampled_from(SKILLS)),
        success=st.floats(0.01, 1.0),
        load=st.integers(0, 5).map(float),
        room=st.integers(1, 5).map(float),
    ),
    max_size=12,
)
TASKS = st.lists(st.frozensets(st.sampled_from(SKILLS), max_size=2), max_size=40)


def one_by_one(tasks: list[frozenset[str]], places: list[Candidate]) -> list[int | None]:
    """The same choice, with every place looked at for each task."""
    now = list(places)
    able = {wanted: [at for at, one in enumerate(now) if wanted <= one.skills] for wanted in set(tasks)}
    chosen: list[int | None] = [None] * len(tasks)

    def goodness(at: int) -> tuple[bool, float]:
        return now[at].load < now[at].room, now[at].success / (1.0 + now[at].load / now[at].room)

    for task in sorted(range(len(tasks)), key=lambda at: len(able[tasks[at]])):
        if able[tasks[task]]:
            best = max(able[tasks[task]], key=goodness)
            now[best] = now[best]._replace(load=now[best].load + 1)
            chosen[task] = best
    return chosen


@given(TASKS, PLACES)
def test_many_at_once_are_chosen_as_one_after_the_other_would_be(tasks: list[frozenset[str]], places: list[Candidate]) -> None:
    assert assign_optimal(tasks, places) == one_by_one(tasks, places)


def test_a_choice_among_many_places_looks_at_few_of_them() -> None:
    looks = 0

    class Watched(Candidate):
        @property
        def success(self) -> float:  # type: ignore[override]
            nonlocal looks
            looks += 1
            return 0.5

    places = [Watched(frozenset(SKILLS), 0.0, float(at % 7), 4.0) for at in range(500)]
    tasks = [frozenset({SKILLS[at % 2]}) for at in range(1_000)]
    assert None not in assign_optimal(tasks, places)
    assert looks < 2 * 500 + 4 * 1_000  # each place once a set of skills, then those that were chosen


@given(TASKS, PLACES)
def test_a_place_that_lacks_a_skill_is_never_chosen_and_one_that_has_it_is(
    tasks: list[frozenset[str]], places: list[Candidate]
) -> None:
    chosen = assign_optimal(tasks, places)
    for wanted, place in zip(tasks, chosen, strict=True):
        matches = [at for at, one in enumerate(places) if wanted <= one.skills]
        assert place in matches if matches else place is None


@given(TASKS, PLACES)
def test_nobody_waits_while_another_who_could_is_free(tasks: list[frozenset[str]], places: list[Candidate]) -> None:
    chosen = assign_optimal(tasks, places)
    load = [one.load + chosen.count(at) for at, one in enumerate(places)]
    for wanted, place in zip(tasks, chosen, strict=True):
        if place is not None and load[place] > max(places[place].room, places[place].load + 1):
            assert all(load[at] >= one.room for at, one in enumerate(places) if wanted <= one.skills)


def test_of_equals_the_one_with_the_better_record_is_chosen_and_then_the_one_with_less_to_do() -> None:
    good, bad = Candidate(NONE, 0.9, 0, 10), Candidate(NONE, 0.3, 0, 10)
    assert assign_optimal([NONE], [bad, good]) == [1]
    assert assign_optimal([NONE], [good._replace(load=9), good]) == [1]
    assert assign_optimal([frozenset({"read"})], [good]) == [None]


def test_who_few_can_serve_chooses_first() -> None:
    both, one = Candidate(frozenset({"read", "draw"}), 0.9, 0), Candidate(frozenset({"read"}), 0.5, 0)
    read, draw = frozenset({"read"}), frozenset({"draw"})
    assert assign_optimal([read, draw], [both, one]) == [1, 0]


@pytest.mark.parametrize("seed", range(10))
def test_it_beats_a_random_choice_among_those_with_the_skill_by_a_sixth(seed: int) -> None:
    """Places whose skill at a task is learnt from what became of the ones before; random ones know the skills too."""
    chance = Random(seed)
    truth = [chance.uniform(0.2, 0.95) for _ in range(20)]
    skills = [frozenset(chance.sample(SKILLS, 2)) for _ in truth]
    done, tried = [1.0] * 20, [2.0] * 20
    well = {"optimal": 0, "random": 0}
    for _ in range(300):
        tasks = [frozenset({chance.choice(SKILLS)}) for _ in range(20)]
        places = [Candidate(skills[at], done[at] / tried[at], 0.0, 4.0) for at in range(20)]
        for wanted, place in zip(tasks, assign_optimal(tasks, places), strict=True):
            assert place is not None
            is_well = chance.random() < truth[place]
            done[place] += is_well
            tried[place] += 1
            well["optimal"] += is_well
            other = chance.choice([at for at in range(20) if wanted <= skills[at]])
            well["random"] += chance.random() < truth[other]
    assert well["optimal"] > 7 / 6 * well["random"]
