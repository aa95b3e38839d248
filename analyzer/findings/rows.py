"""The rows of a table, as rules look at them: columns, and those of some rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import compute

from analyzer.tables.columns import is_true, plain, whole

if TYPE_CHECKING:
    import numpy.typing as npt

    from analyzer.tables.table import Columns

# what says of a row where it can be seen
_PLACES = (
    "capture",
    "frame",
    "request_frame",
    "reply_frame",
    "first_frame",
    "side",
    "offset",
)
# what all rules ask for
_KEPT = {"session", "session_id"}


class Rows:
    """The rows of a table, whose columns are made when they are asked for.

    Texts, numbers and flags are Arrow's. The column `session` is the place of the
    session's row in `sessions`.
    """

    def __init__(self, table: Columns, sessions: pa.Array | None = None) -> None:
        """Take a table, and the IDs of all sessions if it is not theirs."""
        self._columns: dict[str, pd.Series[Any]] = {}
        self._table = table
        names = set(table.column_names)
        self._where_seen = [name for name in _PLACES if name in names]
        # the rows whose session is known, if those of some are not
        self._known: npt.NDArray[np.int64] | None = None
        places = np.arange(len(table))
        if sessions is not None:
            places = _places(table["session_id"], sessions)
            is_known = places >= 0
            if not is_known.all():
                self._known = np.flatnonzero(is_known)
                places = places[is_known]
        self._columns["session"] = pd.Series(places)

    def __len__(self) -> int:
        return len(self._columns["session"])

    def __getitem__(self, name: str) -> pd.Series[Any]:
        """Return a column."""
        column = self._columns.get(name)
        if column is None:
            values = plain(self._values(name))
            column = pd.Series(values, dtype=pd.ArrowDtype(values.type), copy=False)
            self._columns[name] = column
        return column

    def where(self, chosen: Any, *columns: str) -> pd.DataFrame:
        """Return some rows as a data frame.

        Args:
            chosen: a flag for each row; null is false.
            columns: those that are wanted, beside `session`, and those that say where
                a row can be seen.
        """
        if isinstance(chosen, pd.Series):
            chosen = is_true(chosen)
        return self._at(np.flatnonzero(chosen), *columns)

    def _at(self, places: npt.NDArray[np.int64], *columns: str) -> pd.DataFrame:
        names = dict.fromkeys(("session", *self._where_seen, *columns))
        # arrays, as series would be aligned by their places
        some = {name: self._some(name, places) for name in names}
        return pd.DataFrame(some, index=places, copy=False)

    def _some(self, name: str, places: npt.NDArray[np.int64]) -> Any:
        if name in self._columns or isinstance(self._table, pa.Table):
            return self[name].array.take(places)
        values = self._values(name)
        # often few of many rows, whose texts need not be copied
        some = plain(values.take(pa.array(places)))
        return pd.array(some, pd.ArrowDtype(some.type))

    def forget(self) -> None:
        """Let go of columns, if they can be read again."""
        if not isinstance(self._table, pa.Table):
            names = self._columns.keys() & _KEPT
            self._columns = {name: self._columns[name] for name in names}

    def all(self, *columns: str) -> pd.DataFrame:
        """Return all rows, as `where` does."""
        return self.where(np.ones(len(self), bool), *columns)

    def has_item(self, name: str, pattern: str) -> npt.NDArray[np.bool_]:
        """Return which rows have an item in a list that a pattern (RE2) is found in."""
        flags = np.zeros(len(self), bool)
        flags[self._search(name, pattern)[0]] = True
        return flags

    def items(self, name: str, pattern: str, *columns: str) -> pd.DataFrame:
        """Return the items of a list that a pattern (RE2) is found in, each as a row.

        Args:
            name: the column of lists.
            pattern: what to find in items.
            columns: as in `where`; the column `item` is added.
        """
        places, items = self._search(name, pattern)
        found = self._at(places, *columns).reset_index(drop=True)
        found["item"] = pd.Series(items, dtype=pd.ArrowDtype(items.type))
        return found

    def _search(self, name: str, pattern: str) -> tuple[npt.NDArray[Any], pa.Array]:
        """Return the items of a list that a pattern is found in, and their rows."""
        lists = self._values(name)
        # the same few items stand in all rows
        items = lists.flatten().dictionary_encode()
        is_match = compute.match_substring_regex(items.dictionary, pattern)
        is_found = is_match.take(items.indices).fill_null(fill_value=False)
        rows = compute.list_parent_indices(lists).filter(is_found).to_numpy()
        return rows, items.filter(is_found).dictionary_decode()

    def _values(self, name: str) -> pa.Array:
        values = whole(self._table[name])
        return values if self._known is None else values.take(pa.array(self._known))


def firsts_of_sessions(rows: pd.DataFrame, shown: pd.DataFrame) -> pd.DataFrame:
    """Return for each of some rows the first of others that is of its session.

    Args:
        rows: those others.
        shown: those that are asked about, whose index is kept.

    Returns:
        One row for each, null where the session has none.
    """
    firsts = rows.drop_duplicates("session").set_index("session")
    return firsts.reindex(shown["session"]).set_axis(shown.index)


def _places(ids: pa.ChunkedArray, sessions: pa.Array) -> npt.NDArray[np.int64]:
    """Return the places of the sessions with some IDs; -1 for those not among them.

    Rows of a session are next to each other, so that it is looked for but once.
    """
    ids = plain(whole(ids))
    differs = compute.not_equal(ids.slice(1), ids.slice(0, max(0, len(ids) - 1)))
    is_first = np.ones(len(ids), bool)
    is_first[1:] = compute.fill_null(differs, fill_value=True)
    firsts = np.flatnonzero(is_first)
    found = compute.index_in(ids.take(pa.array(firsts)), sessions).fill_null(-1)
    lengths = np.diff(np.append(firsts, len(ids)))
    return np.repeat(found.to_numpy().astype(np.int64), lengths)
