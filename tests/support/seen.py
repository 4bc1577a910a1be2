"""A cluster under test, as it is seen from outside: what it recorded, and what its markers ran."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from engine.cluster.records import TaskResult, decode
from engine.cluster.sender import Sender
from tests.support.fabric import Lines

__all__ = ["Seen", "SeenNode"]


class SeenNode(Protocol):
    """A node of it."""

    @property
    def environ(self) -> dict[str, str]:
        """Variables with which its engine is found."""

    @property
    def log(self) -> str:
        """What its gateway said."""


N = TypeVar("N", bound=SeenNode)


class Seen(Generic[N]):
    """A cluster. name: its own, and that of its engines.  folder: where markers leave their lines."""

    def __init__(self, name: str, folder: Path, nodes: dict[str, N]) -> None:
        self.name = name
        self.folder = folder
        self.nodes = nodes
        self.said = Lines()

    async def recorded(self, sender: Sender) -> Counter[tuple[str, str, int]]:
        """How often each task has an outcome in what is recorded, by its sender, its envelope and its row."""
        context, found = sender.nats.jetstream(timeout=10), Counter[tuple[str, str, int]]()
        stream = f"{self.name}-results"
        state = (await context.stream_info(stream)).state
        for number in range(state.first_seq, state.last_seq + 1):
            read = decode((await context.get_msg(stream, number)).data or b"", TaskResult)
            found.update((read.sender, read.id, row) for row in read.places)
        return found

    def runs(self) -> list[str]:
        """The words of all marks that were begun."""
        file = self.folder / "runs"
        return file.read_text().split() if file.exists() else []
