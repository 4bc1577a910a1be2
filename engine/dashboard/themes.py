"""The colours: one dark, one light, and none.

Owns the three themes. Colour is never the only sign of anything: each state has a word or a letter too.
"""

from __future__ import annotations

from textual.theme import BUILTIN_THEMES, Theme

__all__ = ["DARK", "LIGHT", "PLAIN", "THEMES"]

DARK = Theme(
    name="night",
    primary="#6cb6d9",
    secondary="#a99ce0",
    accent="#6cb6d9",
    success="#8fc27a",
    warning="#e2b35c",
    error="#e8776f",
    foreground="#d5dae3",
    background="#0e1116",
    surface="#0e1116",
    panel="#161b23",
    boost="#232b37",
    dark=True,
    variables={
        "border": "#2c3542",
        "border-blurred": "#2c3542",
        "muted": "#808b9b",
        "footer-background": "#161b23",
        "footer-key-foreground": "#6cb6d9",
        "footer-description-foreground": "#9aa4b2",
        "block-cursor-background": "#24405a",
        "block-cursor-foreground": "#f2f5f9",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#1b212b",
        "scrollbar": "#2c3542",
        "scrollbar-background": "#0e1116",
        "scrollbar-corner-color": "#0e1116",
    },
)
LIGHT = Theme(
    name="day",
    primary="#0b6a8f",
    secondary="#6650a8",
    accent="#0b6a8f",
    success="#3a7a1f",
    warning="#9a6200",
    error="#b8322a",
    foreground="#242a33",
    background="#faf9f6",
    surface="#faf9f6",
    panel="#f0ede6",
    boost="#dedad1",
    dark=False,
    variables={
        "border": "#cfcabf",
        "border-blurred": "#cfcabf",
        "muted": "#6b7078",
        "footer-background": "#f0ede6",
        "footer-key-foreground": "#0b6a8f",
        "footer-description-foreground": "#565c66",
        "block-cursor-background": "#bcdcea",
        "block-cursor-foreground": "#10151c",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#e8e5de",
        "scrollbar": "#cfcabf",
        "scrollbar-background": "#faf9f6",
        "scrollbar-corner-color": "#faf9f6",
    },
)
#: For terminals that shall show no colour: what matters is bold, reversed or underlined.
PLAIN = Theme(
    name="plain",
    primary="ansi_default",
    secondary="ansi_default",
    accent="ansi_default",
    success="ansi_default",
    warning="ansi_default",
    error="ansi_default",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    dark=True,
    ansi=True,
    variables={**BUILTIN_THEMES["ansi-dark"].variables, "border": "ansi_default", "muted": "ansi_default"},
)
THEMES = (DARK, LIGHT, PLAIN)
