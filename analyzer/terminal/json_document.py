"""What commands print as JSON for machines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analyzer.tables.results import Results


def as_json(
    analysis: Results,
    figures: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame | list[dict[str, Any]]],
) -> str:
    """Return a document of captures, figures, problems, and tables.

    A table is a data frame, or a list of what JSON can hold, and becomes a list of
    objects; times are ISO 8601 text, what is missing is null.
    """
    document = {
        "captures": list(analysis.captures),
        **figures,
        "sessions_in_all": analysis.sessions_in_all,
        "problems": [
            {
                "capture": problem.capture,
                "offset": problem.offset,
                "reason": problem.reason,
            }
            for problem in analysis.problems
        ],
        **{name: _objects(rows) for name, rows in tables.items()},
    }
    return json.dumps(document, indent=2, allow_nan=False)


def _objects(rows: pd.DataFrame | list[dict[str, Any]]) -> list[dict[str, Any]]:
    if isinstance(rows, list):
        return rows
    return [
        {str(name): _plain(value) for name, value in row.items()}
        for row in rows.to_dict(orient="records")
    ]


def _plain(value: Any) -> Any:
    if pd.api.types.is_list_like(value):
        return [_plain(each) for each in value]
    if pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat(timespec="nanoseconds").replace("+00:00", "Z")
    return value
