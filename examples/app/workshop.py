"""What every agent works with: files of the project, texts made of templates, and programs that run in the project.

Owns the way to the disk. A file is there whole or not at all. It decides nothing about what stands in it.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from string import Template
from typing import Any

__all__ = ["made", "made_json", "ran", "read", "text_of"]

TEMPLATES = Path(__file__).parent / "templates"
#: Seconds that a program of the project has: its longest measures the coverage of all tests.
RUN_S = 120.0


def text_of(name: str, **values: str) -> str:
    """The text of a template. Raises KeyError for a value that is missing, OSError."""
    return Template((TEMPLATES / f"{name}.txt").read_text()).substitute(values)


def read(work: str, path: str) -> str:
    """A file of the project. Raises OSError."""
    return (Path(work) / path).read_text()


def made(work: str, path: str, text: str, **facts: Any) -> dict[str, Any]:
    """Write a file of the project; returns what an agent answers: `path`, `lines`, `bytes` and these facts. Raises OSError."""
    file = Path(work) / path
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(f".{file.name}.new")
    aside.write_text(text)
    aside.replace(file)
    return {"path": path, "lines": text.count("\n"), "bytes": len(text.encode()), **facts}


def made_json(work: str, path: str, value: dict[str, Any], **facts: Any) -> dict[str, Any]:
    """Write a file of the project as JSON."""
    return made(work, path, json.dumps(value, indent=1, sort_keys=True) + "\n", **facts)


async def ran(folder: str, *words: str) -> tuple[int, str, str]:
    """Run a Python program in a folder: its exit code and what it printed, to both streams. Raises TimeoutExpired, OSError.

    Other agents of the same worker go on meanwhile.
    """
    environ = {"PATH": os.environ.get("PATH", ""), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, *words],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )
    return ended.returncode, ended.stdout, ended.stderr
