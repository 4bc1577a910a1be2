"""A YAML file as a tree of texts that know their lines.

Owns the reading: one document of mappings, lists and texts, at most so large and so deep, no key twice. Every value
stays the text that was written, so that the key it stands under decides what it means (`no` can name a kind, `25%`
is never a string by accident). No object is ever built from a tag. Above it stand the settings, and backlogs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from engine.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["CONFIGURATION", "Branch", "Form", "Leaf", "Node", "Quoted", "Row", "read_document"]

#: Bytes of a configuration file: about a thousand times the shipped one.
FILE_BYTES = 1024 * 1024
#: Mappings and lists within each other: the deepest valid file has three.
DEPTH = 16

#: What YAML takes for nothing when it is written plainly.
NOTHING = frozenset({"~", "null", "Null", "NULL"})
#: Tags that a plain reader could have put there itself; any other one asks for an object.
_PLAIN_KINDS = ("str", "int", "float", "bool", "null", "map", "seq")
_PLAIN_TAGS = frozenset({None, "!", *(f"tag:yaml.org,2002:{kind}" for kind in _PLAIN_KINDS)})


class Form(NamedTuple):
    """What is read. name: what it is called.  example: a line of one.  file_bytes, depth: past them it cannot be one."""

    name: str
    example: str
    file_bytes: int
    depth: int


CONFIGURATION = Form("configuration", "agents: 2500", FILE_BYTES, DEPTH)


class Leaf(NamedTuple):
    """One value as it was written; `text` is None for a written null and empty for nothing at all."""

    text: str | None
    line: int


class Quoted(Leaf):
    """One that was written with quotes, or as a block: a text, whatever it looks like."""

    __slots__ = ()


class Row(NamedTuple):
    """A list."""

    items: tuple[Node, ...]
    line: int


class Branch(NamedTuple):
    """A mapping; `lines` is where each key stands."""

    items: dict[str, Node]
    lines: dict[str, int]
    line: int


Node = Leaf | Row | Branch


def read_document(file: Path, form: Form = CONFIGURATION) -> Branch:
    """The mapping that a YAML file holds; an empty file is an empty mapping.

    Raises ConfigError with the file, the line and, where there is one, the key.
    """
    import yaml

    text = _read(file, form)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        tree = _Tree(file, yaml.parse(text, loader), form).read()
    except yaml.MarkedYAMLError as broken:
        mark = broken.problem_mark or broken.context_mark
        line = None if mark is None else mark.line + 1
        said = ", ".join(part for part in (broken.context, broken.problem) if part)
        raise ConfigError(f"not YAML: {said}", key="", file=file, line=line) from broken
    except yaml.YAMLError as broken:
        raise ConfigError(f"not YAML: {' '.join(str(broken).split())}", key="", file=file) from broken
    if tree is None or (isinstance(tree, Leaf) and not tree.text):
        return Branch({}, {}, 1)
    if not isinstance(tree, Branch):
        raise ConfigError(f"not a mapping of keys, such as `{form.example}`", key="", file=file, line=tree.line)
    return tree


def _read(file: Path, form: Form) -> bytes:
    try:
        with file.open("rb") as source:
            text = source.read(form.file_bytes + 1)
    except OSError as missing:
        raise ConfigError(f"cannot be read: {missing.strerror}", key="", file=file) from missing
    if len(text) > form.file_bytes:
        raise ConfigError(f"larger than {form.file_bytes:,} bytes, which no {form.name} is", key="", file=file)
    return text


class _Tree:
    """The tree that grows from one stream of YAML events."""

    def __init__(self, file: Path, events: Iterator[Any], form: Form) -> None:
        self._file = file
        self._form = form
        self._events = events
        self._anchors: dict[str, Node | None] = {}

    def read(self) -> Node | None:
        """The root of the one document; None where there is none."""
        root = None
        for event in self._events:
            name = type(event).__name__
            if name == "DocumentStartEvent" and root is not None:
                raise self._wrong(f"a second document begins here; a {self._form.name} is one", event, "")
            if name not in {"StreamStartEvent", "DocumentStartEvent", "DocumentEndEvent", "StreamEndEvent"}:
                root = self._node(event, "", 0)
        return root

    def _node(self, event: Any, path: str, depth: int) -> Node:
        if depth > self._form.depth:
            raise self._wrong(f"more than {self._form.depth} mappings and lists within each other", event, path)
        if type(event).__name__ == "AliasEvent":
            return self._alias(event, path)
        if event.tag not in _PLAIN_TAGS:
            raise self._wrong(f"the tag {event.tag!r} is not read: write the value alone", event, path)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        node = self._content(event, path, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _content(self, event: Any, path: str, depth: int) -> Node:
        name = type(event).__name__
        if name == "ScalarEvent":
            if not event.implicit[0]:
                return Quoted(event.value, _line(event))
            return Leaf(None if event.value in NOTHING else event.value, _line(event))
        if name == "SequenceStartEvent":
            inner = self._until("SequenceEndEvent")
            items = tuple(self._node(one, f"{path}[{at}]", depth + 1) for at, one in enumerate(inner))
            return Row(items, _line(event))
        return self._mapping(event, path, depth)

    def _mapping(self, start: Any, path: str, depth: int) -> Branch:
        branch = Branch({}, {}, _line(start))
        for event in self._until("MappingEndEvent"):
            if type(event).__name__ != "ScalarEvent":
                raise self._wrong("a key must be a plain text", event, path)
            key = event.value
            inner = f"{path}.{key}" if path else key
            if key in branch.items:
                raise self._wrong(f"is there twice, first in line {branch.lines[key]}", event, inner)
            branch.lines[key] = _line(event)
            branch.items[key] = self._node(next(self._events), inner, depth + 1)
        return branch

    def _alias(self, event: Any, path: str) -> Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            said = "refers to itself" if event.anchor in self._anchors else "refers to nothing above it"
            raise self._wrong(f"*{event.anchor} {said}", event, path)
        return node

    def _until(self, end: str) -> Iterator[Any]:
        for event in self._events:
            if type(event).__name__ == end:
                return
            yield event

    def _wrong(self, message: str, event: Any, path: str) -> ConfigError:
        return ConfigError(message, key=path, file=self._file, line=_line(event))


def _line(event: Any) -> int:
    line: int = event.start_mark.line
    return line + 1
