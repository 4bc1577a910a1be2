"""Where a kind's class is found: `module:Class` or `file.py:Class`.

Owns the way from a class to a text that another process can load it by, and back. A class of a script that was started
itself is loaded from its file under another name, so that the script keeps its main guard.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any
from zlib import crc32

from pools.agent import Agent
from pools.errors import KindNotLoaded, PoolError
from pools.kind import Kind

__all__ = ["kinds_in", "kinds_of", "load_kind", "loaded_facts", "name_of", "reference_of", "root_of"]


def name_of(kind: object) -> str:
    """The name of a kind, given by its class or by that name. Raises KindNotLoaded for anything else."""
    if isinstance(kind, str):
        return kind
    if isinstance(kind, type) and issubclass(kind, Agent):
        return kind.kind
    shown = kind.__name__ if isinstance(kind, type) else f"{kind!r:.80}"
    mend = f": write class {shown}(Agent)" if isinstance(kind, type) else f": it is of type {type(kind).__name__}"
    raise KindNotLoaded(f"{shown} is no agent class{mend}; a kind is a class of agents, or a text such as module:Class")


def kinds_in(kinds: Iterable[type[Agent] | str]) -> list[type[Agent] | str]:
    """The kinds, if each of them may be one. Raises KindNotLoaded."""
    if isinstance(kinds, str | type):
        raise KindNotLoaded(f"kinds is a list of classes or texts, got {kinds!r:.80} by itself; write kinds=[…]")
    given = list(kinds)
    for kind in given:
        name_of(kind)
    return given


def reference_of(made: type[Agent]) -> str:
    """The text that another process loads this class by. Raises KindNotLoaded where there is none."""
    if "<locals>" in made.__qualname__:
        raise KindNotLoaded(
            f"{made.__qualname__} is defined inside a function, where no worker can load it; move the class to the top "
            "level of its file"
        )
    if made.__module__ != "__main__":
        return f"{made.__module__}:{made.__qualname__}"
    from pathlib import Path

    file = getattr(sys.modules["__main__"], "__file__", None)
    if file is None or not Path(file).is_file():
        raise KindNotLoaded(f"{made.__qualname__} is defined at a prompt, where no worker can load it; put the class in a file")
    return f"{Path(file).resolve()}:{made.__qualname__}"


def root_of(made: type[Agent]) -> str | None:
    """The folder that must stand on a worker's path to import this class's module and what stands beside it.

    None where there is no file.
    """
    from pathlib import Path

    module = sys.modules.get(made.__module__)
    file = getattr(module, "__file__", None)
    if file is None:
        return None
    if made.__module__ == "__main__":
        return str(Path(file).resolve().parent)
    package = made.__module__.split(".")
    depth = len(package) if Path(file).name == "__init__.py" else len(package) - 1
    return str(Path(file).resolve().parents[depth])


def load_kind(reference: str) -> Kind:
    """The kind that a reference names.

    Raises KindNotLoaded with the traceback of the user's own code where that failed.
    """
    place, colon, name = reference.rpartition(":")
    if not colon or not place or not name:
        raise KindNotLoaded(f"{reference!r} names no class; write module:Class or file.py:Class")
    found: Any = _module(reference, place)
    for part in name.split("."):
        found = getattr(found, part, None)
    if not (isinstance(found, type) and issubclass(found, Agent)):
        said = "has no such class" if found is None else "is not an Agent class"
        raise KindNotLoaded(f"{reference}: {place} {said}: {name}")
    try:
        return Kind(found)
    except PoolError as error:
        raise KindNotLoaded(f"{reference}: {error}") from error


def _module(reference: str, place: str) -> ModuleType:
    """A module, or a file's. Raises KindNotLoaded."""
    try:
        return _from_file(place) if place.endswith(".py") else importlib.import_module(place)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name == place.partition(".")[0]:
            where = "it is looked for in the current folder and beside pools.yaml; a file is written file.py:Class"
            raise KindNotLoaded(f"{reference}: {place} could not be imported: {error}; {where}") from error
        raise KindNotLoaded(f"{reference}: {place} could not be imported: {_summary(error)}", _own_trace(error)) from error


def kinds_of(place: str) -> Iterator[tuple[str, Kind]]:
    """The kinds that a module or a file defines, each with its reference. Raises as `load_kind`."""
    module = _module(place, place)
    top = module.__name__.partition(".")[0]
    for name, found in sorted(vars(module).items()):
        is_kind = isinstance(found, type) and issubclass(found, Agent) and found is not Agent
        if is_kind and not name.startswith("_") and found.__module__.partition(".")[0] == top:
            reference = f"{place}:{name}"
            yield reference, load_kind(reference)


def loaded_facts(kind: Kind) -> dict[str, Any]:
    """The facts of a kind that was loaded here: with its fields, and a mark of its source."""
    return {
        **kind.facts(),
        "reference": f"{kind.made.__module__}:{kind.made.__qualname__}",
        "fields": {field.name: field.text for field in kind.fields},
        "mark": _mark_of(kind.made),
    }


def _mark_of(made: type[Agent]) -> str:
    """What tells the file in which a class stands from another, as it is on the disk now."""
    try:
        with open(sys.modules[made.__module__].__file__ or "", "rb") as source:  # noqa: PTH123 - pathlib takes 4 ms to load
            return f"{crc32(source.read()):08x}"
    except (OSError, AttributeError):
        return ""


def _from_file(place: str) -> ModuleType:
    """A file's module, under a name of its own, once a process."""
    import hashlib

    file = os.path.realpath(place)
    stem = os.path.basename(file).removesuffix(".py")  # noqa: PTH119 - pathlib takes 4 ms to load, in each worker
    name = f"_kinds_{stem}_{hashlib.sha256(file.encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None or not os.path.isfile(file):  # noqa: PTH113
        raise FileNotFoundError(f"no Python file {file}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _summary(error: BaseException) -> str:
    said = "".join(traceback.format_exception_only(type(error), error)).strip().splitlines()[-1]
    if isinstance(error, RuntimeError) and "running event loop" in said:
        said += '; a worker loads this file too: put what starts the program under `if __name__ == "__main__":`'
    return said


def _own_trace(error: BaseException) -> str:
    """The traceback of the user's code: ours and the import machinery's frames are left out."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename != __file__ and not frame.filename.startswith("<frozen ") and "/importlib/" not in frame.filename
    ]
    if not frames:
        return "".join(traceback.format_exception_only(type(error), error))
    return "".join(
        ["Traceback (most recent call last):\n", *traceback.format_list(frames), *traceback.format_exception_only(error)]
    )
