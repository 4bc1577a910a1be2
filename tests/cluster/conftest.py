"""Commands whose ssh has a home of its own, and hosts for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import Commands, commands
from tests.support.sshhosts import Hosts, hosts


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Commands]:
    with commands(tmp_path) as made:
        made.environ |= {"HOME": str(tmp_path)}
        made.environ.pop("SSH_AUTH_SOCK", None)
        yield made


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Hosts]:
    with hosts(tmp_path) as made:
        yield made
