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
from analyzer.findings.rows import Rows
from analyzer.reports.channel import channel_of
from analyzer.sessions.role import Role
from analyzer.tables.columns import is_true, number, plain, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from analyzer.findings.settings import Own
    from analyzer.tables.table import Columns

_Made = TypeVar("_Made")

# what a hit tells beside its session
_OF_HITS = (
    "account",
    "client_ip",
    "kind",
    "severity",
    "confidence",
    "capture",
    "frame",
    "side",
    "offset",
    "seen",
)


# most rules are hit by nothing, and made it anew
_NO_HITS = pd.DataFrame({"session": np.empty(0, np.int64)}).reindex(
    columns=["session", *_OF_HITS]
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
        self._addresses: dict[str, Addresses] = {}
        self._values: dict[str, npt.NDArray[Any]] = {}
        self._made: dict[Callable[[Facts], Any], Any] = {}
        self._rows: list[Rows] = []

    @cached_property
    def sessions(self) -> Rows:
        """One row per session, by start."""
        return self._keep(Rows(self.tables["sessions"]))

    @cached_property
    def session_ids(self) -> pa.Array:
        """The ID of each session."""
        return plain(whole(self.tables["sessions"]["session_id"]))

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
        flags = self.addresses("server_ip").are_in(_LOOPBACK)
        return self.spread("server_ip", flags, unknown=False)

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

    def addresses(self, column: str) -> Addresses:
        """Return the addresses that a column of `sessions` has, as in `codes`."""
        if column not in self._addresses:
            _, texts = self.codes(column)
            self._addresses[column] = Addresses(texts)
        return self._addresses[column]

    def spread(
        self, column: str, told: npt.NDArray[Any], *, unknown: Any
    ) -> npt.NDArray[Any]:
        """Return for each session what is told of its value in a column.

        Args:
            column: of `sessions`.
            told: of each of the values that the column has, as in `codes`.
            unknown: what is told of null.
        """
        codes, _ = self.codes(column)
        # the code of null is -1: the last
        return np.append(told, unknown)[codes]

    def numbers(self, *columns: str) -> npt.NDArray[np.int64]:
        """Return a number for each session, from 0: the same if columns are alike."""
        return number(*(self.codes(column)[0] for column in columns)) - 1

    def of_session(self, rows: pd.DataFrame, column: str) -> pd.Series[Any]:
        """Return what the sessions of some rows have in a column of `sessions`."""
        values = self.sessions[column].array.take(rows["session"].to_numpy())
        return pd.Series(values, rows.index, copy=False)

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

    def forget_columns(self) -> None:
        """Let go of columns that can be read again."""
        for rows in self._rows:
            rows.forget()

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
                `client_ip` (if it is another one than the session's), `severity`,
                `confidence`; `capture`, `frame`, `side`, `offset`: where it can be
                seen; `seen`: what is to be seen there, without secrets.

        Returns:
            What `Rule.find` returns: one row per hit.
        """
        unknown = told.keys() - set(_OF_HITS)
        if unknown:
            raise ValueError(f"hits don't tell {', '.join(sorted(unknown))}")
        if rows.empty:
            return _NO_HITS.copy(deep=False)
        columns = {name: told.get(name, _default(rows, name)) for name in _OF_HITS}
        hits = pd.DataFrame({"session": rows["session"], **columns}, index=rows.index)
        return hits.reset_index(drop=True)

    def _details(self, name: str) -> Rows:
        return self._keep(Rows(self.tables[name], self.session_ids))

    def _keep(self, rows: Rows) -> Rows:
        self._rows.append(rows)
        return rows


def _default(rows: pd.DataFrame, name: str) -> Any:
    """Return what rows say by themselves of where something can be seen."""
    if name in ("capture", "frame", "side", "offset") and name in rows:
        return rows[name]
    if name == "frame" and "request_frame" in rows:
        return rows["request_frame"].fillna(rows["reply_frame"])
    if name == "frame" and "first_frame" in rows:
        return rows["first_frame"]
    return None
