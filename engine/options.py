"""How a task shall be run, beside what it is: its priority, when, how often, for whom.

Owns the fields, their limits and what is said about a wrong one. Tasks that want the same share one object. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self

from pools import values
from pools.errors import BadArgument
from pools.ranked import NORMAL, PRIORITIES

__all__ = [
    "ANYBODY", "DEADLINE_S", "DEPENDENCIES", "FIELDS", "NAME_CHARS", "PLACES", "PLAIN", "POLICIES", "Options", "Reference",
    "name_of", "options_of", "priority_of", "references_of", "seconds_of", "wait_of",
]  # fmt: skip

#: The place of each priority, by its name.
PLACES = {name: place for place, name in enumerate(PRIORITIES)}
#: What a task is called by: a number, or a text.
Reference = int | str
#: The address of a task that wants skills, whoever has them.
ANYBODY = "*"
#: Characters of what a task is called, and of its method: both stand in every list.
NAME_CHARS = 200
#: Seconds that a deadline, a delay or a timeout may be away: a year, as nobody means more.
DEADLINE_S = 366 * 86_400.0
#: Tasks that one task may wait for: each of them is looked up when it is accepted.
DEPENDENCIES = 1_000
#: So many of them are looked at in one go, if they are texts.
FEW, TEXT = 8, {str}
#: Attempts beyond the first that a task may ask for.
RETRIES = 100
#: Seconds before the first retry, unless told otherwise, and at most before any.
BACKOFF_S, BACKOFF_MOST_S = 0.1, 3_600.0
#: Names in a list of tags, of skills, or of errors, and their characters.
WORDS, WORD_CHARS = 32, 100
#: Bits of a number that is shown.
SHOWN_BITS = 128
#: What becomes of a task that waits for one that has failed, or that is not there.
POLICIES = ("fail", "wait", "ignore")


class _Fields(NamedTuple):
    priority: int = NORMAL
    delay_s: float = 0.0
    timeout_s: float | None = None
    retries: int = 0
    retry_on: tuple[str, ...] = ()
    backoff_s: float = BACKOFF_S
    after_failed: str = "fail"
    after_unknown: str = "wait"
    tags: tuple[str, ...] = ()
    tenant: str = ""
    skills: tuple[str, ...] = ()
    memory_bytes: int = 0
    count_effects: bool = False


class Options(_Fields):
    """How a task shall be run: `Options(priority="high", retries=3)`, with the fields and the words of a task line.

    priority: low, normal, high or critical; kept as its place in `PRIORITIES`.
    delay_s: seconds after its acceptance before which it does not begin.
    timeout_s: seconds that a worker has for one attempt, the waiting there included; None for no limit.
    retries: attempts after the first one, if it fails; each begins after backoff_s seconds, doubled each time, less chance.
    retry_on: names of the errors after which there is another attempt; empty for all but those that nothing can change.
    after_failed, after_unknown: what becomes of it when a task that it waits for failed, or is not there.
    tags: words to find it by.  tenant: for whom it is run.  skills: what the agent must be able to do, where a kind is named.
    memory_bytes: what it needs, as far as that is known.
    count_effects: the engine counts what it changes, and times it exactly: the `effects` and `ran_s` of an accepted task.

    Raises BadArgument.
    """

    __slots__ = ()

    def __new__(
        cls,
        *,
        priority: str | None = None,
        delay_s: float | None = None,
        timeout_s: float | None = None,
        retries: int | None = None,
        retry_on: str | Sequence[str] | None = None,
        backoff_s: float | None = None,
        after_failed: str | None = None,
        after_unknown: str | None = None,
        tags: str | Sequence[str] | None = None,
        tenant: str | None = None,
        skills: str | Sequence[str] | None = None,
        memory_bytes: int | None = None,
        count_effects: bool | None = None,
    ) -> Self:
        """Read what is given as that of a task line; None is not given."""
        given = {
            "priority": priority, "delay_s": delay_s, "timeout_s": timeout_s, "retries": retries, "retry_on": retry_on,
            "backoff_s": backoff_s, "after_failed": after_failed, "after_unknown": after_unknown, "tags": tags,
            "tenant": tenant, "skills": skills, "memory_bytes": memory_bytes, "count_effects": count_effects,
        }  # fmt: skip
        read = {name: _READ[name](value) for name, value in given.items() if value is not None}
        return cls._make({**_DEFAULTS, **read}.values())

    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, Any]]:
        """What makes the same once more."""
        return (), self.as_dict()

    def as_dict(self) -> dict[str, Any]:
        """What differs from a plain task, as a task line says it."""
        shown = {name: value for name, value in zip(self._fields, self, strict=True) if value != _DEFAULTS[name]}
        if "priority" in shown:
            shown["priority"] = PRIORITIES[self.priority]
        return shown


_DEFAULTS: dict[str, Any] = _Fields._field_defaults


def seconds_of(what: str, value: Any, *, least_s: float = 0.0, most_s: float = DEADLINE_S) -> float:
    """A number of seconds above least_s. Raises BadArgument."""
    if type(value) not in (int, float) or not least_s < value <= most_s:
        raise BadArgument(f"{what} is a number of seconds, above {least_s:g} up to {most_s:,.0f}, got {_shown(value)}")
    return float(value)


def wait_of(value: Any) -> float:
    """Seconds to wait, from 0 on; more than DEADLINE_S, or without end, is DEADLINE_S. Raises BadArgument."""
    if type(value) not in (int, float) or not value >= 0:
        raise BadArgument(f"wait_s is a number of seconds, 0 or more, got {_shown(value)}")
    return float(min(value, DEADLINE_S))


def name_of(what: str, name: Any) -> Reference:
    """What a task is called by. Raises BadArgument."""
    if type(name) is str and name.isascii() and 0 < len(name) <= NAME_CHARS:
        return name
    if type(name) not in (int, str) or values.fault(name) or not 0 < len(str(name)) <= NAME_CHARS:
        raise BadArgument(f"{what} is a number, or a text of 1 to {NAME_CHARS} characters, got {_shown(name)}")
    return name  # type: ignore[no-any-return]


def references_of(value: Any) -> tuple[Reference, ...]:
    """The tasks that one waits for, each once. Raises BadArgument."""
    if type(value) is not list and type(value) is not tuple:
        value = [value]
    if 0 < len(value) <= FEW and set(map(type, value)) == TEXT and "".join(value).isascii():
        few = tuple(value) if len(value) == 1 or (len(value) == 2 and value[0] != value[1]) else tuple(dict.fromkeys(value))
        if all(few) and max(map(len, few)) <= NAME_CHARS:
            return few
    if len(value) > DEPENDENCIES:
        raise BadArgument(f'"after" names up to {DEPENDENCIES:,} tasks, got {len(value):,}')
    return tuple(dict.fromkeys(name_of('an id in "after"', each) for each in value))


def _shown(value: Any) -> str:
    """A value that cannot be used, short; a number with thousands of digits has no text at all."""
    is_long = type(value) is int and abs(value) >> SHOWN_BITS
    return f"a number of {value.bit_length():,} bits" if is_long else f"{value!r:.80}"


def priority_of(value: Any) -> int:
    """The place of a priority among all. Raises BadArgument."""
    place = PLACES.get(value.lower()) if type(value) is str else None
    if place is not None:
        return place
    raise BadArgument(f"priority is {', '.join(PRIORITIES[:-1])} or {PRIORITIES[-1]}, not {_shown(value)}")


def _words(what: str) -> Callable[[Any], tuple[str, ...]]:
    def read(value: Any) -> tuple[str, ...]:
        words = [value] if type(value) is str else value
        is_list = type(words) in (list, tuple) and len(words) <= WORDS
        if not is_list or not all(map(_is_word, words)):
            raise BadArgument(f"{what} are up to {WORDS} texts of 1 to {WORD_CHARS} characters, got {value!r:.80}")
        return tuple(dict.fromkeys(words))

    return read


def _is_word(word: Any) -> bool:
    return type(word) is str and 0 < len(word) <= WORD_CHARS and not values.fault(word)


def _policy(what: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in POLICIES:
            raise BadArgument(f"{what} is {', '.join(POLICIES[:-1])} or {POLICIES[-1]}, not {_shown(value)}")
        return str(value)

    return read


def _tenant(value: Any) -> str:
    if type(value) is not str or len(value) > WORD_CHARS or values.fault(value):
        raise BadArgument(f"tenant is a text of up to {WORD_CHARS} characters, got {value!r:.80}")
    return value


def _whole(what: str, most: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if type(value) is not int or not 0 <= value <= most:
            raise BadArgument(f"{what} is a whole number from 0 to {most:,}, got {_shown(value)}")
        return value

    return read


def _count_effects(value: Any) -> bool:
    if type(value) is not bool:
        raise BadArgument(f"count_effects is true or false, got {value!r:.40}")
    return value


def _delay_s(value: Any) -> float:
    return 0.0 if value == 0 and type(value) in (int, float) else seconds_of("delay_s", value)


_READ: dict[str, Callable[[Any], Any]] = {
    "priority": priority_of,
    "delay_s": _delay_s,
    "timeout_s": lambda value: seconds_of("timeout_s", value),
    "retries": _whole("retries", RETRIES),
    "retry_on": _words("retry_on"),
    "backoff_s": lambda value: seconds_of("backoff_s", value, most_s=BACKOFF_MOST_S),
    "after_failed": _policy("after_failed"),
    "after_unknown": _policy("after_unknown"),
    "tags": _words("tags"),
    "tenant": _tenant,
    "skills": _words("skills"),
    "memory_bytes": _whole("memory_bytes", 2**50),
    "count_effects": _count_effects,
}
#: The fields of a task line that are read here.
FIELDS = frozenset(_READ)
PLAIN = Options()

#: Options that were read before, and those who want them: most tasks want what another one wanted.
_SHARED: dict[Any, Options] = {}
SHARED = 4_096


def options_of(fields: Mapping[str, Any], defaults: Options = PLAIN) -> Options:
    """The options that these fields of a task line ask for; a field that is None was not given. Raises BadArgument.

    defaults: of what is not given.
    """
    try:
        key = None if defaults is not PLAIN else (*fields, *fields.values(), *map(type, fields.values()))
        found = None if key is None else _SHARED.get(key)
    except TypeError:  # a list
        key, found = None, None
    if found is None:
        found = defaults._replace(**{name: _READ[name](value) for name, value in fields.items() if value is not None})
        if len(_SHARED) >= SHARED:
            _SHARED.clear()
        found = _SHARED.setdefault(found, found)
        if key is not None:
            _SHARED[key] = found
    return found
