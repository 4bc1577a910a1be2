"""A command is run to its end, within its time and in bounded memory."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from sprints.command import OUTPUT_BYTES, run_command
from tests.support.processes import is_alive


def python(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_its_end_and_its_last_words_are_told(tmp_path: Path) -> None:
    ended = run_command(python("import sys; print(input(), sys.argv); sys.exit(3)"), folder=str(tmp_path), given=b"hello\n")
    assert ended.code == 3
    assert ended.output == "hello ['-c']\n"
    assert ended.why == "it ended with exit code 3: hello ['-c']"
    assert ended.last_line == "hello ['-c']"
    killed = run_command(python("import os; os.kill(os.getpid(), 9)"), folder=str(tmp_path))
    assert killed.why == "it was killed by SIGKILL"


def test_it_runs_in_its_folder_with_its_environment_and_without_a_shell(tmp_path: Path) -> None:
    ended = run_command(
        [*python("import os, sys; print(os.getcwd(), os.environ['X'], sys.argv[1])"), "$(id); `id`"],
        folder=str(tmp_path),
        environ=os.environ | {"X": "y"},
    )
    assert ended.output == f"{tmp_path} y $(id); `id`\n"
    with pytest.raises(FileNotFoundError):
        run_command(["/no/such/program"], folder=str(tmp_path))


def test_a_flood_is_read_and_only_its_end_kept(tmp_path: Path) -> None:
    ended = run_command(python("print('x' * 50_000_000 + 'end')"), folder=str(tmp_path), timeout_s=30)
    assert ended.code == 0
    assert len(ended.output) == OUTPUT_BYTES
    assert ended.output.endswith("end\n")


def test_a_flood_without_end_runs_out_of_time(tmp_path: Path) -> None:
    ended = run_command(["yes"], folder=str(tmp_path), timeout_s=0.3)
    assert ended.is_late
    assert "out of time" in ended.why


def test_out_of_time_all_it_started_is_killed(tmp_path: Path) -> None:
    program = (
        "import os, subprocess, sys, time;"
        "child = subprocess.Popen([sys.executable, '-c', 'import os, subprocess;"
        'grand = subprocess.Popen(["sleep", "1000"], start_new_session=True);'
        'open("pids", "a").write(f"{os.getpid()} {grand.pid} "); grand.wait()\']);'
        "open('pids', 'a').write(f'{os.getpid()} '); time.sleep(1000)"
    )
    ended = run_command(python(program), folder=str(tmp_path), timeout_s=1.0)
    assert ended.is_late
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 3
    deadline_s = time.monotonic() + 10
    while (alive := [pid for pid in pids if is_alive(pid)]) and time.monotonic() < deadline_s:
        time.sleep(0.01)  # it was killed, and on a busy machine takes a moment to end
    assert alive == []


def test_what_it_leaves_running_does_not_hold_it_up(tmp_path: Path) -> None:
    began = time.monotonic()
    ended = run_command(["sh", "-c", "sleep 20 & echo $!"], folder=str(tmp_path))
    assert time.monotonic() - began < 10
    os.kill(int(ended.output), 9)
    assert ended.code == 0


def test_who_closes_its_output_is_waited_for_still(tmp_path: Path) -> None:
    ended = run_command(python("import os, time; os.close(1); os.close(2); time.sleep(0.2); os._exit(4)"), folder=str(tmp_path))
    assert ended.code == 4
