"""The sessions that are chosen, as a list: some columns, in some order."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import compute

from analyzer.tables.schema import LOGINS, SESSIONS, TABLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analyzer.findings.settings import Settings
    from analyzer.selection.selection import Selection
    from analyzer.selection.source import Source

_USERS = ("session_id", "user", "authzid")
# of an ID, no less is shown
_LEAST_SHOWN = 4


class Order(NamedTuple):
    """By what sessions are sorted: those that are alike come in the order of time.

    Attributes:
        column: by its values, or by how many there are in its lists; nulls come last.
        descending: the largest first.
    """

    column: str = "start"
    descending: bool = False


class Listing(NamedTuple):
    """Sessions.

    Attributes:
        rows: the columns that were asked for.
        chosen: how many sessions were chosen; rows may be fewer.
        in_all: how many there are.
        id_length: so many characters of an ID tell it from those of all sessions.
    """

    rows: pa.Table
    chosen: int
    in_all: int
    id_length: int


def list_sessions(
    source: Source,
    selection: Selection,
    columns: Sequence[str],
    order: Order | None = None,
    limit: int | None = None,
    settings: Settings | None = None,
) -> Listing:
    """List sessions.

    Args:
        source: the tables that hold them; in memory, if rules are to be asked.
        selection: which sessions.
        columns: of `sessions`, in the order that is wanted.
        order: of the rows; `None` for that of time.
        limit: so many rows at most; `None` for all.
        settings: by which rules judge.

    Raises:
        LoadError: the tables can't be read.
    """
    order = order or Order()
    read = {"start", "session_id", order.column, *selection.columns}
    tables = {SESSIONS.name: source.read(SESSIONS, sorted(read))}
    if selection.users:
        tables[LOGINS.name] = source.read(LOGINS, _USERS)
    if selection.findings:
        tables = {table.name: source.read(table, table.arrow.names) for table in TABLES}
    sessions = tables[SESSIONS.name]
    chosen = np.flatnonzero(selection.of(tables, settings).to_numpy())
    places = chosen[_sorted(sessions.take(pa.array(chosen)), order)[:limit]]
    shown = sessions["session_id"].take(pa.array(places))
    return Listing(
        source.take(places, columns),
        len(chosen),
        len(sessions),
        _id_length(sessions["session_id"], shown),
    )


def _sorted(sessions: pa.Table, order: Order) -> pa.Array:
    direction = "descending" if order.descending else "ascending"
    place = sessions.schema.get_field_index(order.column)
    if pa.types.is_list(sessions.schema.types[place]):
        lengths = compute.list_value_length(sessions[place])
        sessions = sessions.set_column(place, order.column, lengths)
    keys = {order.column: direction}
    for name in ("start", "session_id"):
        keys.setdefault(name, "ascending")
    return compute.sort_indices(sessions, sort_keys=[*keys.items()]).to_numpy()


def _id_length(ids: pa.ChunkedArray, shown: pa.ChunkedArray) -> int:
    """Return how much of some IDs tells them from all others."""
    longest = compute.max(compute.utf8_length(shown)).as_py() or 0
    for length in range(_LEAST_SHOWN, longest):
        beginnings = compute.utf8_slice_codeunits(shown, 0, length).unique()
        of_all = compute.utf8_slice_codeunits(ids, 0, length)
        # those that may still be taken for one of them
        ids = ids.filter(compute.is_in(of_all, value_set=beginnings))
        if len(beginnings) == len(ids):
            return length
    return int(longest)
