"""What is recorded is what is shown, all of one moment."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from engine.scene import Scene
from pools.sizes import REST, UNSEEN_REST


class Engine:
    """As much of one as is looked at: counts how often."""

    def __init__(self) -> None:
        self.looks = 0
        self.sizes = SimpleNamespace(rest=REST)
        self.swarm = SimpleNamespace(sizes=self.sizes)

    def stats(self) -> Any:
        """A document of its own for each look."""
        self.looks += 1
        seen = {"time_s": 1.5, "looks": self.looks, "rest": self.sizes.rest}
        return SimpleNamespace(as_dict=lambda: seen)

    def overview(self, stats: dict[str, Any]) -> Any:
        """What it was made of."""
        return SimpleNamespace(as_dict=lambda: {"made_of": stats})


def test_the_documents_are_of_one_moment_and_have_what_stands_beside() -> None:
    engine = Engine()
    documents = Scene(engine, lambda: {"keeper": None}).now()  # type: ignore[arg-type]
    assert documents["stats"] == {"time_s": 1.5, "looks": 1, "rest": REST, "keeper": None}
    assert documents["overview"] == {"made_of": documents["stats"]}
    assert engine.looks == 1


def test_memory_is_read_seldom_while_nobody_looks_and_that_lasts_no_longer() -> None:
    engine = Engine()
    scene = Scene(engine)  # type: ignore[arg-type]
    stats = [scene.now(is_seen=is_seen)["stats"] for is_seen in (False, True)]
    assert [one["rest"] for one in stats] == [UNSEEN_REST, REST]
    scene.now(is_seen=False)
    assert engine.sizes.rest == REST
