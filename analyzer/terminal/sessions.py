"""Sessions as a list for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
from rich.text import Text

from analyzer.tables.schema import SESSIONS
from analyzer.terminal.format import (
    FORMATS,
    TIME_FORMAT,
    as_duration,
    as_table,
    fit_output,
)
from analyzer.text import as_line, pluralize_of, shorten

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from analyzer.selection.listing import Listing

COLUMNS = (
    "session_id",
    "start",
    "duration_s",
    "service",
    "client_ip",
    "server_ip",
    "server_port",
    "protection",
    "auth_user",
    "failure",
)
"""What people are shown of sessions unless they ask for something else."""

# what a narrow terminal leaves out of these, in this order
_OPTIONAL = ("duration_s", "server_port", "server_ip", "auth_user", "failure")
# of a list, or a banner
_WIDEST_TEXT = 200


def print_sessions(listing: Listing, console: Console, in_all: int | None) -> None:
    """Print sessions as a table.

    Args:
        listing: the sessions.
        console: where to.
        in_all: how many there were, if these are some of them.
    """
    fit_output(console)
    rows = listing.rows
    told = pluralize_of(listing.chosen, in_all, "session")
    if not len(rows):
        console.print(Text(told, "bold"))
        return
    names = rows.column_names
    length = listing.id_length
    shown = pd.DataFrame({name: _shown(rows[name], name, length) for name in names})
    is_usual = tuple(names) == COLUMNS
    console.print(
        as_table(
            told,
            shown,
            console.width,
            optional=_OPTIONAL if is_usual else (),
            limit=len(rows),
            wrapped=() if is_usual else [*filter(_is_text, names)],
        )
    )
    if listing.chosen > len(rows):
        more = f"and {listing.chosen - len(rows):,} more: --limit shows as many as you"
        console.print(Text(f"{more} ask for", "yellow"))


def _shown(column: pa.ChunkedArray, name: str, id_length: int) -> pd.Series[Any]:
    values: pd.Series[Any] = column.to_pandas(types_mapper=pd.ArrowDtype)
    if name == "session_id":
        return values.str[:id_length]
    if name.endswith("_port"):
        return values.astype("string")
    form = _format_of(name, column.type)
    return values if form is None else values.map(form, na_action="ignore")


def _format_of(name: str, kind: pa.DataType) -> Callable[[Any], str] | None:
    if pa.types.is_list(kind):
        return _joined
    if pa.types.is_string(kind):
        return _line
    if pa.types.is_timestamp(kind):
        return f"{{:{TIME_FORMAT}}}".format
    return as_duration if name.endswith("_s") and name not in FORMATS else None


def _joined(items: list[Any]) -> str:
    return _line(", ".join(map(str, items))) or "-"


def _is_text(name: str) -> bool:
    """Return whether a column is a text, or a list, that may take several lines."""
    kind = SESSIONS.arrow.field(name).type
    is_text = pa.types.is_string(kind) or pa.types.is_list(kind)
    return is_text and name != "session_id"


def _line(text: str) -> str:
    return shorten(as_line(text), _WIDEST_TEXT)
