"""The findings as SARIF 2.1.0, the format that code hosts and editors read.

Owns the shape of that file only. Nothing in it depends on the run: the same tree gives the same bytes.
Source: OASIS, Static Analysis Results Interchange Format 2.1.0, sections 3.13 to 3.58.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import orjson

from examples.audit.inspection import Finding
from examples.audit.outcome import Broken, Outcome
from examples.audit.roots import Root
from examples.audit.rules.catalogue import RULES
from examples.audit.rules.rule import Rule
from examples.audit.tree import Module

__all__ = ["SCHEMA", "sarif"]

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
#: Where each rule is described at length: the tool that has the same rule under the same code.
RULE_HELP = "https://docs.astral.sh/ruff/rules/"

_INDEX = {rule.code: index for index, rule in enumerate(RULES)}
_LEVEL = {rule.code: rule.level for rule in RULES}


def sarif(outcome: Outcome) -> bytes:
    """The whole log: one run with all rules, all findings by file and line, and what could not be audited."""
    run = {
        "tool": {"driver": {"name": "engine-audit", "semanticVersion": "0.1.0", "rules": [_rule(rule) for rule in RULES]}},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_base(root.label): {"uri": _folder(root)} for root in outcome.tree.roots},
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [_notification(broken) for broken in outcome.broken],
            }
        ],
        "results": [_result(module, finding) for module, finding in outcome.each_finding()],
    }
    return orjson.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, option=orjson.OPT_INDENT_2) + b"\n"


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "helpUri": RULE_HELP + rule.name,
        "defaultConfiguration": {"level": rule.level},
    }


def _result(module: Module, finding: Finding) -> dict[str, Any]:
    return {
        "ruleId": finding.code,
        "ruleIndex": _INDEX[finding.code],
        "level": _LEVEL[finding.code],
        "message": {"text": finding.message},
        "locations": [_location(module, finding.line, finding.column)],
    }


def _notification(broken: Broken) -> dict[str, Any]:
    return {
        "descriptor": {"id": broken.cause},
        "level": "warning",
        "message": {"text": broken.detail},
        "locations": [_location(broken.module, max(broken.line, 1), 1)],
    }


def _location(module: Module, line: int, column: int) -> dict[str, Any]:
    artifact = {"uri": quote(module.place), "uriBaseId": _base(module.label)}
    return {"physicalLocation": {"artifactLocation": artifact, "region": {"startLine": line, "startColumn": column}}}


def _base(label: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", label.upper())


def _folder(root: Root) -> str:
    """The root's folder as a URI that ends with `/`, as the format wants it."""
    folder = root.path.parent if root.path.is_file() else root.path
    return folder.resolve().as_uri().rstrip("/") + "/"
