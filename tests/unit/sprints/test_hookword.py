"""The word of a hook: who is first makes its file, and it is whole whenever somebody looks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sprints import hookword
from sprints.hookword import HookWord, Word, word_of
from tests.support.processes import until

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(("why", "word"), [(None, Word("yes")), ("it broke", Word("no", "it broke"))])
def test_a_hook_runs_until_it_has_said_how_it_ended(tmp_path: Path, why: str | None, word: Word) -> None:
    path = str(tmp_path / "hooks" / "r-1")
    mine = HookWord(path)
    assert word_of(path) == Word("running")
    mine.end(why)
    assert word_of(path) == word
    assert [file.name for file in (tmp_path / "hooks").iterdir()] == ["r-1"]


def test_what_was_not_begun_cannot_be_any_more_once_somebody_has_asked(tmp_path: Path) -> None:
    path = str(tmp_path / "r-1")
    assert word_of(path) == word_of(path) == Word("never")
    with pytest.raises(FileExistsError):
        HookWord(path)
    assert word_of(path) == Word("never")


RUNS = """
import sys, time
from sprints.hookword import HookWord
word = HookWord(sys.argv[1])
print(flush=True)
time.sleep(1000)
"""


async def test_a_hook_that_was_killed_is_lost(tmp_path: Path) -> None:
    path = str(tmp_path / "r-1")
    with subprocess.Popen([sys.executable, "-c", RUNS, path], cwd=ROOT, stdout=subprocess.PIPE) as runs:
        assert runs.stdout is not None
        runs.stdout.readline()
        assert word_of(path) == Word("running")
        runs.kill()
    await until(lambda: word_of(path) == Word("lost"))


def test_a_file_that_is_no_word_says_that_nobody_knows(tmp_path: Path) -> None:
    for at, data in enumerate((b"", b"[]", b"{", b"\xff", b"{}", b"3")):
        (tmp_path / str(at)).write_bytes(data)
        assert word_of(str(tmp_path / str(at))) == Word("lost")


def test_old_words_go_and_those_of_hooks_that_run_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hookword, "KEPT", 3)
    first = HookWord(str(tmp_path / "r-0"))
    for at in range(1, 6):
        word_of(str(tmp_path / f"r-{at}"))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["r-0", "r-3", "r-4", "r-5"]
    first.end(None)
