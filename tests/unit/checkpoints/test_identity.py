"""A copy under another name is the same store, and no file of the one is taken for the other's."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from random import Random

import pytest

from checkpoints.errors import Corrupt
from checkpoints.files import Disk
from checkpoints.identity import rename
from checkpoints.spec import SESSION_BYTES
from checkpoints.store import open_store
from tests.support.stores import Story, contents


def patch(path: str, head: bytes) -> None:
    with Path(path).open("r+b") as file:
        file.write(head)


def told(folder: Path, chance: Random, story: Story) -> None:
    """Some life of a store."""
    for _ in range(3):
        store = open_store(str(folder), shards=2, chance=os.urandom, segment_bytes=2_000)
        for _ in range(chance.randrange(30)):
            story.commit(store, chance)
        if chance.random() < 0.5:
            store.compact()
        store.close()


def test_a_store_under_another_name_has_what_it_had(tmp_path: Path, chance: Random) -> None:
    for round_ in range(5):
        folder, story = tmp_path / str(round_), Story()
        told(folder, chance, story)
        store = open_store(str(folder), shards=2, chance=os.urandom)
        before, old = contents(store), store.manifest.store
        store.close()
        new = rename(Disk(), str(folder), chance=os.urandom, patch=patch)
        assert new != old
        assert new[:SESSION_BYTES] == old[:SESSION_BYTES]  # messages on their way are known by it
        again = open_store(str(folder), shards=2, chance=os.urandom)
        assert again.manifest.store == new
        assert contents(again) == before
        assert again.damage == []
        again.compact()
        assert contents(again) == before
        again.close()


def test_a_file_of_the_original_in_the_copy_is_refused(tmp_path: Path) -> None:
    story, chance = Story(), Random(7)
    told(tmp_path / "a", chance, story)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    rename(Disk(), str(tmp_path / "b"), chance=os.urandom, patch=patch)
    for folder in ("a", "b"):  # each goes on by itself, with the same numbers
        store = open_store(str(tmp_path / folder), shards=2, chance=os.urandom)
        story.commit(store, Random(1))
        store.close()
    newest = max(file.name for file in (tmp_path / "a").glob("*.log"))
    shutil.copy(tmp_path / "a" / newest, tmp_path / "b" / newest)
    with pytest.raises(Corrupt, match="another store"):
        open_store(str(tmp_path / "b"), shards=2, chance=os.urandom)


def test_what_is_no_store_gets_no_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        rename(Disk(), str(tmp_path), chance=os.urandom, patch=patch)
