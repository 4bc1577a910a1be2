"""Each item goes to the agent with the best score: skill times success, divided by load."""

from __future__ import annotations

import random
from collections import Counter

from sprints.assignment import Place, assign_optimal
from tests.support.backlogs import item


def test_only_agents_of_the_role_are_chosen_and_nobody_where_there_is_none() -> None:
    places = [Place("d/0", "dev"), Place("q/0", "qa")]
    items = [item("a", role="qa"), item("b", role="dev"), item("c", role="ops")]
    assert assign_optimal(items, places) == {"a": "q/0", "b": "d/0", "c": None}


def test_equals_share_the_work_evenly() -> None:
    places = [Place(f"w/{at}", "worker") for at in range(10)]
    chosen = assign_optimal([item(f"t{at}") for at in range(1_000)], places)
    assert set(Counter(chosen.values()).values()) == {100}


def test_who_has_more_to_do_or_fails_more_gets_less() -> None:
    places = [Place("good", "worker"), Place("busy", "worker", load_s=30.0), Place("bad", "worker", success=0.25)]
    counts = Counter(assign_optimal([item(f"t{at}") for at in range(100)], places).values())
    assert counts["good"] - counts["busy"] == 30
    assert counts["bad"] < counts["busy"] < counts["good"]
    assert (
        Place("lost", "worker", success=0.0).agent
        in assign_optimal([item("a")], [Place("lost", "worker", success=0.0)]).values()
    )


def test_it_beats_chance_by_far() -> None:
    chance = random.Random(7)
    places = [Place(f"w/{at}", "worker", success=chance.uniform(0.3, 1.0)) for at in range(50)]
    items = [item(f"t{at}", size_s=chance.uniform(0.1, 10.0)) for at in range(2_000)]
    sizes = {each.id: each.size_s for each in items}
    good = {place.agent: place.success for place in places}

    def last_s(chosen: dict[str, str]) -> float:
        """When the last agent is through, where each failure is done again."""
        loads: Counter[str] = Counter()
        for name, agent in chosen.items():
            loads[agent] += sizes[name] / good[agent]  # type: ignore[assignment]
        return max(loads.values())

    ours = {name: agent for name, agent in assign_optimal(items, places).items() if agent is not None}
    theirs = {each.id: chance.choice(places).agent for each in items}
    assert last_s(ours) < 0.5 * last_s(theirs)
