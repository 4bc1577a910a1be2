"""bash, zsh and fish complete what is typed, with what there is of the engine that runs, soon, and also where none runs."""

from __future__ import annotations

import os
import pty
import re
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.commands import ROOT, Commands, commands

#: How each shell is started with nothing of its own, and what it is told first; {script} is the file to be read.
SHELLS = {
    "bash": (["bash", "--noprofile", "--norc", "-i"], "PS1='% '; bind 'set bell-style none'; source {script}"),
    "zsh": (
        ["zsh", "-f", "-i"],
        "PS1='%# '; unsetopt beep zle_bracketed_paste; autoload -U compinit; compinit -D -u; source {script}",
    ),
    "fish": (["fish", "--no-config", "-i"], "source {script}"),
}


@pytest.fixture(scope="module")
def swarm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """An engine with some agents, a sprint's folder and a program called `engine` in the path."""
    folder = tmp_path_factory.mktemp("c")
    with commands(folder) as made:
        program = folder / "bin" / "engine"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m engine "$@"\n')
        program.chmod(0o755)
        made.environ |= {
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "TERM": "xterm",
            "LC_ALL": "C.UTF-8",
        }
        made.environ.pop("XDG_DATA_HOME", None)
        assert made("spawn", "--count", "30").returncode == 0
        made.file("one.jsonl", {"id": "nightly", "kind": "counter", "method": "ping"})
        assert made("submit", "one.jsonl").returncode == 0
        (made.home / "state" / "engine" / "sprints" / "sp-20261121-001").mkdir(parents=True, exist_ok=True)
        for shell in SHELLS:
            (folder / f"script.{shell}").write_text(made("completion", shell).stdout)
        yield made


class Typist:
    """Somebody at a shell."""

    def __init__(self, made: Commands, shell: str) -> None:
        words, begin = SHELLS[shell]
        self._pid, self._ours = pty.fork()
        if not self._pid:
            os.chdir(made.folder)
            os.execvpe(words[0], words, made.environ | {"COLUMNS": "200", "LINES": "50"})
        self._seen = b""
        self.send(f"{begin.format(script=made.folder / f'script.{shell}')}; echo rea''dy\r")
        self._until(b"ready")
        self.quiet()

    def send(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def _until(self, text: bytes, within_s: float = 20.0) -> None:
        deadline_s = time.monotonic() + within_s
        while text not in self._seen:
            assert time.monotonic() < deadline_s, self._seen
            self._read(0.2)

    def _read(self, within_s: float) -> bool:
        if not select.select([self._ours], [], [], within_s)[0]:
            return False
        with suppress(OSError):
            self._seen += os.read(self._ours, 65_536)
        return True

    def quiet(self, for_s: float = 0.3) -> None:
        """Return once nothing was shown for a while, which is forgotten."""
        while self._read(for_s):
            continue
        self._seen = b""

    def offers(self, line: str, text: str) -> None:
        """Type a line, press the key until the text is shown, again as some shells list at the second time; take it back."""
        self.send(line)
        deadline_s = time.monotonic() + 20
        pressed_s = 0.0
        while text not in self._shown():
            assert time.monotonic() < deadline_s, f"{line!r} is not completed with {text!r}: {self._shown()!r}"
            if time.monotonic() - pressed_s > 2:
                self.send("\t")
                pressed_s = time.monotonic()
            self._read(0.1)
        self.send("\x15")
        self.quiet()

    def _shown(self) -> str:
        seen = self._seen.decode(errors="replace")
        return re.sub(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[=>]|\x1b\][^\x07]*\x07|\r", "", seen)

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._ours)


@contextmanager
def typist(made: Commands, shell: str) -> Iterator[Typist]:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here; apt-get install {shell}")
    one = Typist(made, shell)
    try:
        yield one
    finally:
        one.close()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_completes_verbs_options_kinds_agents_pools_tasks_and_sprints(swarm: Commands, shell: str) -> None:
    task = swarm.document("tasks")["tasks"][0]["id"]
    with typist(swarm, shell) as one:
        one.offers("engine check", "engine checkpoints")
        one.offers("engine ask --on-e", "--on-error")
        one.offers("engine ask co", "engine ask counter/")
        one.offers("engine ask counter/2", "21")
        one.offers("engine breaker open --pool p", "p2")
        one.offers(f"engine tasks show {task[:3]}", task)
        one.offers("engine sprint show s", "sp-20261121-001")
        one.offers("engine ps --output=nd", "engine ps --output=ndjson")
        one.offers("engine start --set pools.p1.me", "pools.p1.mem=")
        one.offers("engine config check pools.y", "pools.yaml")


@pytest.mark.timeout(120)
def test_fish_says_what_each_candidate_is(swarm: Commands) -> None:
    if shutil.which("fish") is None:
        pytest.skip("there is no fish here; apt-get install fish")
    program = f"source {swarm.folder}/script.fish; complete -C 'engine tasks s'"
    done = subprocess.run(
        ["fish", "--no-config", "-c", program],
        env=swarm.environ,
        cwd=swarm.folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout.splitlines() == ["show\tone, with its attempts and its cause"]


def test_a_stuck_engine_and_one_that_is_gone_offer_nothing_and_cost_little(tmp_path: Path) -> None:
    with commands(tmp_path) as made:
        assert made("__complete", "zsh", "ask", "x/").stdout == ""
        assert "counter/\t" in made("__complete", "zsh", "ask", "").stdout
        run = made.home / "run" / "engine"
        run.mkdir(parents=True, mode=0o700)
        run.parent.chmod(0o700)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stuck:
            stuck.bind(str(run / "control.sock"))
            stuck.listen(0)
            began_s = time.monotonic()
            for _ in range(3):  # the first fill its queue, then connecting blocks too
                assert made("__complete", "zsh", "tasks", "show", "").stdout.count("\n") < 40
            assert time.monotonic() - began_s < 6
        (run / "control.sock").unlink()


@pytest.mark.parametrize("shell", SHELLS)
def test_installing_writes_one_file_once_and_never_over_somebody_elses(shell: str, tmp_path: Path) -> None:
    with commands(tmp_path) as made:
        made.environ |= {"HOME": str(tmp_path / "me")}
        for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
            made.environ.pop(name, None)
        first = made.document("completion", shell, "--install")
        assert first["is_changed"]
        file = Path(first["file"])
        assert file.is_relative_to(tmp_path / "me")
        assert file.read_text() == made("completion", shell).stdout
        assert [path for path in (tmp_path / "me").rglob("*") if path.is_file()] == [file]
        assert not made.document("completion", shell, "--install")["is_changed"]
        file.write_text("mine\n")
        refused = made("completion", shell, "--install")
        assert (refused.returncode, file.read_text()) == (2, "mine\n")
        assert "move it away" in refused.stderr


def test_completing_a_word_costs_little_more_than_the_help() -> None:
    """Of several tries the best is taken, by the processor's time: the others met their neighbours."""

    def took_s(*words: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-P", "-m", "engine", *words],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            cwd="/",
            check=True,
            stdout=subprocess.DEVNULL,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(took_s("__complete", "bash", "engine sp", "") for _ in range(8)) < 0.15
