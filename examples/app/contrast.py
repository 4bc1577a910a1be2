"""How well a colour is seen on another one. Source: WCAG 2.1, relative luminance and contrast ratio."""

from __future__ import annotations

__all__ = ["contrast", "darkened"]


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """The ratio of two colours, as `#rrggbb`: 1 for the same, 21 for black on white."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def darkened(colour: str, ground: str, least: float) -> str:
    """The colour itself, or the first darker one that is seen well enough on a light ground."""
    parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    while contrast(colour, ground) < least and any(parts):
        parts = [max(part - 4, 0) for part in parts]
        colour = "#" + "".join(f"{part:02x}" for part in parts)
    return colour
