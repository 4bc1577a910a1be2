"""Pages of documentation, as somebody reads them who types everything that they say.

A console block is typed line by line into one bash, a line that is expected behind it is compared: `...` stands for any
characters, and alone on a line for any lines. A block of Python goes into the file that its first line names, or is run.
"""

from __future__ import annotations

import os
import re
import select
import site
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from tests.support.commands import ROOT
from tests.support.readme import Given

__all__ = ["Block", "Reader", "blocks_of"]

#: Variables of whoever runs the tests, that nobody else has.
OWN = {"PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONWARNINGS"}
MARK = "-- that was it:"
#: Seconds after which a command is ended that goes on for ever, as it has refused what it does not understand; its code then.
ENOUGH_S, ENDED = 5, 124


class Block(NamedTuple):
    """A block of a page. line: where it begins."""

    language: str
    text: str
    line: int

    @property
    def steps(self) -> list[tuple[str, list[str]]]:
        """The commands of a console block, each with the lines that are expected behind it."""
        steps: list[tuple[str, list[str]]] = []
        for row in self.text.splitlines():
            if row.startswith("$ "):
                steps.append((row[2:], []))
            else:
                steps[-1][1].append(row)
        return steps


def blocks_of(page: Path, *languages: str) -> list[Block]:
    """The blocks of a page that are in one of these languages."""
    text = page.read_text()
    found = re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [Block(one[1], one[2], text[: one.start()].count("\n") + 1) for one in found if one[1] in languages]


def pattern_of(expected: list[str]) -> str:
    """What the output of a command must be."""
    rows = [
        r"(?:[^\n]*\n)*?" if row.strip() == "..." else re.escape(row.rstrip()).replace(r"\.\.\.", r"[^\n]*?") + r"[ ]*\n"
        for row in expected
    ]
    return "".join(rows)


class Reader:
    """Somebody with a bash in a folder, and an environment that has an engine of its own."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._environ = {name: text for name, text in environ.items() if name not in OWN}
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            cwd=folder,
            env=self._environ,
            start_new_session=True,
        )

    def close(self) -> None:
        """Let the bash go; what it started in the background is stopped by whoever has the engine's home."""
        for stream in (self._bash.stdin, self._bash.stdout):
            assert stream is not None
            stream.close()
        self._bash.wait(timeout=10)

    def type(self, command: str, within_s: float = 60.0, *, has_hints: bool = True) -> tuple[int, str]:
        """Type a command; returns its exit code and what was shown. has_hints: standard error among it."""
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.write(f'{{ {command}\n}} </dev/null{"" if has_hints else " 2>>hints"}\necho "{MARK} $?"\n'.encode())
        seen, deadline_s = b"", time.monotonic() + within_s
        while (found := re.search(rf"^{MARK} (\d+)$".encode(), seen, re.MULTILINE)) is None:
            left_s = deadline_s - time.monotonic()
            assert left_s > 0, f"{command!r} is not over: {seen.decode()}"
            if select.select([self._bash.stdout], [], [], left_s)[0]:
                part = os.read(self._bash.stdout.fileno(), 65_536)
                assert part, f"the shell ended at {command!r}: {seen.decode()}"
                seen += part
        return int(found[1]), seen[: found.start()].decode()

    def install(self) -> None:
        """Have in `.venv` what `pip install` would put there: it is in the environment of this Python already."""
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        there = self.folder / ".venv" / "lib" / version / "site-packages"
        assert there.is_dir(), "there is no .venv to install into"
        places = [str(ROOT), *(place for place in site.getsitepackages() if Path(place).is_dir())]
        (there / "engine.pth").write_text("\n".join(places) + "\n")
        program = self.folder / ".venv" / "bin" / "engine"
        program.write_text(
            f"#!{program.with_name('python')} -P\nimport sys\nfrom engine.cli.main import main\nsys.exit(main())\n"
        )
        program.chmod(0o755)

    def read(self, block: Block, given: Given | None = None, *, has_hints: bool = True) -> None:
        """Type a console block, and compare what is shown with what the page says. has_hints: which shows hints too.

        given: what is told of its commands; one whose error the page shows need not end with 0 either.
        """
        given = given or Given({})
        for command, expected in block.steps:
            if re.search(r"\bpip install ", command):
                self.install()
                continue
            for part, instead in given.instead.items():
                command = command.replace(part, instead)
            is_endless = command.startswith(given.endless) if given.endless else False
            if is_endless:
                command = f"timeout --signal=INT {ENOUGH_S} {command}"
            code, shown = self.type(command, has_hints=has_hints)
            hints = self.folder / "hints"
            said = hints.read_text() if hints.exists() else ""
            wanted = next((end for begin, end in given.ends.items() if command.startswith(begin)), ENDED if is_endless else 0)
            is_allowed = code == wanted or (expected and expected[0].startswith("engine: "))
            assert is_allowed, f"line {block.line}, {command}: {code}, {shown}{said}"
            if expected:
                shown = "".join(f"{row.rstrip()}\n" for row in shown.splitlines())
                assert re.fullmatch(pattern_of(expected), shown), (
                    f"line {block.line}, {command} shows\n{shown}and not\n" + "\n".join(expected)
                )

    def write(self, block: Block) -> str:
        """Write a block of Python into the file that its first line names, in the shell's folder; returns its name."""
        name = block.text.partition("\n")[0].removeprefix("# ")
        assert name.endswith(".py"), f"line {block.line}: the first line names no file"
        where = Path(self.type("pwd")[1].strip())
        (where / name).write_text(block.text)
        return name
