"""The reference of the command line and that of pools.yaml, as pages of Markdown made from the code that decides them.

`python -m engine.reference docs` writes them, `--check` says whether they are as they would be written. Owns the form of the
pages; what they say is what `engine help` says, and what the keys are.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from engine.cli.main import VERBS
from engine.cli.manual import Option, Page, page_of
from engine.cli.topics import TOPICS, text_of
from engine.effective import written
from engine.keydocs import SECTIONS, Section, default_of
from engine.layers import variable_of

__all__ = ["main", "pages"]

#: Said at the top of each page, and below its heading.
MADE = "<!-- Made by `make docs` from the code: change it there. -->\n"
COMMAND_LINE = """\
The same is said by `engine help VERB`, and for programs by `engine help VERB --json`. How to begin: [guide](guide.md).
The topics of `engine help` stand at the end.
"""
POOLS_YAML = """\
What an engine runs on. Each key may stand in the file, has a variable, and is set by `--set KEY=VALUE` of `engine start`,
`spawn`, `sprint run` and `config`. A flag wins over the environment, that over `.env`, that over the file, that over the
default.

- `engine config show` tells every value and where it came from, `engine config check FILE` whether a file can be used.
- An unknown key is refused, with its line and the key that may have been meant.
- NAME in a variable is the name in capitals, with `_` for `-`.
"""
#: The default of a key that is no limit, or nothing, unless it is written.
NOTHING = "none"


def pages() -> dict[str, str]:
    """The text of each page, by the name of its file."""
    return {"reference-cli.md": _command_line(), "reference-pools.md": _pools_yaml()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages into a folder, or look whether they stand there as they are; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    is_check = "--check" in given
    folder = Path(next((word for word in given if not word.startswith("-")), "docs"))
    stale = [name for name, text in pages().items() if not _stands(folder / name, text)]
    if is_check:
        for name in stale:
            print(f"{folder / name} is not what the code says; write it anew: make docs", file=sys.stderr)
        return int(bool(stale))
    folder.mkdir(parents=True, exist_ok=True)
    for name in stale:
        (folder / name).write_text(pages()[name])
        print(f"wrote {folder / name}")
    return 0


def _stands(file: Path, text: str) -> bool:
    return file.is_file() and file.read_text() == text


# -- the command line --------------------------------------------------------------------------------------------------


def _command_line() -> str:
    told = [page_of(verb, line) for verb, line in VERBS.items()]
    parts = [
        f"{MADE}\n# The command line\n",
        COMMAND_LINE,
        "| verb | what it does |\n|---|---|\n"
        + "".join(f"| [{one.name}](#engine-{one.name}) | {_cell(one.line)} |\n" for one in told),
        "## Options of every verb\n",
        _table(told[0].common),
        *(_verb(one) for one in told),
        *(f"## {topic}\n\n```text\n{text_of(topic).partition(chr(10) * 2)[2].rstrip()}\n```\n" for topic in TOPICS),
    ]
    return "\n".join(parts)


def _verb(page: Page) -> str:
    usage = "\n".join(f"engine {row.strip().removeprefix('engine ')}" if not at else row for at, row in enumerate(page.usage))
    parts = [
        f"## engine {page.name}\n",
        f"{page.line[0].upper()}{page.line[1:]}.\n",
        f"```text\n{_outdented(usage)}\n```\n",
        *_paragraphs(page.text),
    ]
    if page.words or page.options:
        parts.append(_table([*page.words, *page.options]))
    parts.append("```sh\n" + "\n".join(page.examples) + "\n```\n")
    return "\n".join(parts)


def _outdented(usage: str) -> str:
    """The lines of a usage; those that begin another way to say it stand at the left."""
    return "\n".join(row.strip() if row.strip().startswith("engine ") else row for row in usage.splitlines())


def _paragraphs(text: str) -> Iterator[str]:
    """What is laid out by hand stays so, the rest is a paragraph."""
    for part in text.split("\n\n"):
        yield f"```text\n{part}\n```\n" if part.startswith(" ") else f"{_escaped(part)}\n"


def _table(options: Sequence[Option]) -> str:
    rows = [f"| `{_named(one)}` | {_cell(one.help)} |" for one in options]
    return "\n".join(["| | |", "|---|---|", *rows]) + "\n"


def _named(option: Option) -> str:
    return f"{', '.join(option.names)} {option.value}".strip().replace("|", "\\|")


def _escaped(text: str) -> str:
    """Text whose signs Markdown would take for its own, outside of what stands in back quotes."""
    parts = text.split("`")
    return "`".join(
        part if at % 2 else part.replace("*", "\\*").replace("_", "\\_").replace("<", "\\<") for at, part in enumerate(parts)
    )


def _cell(text: str) -> str:
    return _escaped(text).replace("|", "\\|")


# -- pools.yaml --------------------------------------------------------------------------------------------------------


def _pools_yaml() -> str:
    parts = [
        f"{MADE}\n# pools.yaml\n",
        POOLS_YAML,
        *(_section(section) for section in SECTIONS),
    ]
    return "\n".join(parts)


def _section(section: Section) -> str:
    title = f"`{section.path.removesuffix('.')}`" if section.path else "The engine's own keys"
    rows = []
    for key, doc in section.keys.items():
        path = section.path + key
        rows.append(f"| `{path}` | {_cell(doc.about)} | {_default(section, key)} | `{doc.example}` | `{variable_of(path)}` |")
    return (
        "\n".join(
            [
                f"## {title}\n",
                f"{section.about}.\n",
                "| key | what it is | default | for example | variable |",
                "|---|---|---|---|---|",
                *rows,
            ]
        )
        + "\n"
    )


def _default(section: Section, key: str) -> str:
    found: Any = default_of(section, key)
    if found is None and section.path.startswith(("limits.", "kinds.", "price.")):
        return NOTHING
    return f"`{written(key, list(found) if isinstance(found, tuple) else found)}`"


if __name__ == "__main__":
    sys.exit(main())
