"""Amounts as people write them: `25%`, `500m`, `128MB`, `1Gi`, `5m`.

Owns the grammar of every amount in pools.yaml, in flags and in the environment, and writes each one back in the same
grammar. A number without a unit is in the base unit: bytes, seconds, cores. Never reads a file or a machine: how many
cores there are is an argument. Above it stands the configuration, which adds the file, the line and the key.
"""

from __future__ import annotations

import re

__all__ = [
    "parse_count",
    "parse_cpu_share",
    "parse_seconds",
    "parse_share",
    "parse_size_bytes",
    "parse_truth",
    "show_cpu_share",
    "show_seconds",
    "show_size",
]

#: Bytes of each unit. Decimal ones are powers of 1000, binary ones (with an i) powers of 1024. One letter alone is no
#: unit: `128m` is 0.128 to Kubernetes, 128 MiB to Docker and 128 MB to `dd`.
SIZE_UNITS = {
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "ki": 2**10,
    "mi": 2**20,
    "gi": 2**30,
    "ti": 2**40,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
#: Seconds of each unit.
TIME_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
#: What a whole machine is in each unit of `cpu` that does not depend on the machine.
WHOLE_PERCENT = 100.0
#: Thousandths of a core, the unit that Kubernetes writes `m`.
MILLICORES = 1_000.0

SIZES = "a size such as 512KB, 128MB or 1.5GB (powers of 1000) or 512Ki, 128MiB or 1Gi (powers of 1024)"
TIMES = "a time such as 250ms, 30s, 5m, 2h or 1d (a number alone is seconds)"
SHARES = "a share of the machine such as 25%, cores such as 1.5, or thousandths of a core such as 500m"
PARTS = "a share such as 5% or 0.05"
COUNTS = "a whole number such as 2500"
TRUTHS = "true or false"
NUMBERS = "a number such as 2 or 0.5"
RATES = "a share such as 50% or 0.5"

_AMOUNT = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,9}))? ?([A-Za-z%]*)", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,15}|[0-9]{1,3}(?:_[0-9]{3}){1,4}", re.ASCII)
_TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def parse_count(text: str) -> int:
    """The whole number of `2500` or `2_500`. Raises ValueError."""
    if _COUNT.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not {COUNTS}")
    return int(text)


def parse_number(text: str) -> float:
    """The number of `2` or `0.5`. Raises ValueError."""
    whole, fraction, unit = _amount(text, NUMBERS)
    if unit:
        raise ValueError(f"{text!r} is not {NUMBERS}")
    return float(f"{whole}.{fraction or 0}")


def parse_rate(text: str) -> float:
    """The share of `50%` or `0.5`. Raises ValueError."""
    whole, fraction, unit = _amount(text, RATES)
    if unit not in ("", "%"):
        raise ValueError(f"{text!r} is not {RATES}")
    return float(f"{whole}.{fraction or 0}") / (WHOLE_PERCENT if unit else 1)


def parse_truth(text: str) -> bool:
    """What `true` or `false` says; `yes`, `no`, `on` and `off` are the same. Raises ValueError."""
    said = _TRUTH.get(text.lower())
    if said is None:
        raise ValueError(f"{text!r} is not {TRUTHS}")
    return said


def parse_size_bytes(text: str) -> int:
    """The bytes of `128MB`, `1Gi` or `4096`; a part of a byte is dropped. Raises ValueError."""
    whole, fraction, unit = _amount(text, SIZES)
    scale = SIZE_UNITS.get(unit.lower() or "b")
    if scale is None:
        letter = f"; {unit!r} alone means different sizes to different programs" if len(unit) == 1 else ""
        raise ValueError(f"{text!r} is not {SIZES}{letter}")
    divisor: int = 10 ** len(fraction)
    return int(whole + fraction) * scale // divisor


def parse_seconds(text: str) -> float:
    """The seconds of `5m`, `30s` or `0.5`. Raises ValueError."""
    whole, fraction, unit = _amount(text, TIMES)
    scale = TIME_UNITS.get(unit or "s")
    if scale is None:
        raise ValueError(f"{text!r} is not {TIMES}")
    return float(f"{whole}.{fraction or 0}") * scale


def parse_share(text: str) -> float:
    """The share, 0 up to 1, that `5%` or `0.05` says. Raises ValueError."""
    whole, fraction, unit = _amount(text, PARTS)
    full = {"%": WHOLE_PERCENT, "": 1.0}.get(unit)
    if full is None:
        raise ValueError(f"{text!r} is not {PARTS}")
    share = float(f"{whole}.{fraction or 0}") / full
    if share > 1:
        raise ValueError(f"{text!r} is more than all: give {PARTS}")
    return share


def parse_cpu_share(text: str, cores: int) -> float:
    """The share of a machine with so many cores, above 0 and up to 1, that `25%`, `1.5` or `500m` asks for.

    Raises ValueError, also for a share of nothing and for one of more than the machine.
    """
    whole, fraction, unit = _amount(text, SHARES)
    full = {"%": WHOLE_PERCENT, "m": MILLICORES * cores, "": float(cores)}.get(unit)
    if full is None:
        raise ValueError(f"{text!r} is not {SHARES}")
    share = float(f"{whole}.{fraction or 0}") / full
    if share <= 0:
        raise ValueError(f"{text!r} leaves no cpu at all: give {SHARES}")
    if share > 1:
        meant = f"; did you mean {text}%?" if unit == "" else ""
        raise ValueError(f"{text!r} is more than this machine, which has {cores} cores (100%){meant}")
    return share


def show_size(size_bytes: int) -> str:
    """The size in the largest unit that says it exactly: 128000000 is `128MB`, 134217728 `128MiB`."""
    for unit in ("TB", "TiB", "GB", "GiB", "MB", "MiB", "KB", "KiB"):
        scale = SIZE_UNITS[unit.lower()]
        if size_bytes >= scale and size_bytes % scale == 0:
            return f"{size_bytes // scale}{unit}"
    return f"{size_bytes}B"


def show_seconds(seconds: float) -> str:
    """The time in the largest unit that says it in a whole number, else in seconds: 300.0 is `5m`, 1.5 `1.5s`."""
    for unit in ("d", "h", "m", "s"):
        scale = TIME_UNITS[unit]
        if seconds >= scale and seconds % scale == 0:
            return f"{int(seconds // scale)}{unit}"
    return f"{seconds:.9f}".rstrip("0").rstrip(".") + "s"


def show_cpu_share(share: float) -> str:
    """The share in percent, to a hundredth: 0.25 is `25%`."""
    return f"{share * WHOLE_PERCENT:.2f}".rstrip("0").rstrip(".") + "%"


def _amount(text: str, accepted: str) -> tuple[str, str, str]:
    """The digits before the point, those after it and the unit."""
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not {accepted}")
    return found[1], found[2] or "", found[3]
