"""Rows of reports as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

import pandas as pd

from analyzer.sessions.failures import failure_label
from analyzer.terminal.format import TIME_FORMAT
from analyzer.terminal.weaknesses import weakness_label

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from analyzer.html.tables.spec import TableSpec
    from analyzer.tables.results import Results

_MAX_ROWS = 50
# of those that the script does not count anew
_MAX_MORE = 5_000
# what may take several lines
_LONG = (
    "auth_user",
    "client_ips",
    "client_software",
    "last_error",
    "issuer",
    "name",
    "servers",
    "sha256",
    "tls_cipher",
    "verdict",
    "weakness",
)


class FilledTable(NamedTuple):
    """A table with its rows as text.

    Attributes:
        spec: the table.
        headings: those of its columns of which something is known.
        kinds: what the columns hold: numbers, long text, or text.
        rows: the cells.
        links: of each row, what it filters by, as the fragment of a URL; or nothing.
        more: further rows and their links, for the script.
        left_out: how many rows there are besides `rows`.
    """

    spec: TableSpec
    headings: list[str]
    kinds: list[str]
    rows: list[list[str]]
    links: list[str]
    more: list[tuple[list[str], str]]
    left_out: int


def fill(
    table: TableSpec, analysis: Results, attacks: npt.NDArray[np.bool_]
) -> FilledTable:
    """Take the rows of a table from its report.

    Args:
        table: which one.
        analysis: what it is about.
        attacks: (n,) which sessions are those of attackers.
    """
    told = table.report(analysis, attacks)
    rows = told[list(table.headings)]
    # what is known of nobody takes room from the rest
    unknown = [name for name in rows if len(rows) and rows[name].isna().all()]
    rows = rows.drop(columns=unknown)
    if "server_port" in rows:
        # no number, but a name made of digits
        rows["server_port"] = rows["server_port"].astype("string")
    limit = _MAX_ROWS if table.live else _MAX_ROWS + _MAX_MORE
    cells = [
        [_cell(*cell) for cell in zip(rows.columns, row, strict=True)]
        for row in rows.head(limit).astype("object").to_numpy()
    ]
    links = _links(told.head(limit), table.by)
    return FilledTable(
        table,
        [table.headings[name] for name in rows.columns],
        [_kind(rows, name) for name in rows.columns],
        cells[:_MAX_ROWS],
        links[:_MAX_ROWS],
        [*zip(cells[_MAX_ROWS:], links[_MAX_ROWS:], strict=True)],
        len(rows) - len(cells[:_MAX_ROWS]),
    )


def _links(rows: pd.DataFrame, by: Mapping[str, str]) -> list[str]:
    """Return what each row filters by, as the fragment of a URL."""
    known = rows[[*by]].astype("object")
    return [
        urlencode([*zip(by.values(), values, strict=True)])
        for values in known.where(known.notna(), "").to_numpy()
    ]


def _kind(rows: pd.DataFrame, name: str) -> str:
    kind = rows[name].dtype
    if pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind):
        return "number"
    return "long" if name in _LONG else "text"


def _cell(name: str, value: Any) -> str:
    if pd.isna(value):
        return "\N{EN DASH}"
    if name == "failure":
        return failure_label(value)
    if name == "weakness":
        return weakness_label(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, pd.Timestamp):
        return f"{value:{TIME_FORMAT}}"
    return f"{value:,}" if isinstance(value, int) else str(value).replace("\n", " ")
