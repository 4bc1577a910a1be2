"""An argument as it was typed: JSON, or a bare word.

Owns that choice.
"""

from __future__ import annotations

from typing import Any

from engine.cli.misuse import Misuse
from engine.exactjson import NotExact, NotJson, read

__all__ = ["read_word"]

#: What begins a JSON value that cannot be meant as a bare word.
OPENING = ("{", "[", '"')


def read_word(word: str, number: int) -> Any:
    """The value of an argument as it was typed; a bare word that is not JSON is that text. Raises Misuse."""
    try:
        return read(word.encode())
    except NotJson as error:
        if word.lstrip().startswith(OPENING):
            raise Misuse(f"argument {number} begins like JSON, but is not: {error}; in a shell, put it in '…'") from error
        return word
    except NotExact as error:
        if word in {"NaN", "Infinity", "-Infinity"}:
            return word
        raise Misuse(f"argument {number}: {error}") from error
    except UnicodeEncodeError as error:
        raise Misuse(f"argument {number} is not UTF-8") from error
