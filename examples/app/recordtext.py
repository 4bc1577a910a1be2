"""A kind of records as texts that templates take: its columns for SQL, for Python and for pages."""

from __future__ import annotations

from examples.app.blueprint import FIELDS, fields_of

__all__ = ["values_of"]

TYPES = {"number": ' type="number"', "date": ' type="date"', "flag": ' type="checkbox"'}


def values_of(record: str) -> dict[str, str]:
    """What templates of `record` and `views` ask for."""
    fields = fields_of(record)
    types = {name: TYPES.get(kind, "") for name, kind in fields.items()}
    inputs = [f'<p class="field">{_shown(name)} <input name="{name}"{type_}></p>' for name, type_ in types.items()]
    filled = [line.replace("></p>", f' value="{{{name}}}"></p>') for line, name in zip(inputs, fields, strict=True)]
    return {
        "record": record,
        "columns": ", ".join(fields),
        "marks": ", ".join("?" * len(fields)),
        "sets": ", ".join(f"{name} = ?" for name in fields),
        "names": ", ".join(f'"{name}"' for name in fields) + ",",
        "rules": "".join(f'\n    ("{name}", "{kind}", {FIELDS[kind][2]}),' for name, kind in fields.items()) + "\n",
        "headings": "".join(f"<th>{_shown(name)}</th>" for name in fields),
        "lines": "\n".join(f"<dt>{_shown(name)}</dt><dd>{{{name}}}</dd>" for name in fields if name != "title"),
        "inputs": "\n".join(inputs),
        "filled": "\n".join(filled),
    }


def _shown(name: str) -> str:
    return name.replace("_", " ").capitalize()
