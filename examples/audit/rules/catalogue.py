"""All rules of the audit, in the order of their codes."""

from __future__ import annotations

from examples.audit.rules.calls import EVAL_USED, EXEC_USED, STAR_IMPORT
from examples.audit.rules.comparisons import IS_LITERAL, NONE_COMPARISON, POINTLESS_COMPARISON
from examples.audit.rules.exceptions import BARE_EXCEPT, EXCEPT_PASS, JUMP_IN_FINALLY, RAISE_WITHOUT_FROM
from examples.audit.rules.functions import MUTABLE_DEFAULT, TOO_COMPLEX
from examples.audit.rules.rule import Rule

__all__ = ["BY_CODE", "RULES"]

RULES: tuple[Rule, ...] = tuple(
    sorted(
        (
            BARE_EXCEPT,
            EVAL_USED,
            EXCEPT_PASS,
            EXEC_USED,
            IS_LITERAL,
            JUMP_IN_FINALLY,
            MUTABLE_DEFAULT,
            NONE_COMPARISON,
            POINTLESS_COMPARISON,
            RAISE_WITHOUT_FROM,
            STAR_IMPORT,
            TOO_COMPLEX,
        ),
        key=lambda rule: rule.code,
    )
)

BY_CODE = {rule.code: rule for rule in RULES}
