"""What rules look at: the tables as data frames, joined by the place of the session."""

from __future__ import annotations

from functools import cached_property
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import compute

from analyzer.findings.addresses import Addresses
from analyzer.findings.columns import is_true, number, whole
from analyzer.reports.channel import channel_of
from analyzer.sessions.role import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from analyzer.findings.settings import Own
    from analyzer.tables.table import Columns

_Made = TypeVar("_Made")

# what a hit tells beside its session
_OF_HITS = (
    "account",
    "kind",
    "severity",
    "confidence",
    "capture",
    "frame",
    "side",
    "offset",
    "seen",
)


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
# RFC 6890, section 2.2
_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1"))
_OF_CHANNEL = (
    "tls_mode",
    "tls_established",
    "tls_version",
    "failure",
    "client_bytes",
    "server_bytes",
)


class Rows:
    """The rows of a table, whose columns are made when they are asked for.

    Texts, numbers and flags are Arrow's. The column `session` is the place of the
    session's row in `sessions`.
    """

    def __init__(self, table: pa.Table, sessions: pa.Array | None = None) -> None:
        """Take a table, and the IDs of all sessions if it is not theirs."""
        self._columns: dict[str, pd.Series[Any]] = {}
        self._table = table
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
            values = self._values(name)
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
        wanted = [name for name in _PLACES if name in self._table.column_names]
        return pd.DataFrame(
            {
                name: self[name].take(places)
                for name in dict.fromkeys(("session", *wanted, *columns))
            }
        )

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


class Facts:
    """The tables of an analysis, and what was set.

    Args:
        tables: by name.
        own: what users say is theirs.
        thresholds: numbers by which rules judge, by the name of the rule and their own.
    """

    def __init__(
        self,
        tables: Mapping[str, Columns],
        own: Own,
        thresholds: Mapping[str, Mapping[str, float]] | None = None,
    ) -> None:
        self.tables = tables
        self.own = own
        self._thresholds = thresholds or {}
        self._codes: dict[str, tuple[npt.NDArray[np.int64], pd.Index[Any]]] = {}
        self._values: dict[str, npt.NDArray[Any]] = {}
        self._made: dict[Callable[[Facts], Any], Any] = {}

    @cached_property
    def sessions(self) -> Rows:
        """One row per session, by start."""
        return Rows(self.tables["sessions"])

    @cached_property
    def session_ids(self) -> pa.Array:
        """The ID of each session."""
        return whole(self.tables["sessions"]["session_id"])

    @cached_property
    def channel(self) -> pd.Series[str]:
        """The `Channel` of each session."""
        return channel_of(self.sessions.all(*_OF_CHANNEL))

    @cached_property
    def logins(self) -> Rows:
        """One row per attempt to log in."""
        return self._details("logins")

    @cached_property
    def exchanges(self) -> Rows:
        """One row per command and its answer."""
        return self._details("exchanges")

    @cached_property
    def messages(self) -> Rows:
        """One row per message."""
        return self._details("messages")

    @cached_property
    def anomalies(self) -> Rows:
        """One row per oddity."""
        return self._details("anomalies")

    @cached_property
    def pairs(self) -> npt.NDArray[np.int64]:
        """A number for each session: the same for one client at one server's port."""
        return self.numbers("client_ip", "server_ip", "server_port")

    @cached_property
    def servers(self) -> npt.NDArray[np.int64]:
        """A number for each session: the same for one port of one server."""
        return self.numbers("server_ip", "server_port")

    @cached_property
    def end(self) -> pd.Timestamp | None:
        """The end of the last session; `None` without any."""
        end = self.sessions["end"].max()
        return None if pd.isna(end) else end

    @cached_property
    def is_loopback(self) -> npt.NDArray[np.bool_]:
        """Whether a session did not leave its host."""
        codes, addresses = self.codes("server_ip")
        flags = Addresses(addresses).are_in(_LOOPBACK)
        # the last is for those of which no address is known
        return np.append(flags, False)[codes]

    @cached_property
    def is_relay(self) -> npt.NDArray[np.bool_]:
        """Whether a session is between servers."""
        return is_true(self.sessions["role"] == Role.RELAY)

    @cached_property
    def has_gaps(self) -> npt.NDArray[np.bool_]:
        """Whether something of a session is known not to have been captured or read."""
        sessions = self.sessions
        is_whole = sessions["complete"] & (sessions["missing_bytes"] == 0)
        return ~is_true(is_whole)

    def values(self, column: str) -> npt.NDArray[Any]:
        """Return a column of `sessions` as an array; times in nanoseconds."""
        if column not in self._values:
            of_all = self.tables["sessions"][column]
            if pa.types.is_timestamp(of_all.type):
                of_all = of_all.cast(pa.int64())
            self._values[column] = of_all.to_numpy()
        return self._values[column]

    def codes(self, column: str) -> tuple[npt.NDArray[np.int64], pd.Index[Any]]:
        """Return a column of `sessions` as numbers, -1 for null, and what they mean."""
        if column not in self._codes:
            values = whole(self.tables["sessions"][column])
            coded = values.dictionary_encode()
            codes = coded.indices.fill_null(-1).to_numpy().astype(np.int64)
            names = pd.Index(coded.dictionary, dtype=pd.ArrowDtype(values.type))
            self._codes[column] = codes, names
        return self._codes[column]

    def numbers(self, *columns: str) -> npt.NDArray[np.int64]:
        """Return a number for each session, from 0: the same if columns are alike."""
        return number(*(self.codes(column)[0] for column in columns)) - 1

    def of_session(self, rows: pd.DataFrame, column: str) -> pd.Series[Any]:
        """Return what the sessions of some rows have in a column of `sessions`."""
        values = self.sessions[column].take(rows["session"].to_numpy())
        return values.set_axis(rows.index)

    def are_of(self, rows: Rows, sessions: Any) -> npt.NDArray[np.bool_]:
        """Return which rows of a table are of some sessions, given by their places."""
        flags: npt.NDArray[np.bool_] = self.among(sessions)[rows["session"].to_numpy()]
        return flags

    def among(self, sessions: Any) -> npt.NDArray[np.bool_]:
        """Return for each session whether it is one of some, given by their places."""
        flags = np.zeros(len(self.sessions), bool)
        flags[np.asarray(sessions)] = True
        return flags

    def are_named(self, ids: pa.Array) -> npt.NDArray[np.bool_]:
        """Return for each session whether it is one of some, given by their IDs."""
        flags: npt.NDArray[np.bool_] = compute.is_in(
            self.session_ids, value_set=ids
        ).to_numpy(zero_copy_only=False)
        return flags

    def once(self, make: Callable[[Facts], _Made]) -> _Made:
        """Return what is made of these facts, made once for all rules that ask."""
        if make not in self._made:
            self._made[make] = make(self)
        made: _Made = self._made[make]
        return made

    def forget(self) -> None:
        """Let go of what was made of these facts, which may hold on to them."""
        self._made.clear()

    def threshold(self, rule_id: str, name: str) -> float:
        """Return a number by which a rule judges."""
        return self._thresholds[rule_id][name]

    def hits(self, rows: pd.DataFrame, **told: Any) -> pd.DataFrame:
        """Say that a rule is hit by each of some rows.

        Args:
            rows: of any of the tables (`Rows.where`). Where nothing else is told, the
                packet is theirs: that of a command, else the session's first one.
            told: a value for all, or a series: `account`, `kind` (one of `Rule.kinds`),
                `severity`, `confidence`; `capture`, `frame`, `side`, `offset`: where it
                can be seen; `seen`: what is to be seen there, without secrets.

        Returns:
            What `Rule.find` returns: one row per hit.
        """
        unknown = told.keys() - set(_OF_HITS)
        if unknown:
            raise ValueError(f"hits don't tell {', '.join(sorted(unknown))}")
        columns = {name: told.get(name, _default(rows, name)) for name in _OF_HITS}
        hits = pd.DataFrame({"session": rows["session"], **columns}, index=rows.index)
        return hits.reset_index(drop=True)

    def _details(self, name: str) -> Rows:
        return Rows(self.tables[name], self.session_ids)


def _places(ids: pa.ChunkedArray, sessions: pa.Array) -> npt.NDArray[np.int64]:
    """Return the places of the sessions with some IDs; -1 for those not among them.

    Rows of a session are next to each other, so that it is looked for but once.
    """
    ids = whole(ids)
    differs = compute.not_equal(ids.slice(1), ids.slice(0, max(0, len(ids) - 1)))
    is_first = np.ones(len(ids), bool)
    is_first[1:] = compute.fill_null(differs, fill_value=True)
    firsts = np.flatnonzero(is_first)
    found = compute.index_in(ids.take(pa.array(firsts)), sessions).fill_null(-1)
    lengths = np.diff(np.append(firsts, len(ids)))
    return np.repeat(found.to_numpy().astype(np.int64), lengths)


def _default(rows: pd.DataFrame, name: str) -> Any:
    """Return what rows say by themselves of where something can be seen."""
    if name in ("capture", "frame", "side", "offset") and name in rows:
        return rows[name]
    if name == "frame" and "request_frame" in rows:
        return rows["request_frame"].fillna(rows["reply_frame"])
    if name == "frame" and "first_frame" in rows:
        return rows["first_frame"]
    return None
