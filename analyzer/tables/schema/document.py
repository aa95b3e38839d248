"""The documentation of all tables."""

from __future__ import annotations

import pyarrow as pa

from analyzer.tables.schema import WRITTEN
from analyzer.tables.table import (
    CODE,
    CODES,
    COUNT,
    FLAG,
    PORT,
    SECONDS,
    TEXT,
    TEXTS,
    TIME,
    VLAN,
)
from dissectors.registry import BUILTIN, known_anomalies

# for people: what pandas, a JSON file or a spreadsheet shows
_TYPE_NAMES = {
    TEXT: "text",
    TEXTS: "texts",
    COUNT: "integer",
    SECONDS: "number",
    TIME: "time",
    FLAG: "true or false",
    PORT: "integer",
    CODE: "integer",
    VLAN: "integer",
    CODES: "integers",
}


def _type_name(kind: pa.DataType) -> str:
    is_structs = pa.types.is_list(kind) and pa.types.is_struct(kind.value_type)
    return "objects" if is_structs else _TYPE_NAMES[kind]


def as_markdown() -> str:
    """Return the documentation of all tables."""
    introduction = (
        "Made by `python -m analyzer.tables.schema`. Times are in UTC, with "
        "nanoseconds.\n"
        "What was not seen is null; a list without items is empty.\n"
    )
    parts = ["# Tables\n", introduction]
    for table in WRITTEN:
        rows = [
            f"| `{column.name}` | {_type_name(column.type)} | {column.meaning} |"
            for column in table.columns
        ]
        heading = ["| column | type | meaning |", "|---|---|---|"]
        parts.append(f"## {table.name}\n\n{table.row}\n")
        parts.append("\n".join([*heading, *rows]) + "\n")
    meanings = known_anomalies(BUILTIN)
    codes = [f"| `{code}` | {meaning} |" for code, meaning in meanings.items()]
    parts.append("## Codes of anomalies\n")
    parts.append("\n".join(["| code | meaning |", "|---|---|", *codes]) + "\n")
    return "\n".join(parts)
