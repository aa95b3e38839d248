"""What was found in captures: the tables, and what could not be read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from analyzer.tables.schema import TABLES
from analyzer.text import pluralize_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    import pyarrow as pa

    from analyzer.tables.attempts import AttemptCount
    from captures import CaptureError


_TABLE_NAMES = frozenset(table.name for table in TABLES)


@dataclass(repr=False)
class Results:
    """What was found in some captures.

    Each table is also an attribute, as a pandas DataFrame: `sessions`, `messages`,
    `exchanges`, `logins`, `certificates`, `anomalies` (see
    `analyzer.tables.schema`).

    Attributes:
        tables: the tables as Arrow tables, by name.
        captures: names of the captures, as they were given.
        packets: packets read.
        capture_bytes: bytes that these packets had on the wire.
        problems: captures that could not be read, or not to their end.
        notes: what else to know of how they were read.
        undecoded: packets that could not be decoded, by reason.
        connections_evicted: connections that were ended early to bound memory.
        attempts: connections that carried no data, by client, server, port and end.
        attempts_without_row: how many of them are not in the tables.
        dropped: packets that were captured too fast to be taken; `None` if that
            is not known.
        sessions_in_all: how many sessions there were, if these are some of them that
            were chosen; else `None`.
        whole: the tables of all sessions then, by which those chosen are judged;
            `None` also where they are not known any more.
    """

    tables: dict[str, pa.Table]
    captures: Sequence[str]
    packets: int = 0
    capture_bytes: int = 0
    problems: list[CaptureError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    undecoded: Counter[str] = field(default_factory=Counter)
    connections_evicted: int = 0
    attempts: list[AttemptCount] = field(default_factory=list)
    attempts_without_row: int = 0
    dropped: int | None = None
    sessions_in_all: int | None = None
    whole: Mapping[str, pa.Table] | None = None

    @property
    def context(self) -> Mapping[str, pa.Table]:
        """The tables by which sessions are judged: those of all, if some are chosen."""
        return self.tables if self.whole is None else self.whole

    def count_sessions(self, noun: str = "session") -> str:
        """Say how many sessions there are; and of how many, if some were chosen."""
        return pluralize_of(len(self.tables["sessions"]), self.sessions_in_all, noun)

    @property
    def choice(self) -> str | None:
        """Words that say that some sessions were chosen; `None` if all are there."""
        if self.sessions_in_all is None:
            return None
        return f"Of {self.count_sessions()}:"

    def __getattr__(self, name: str) -> pd.DataFrame:
        """Make the DataFrame of a table when it is first asked for."""
        if name not in _TABLE_NAMES:
            raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")
        import pandas as pd

        frame: pd.DataFrame = self.tables[name].to_pandas(types_mapper=pd.ArrowDtype)
        self.__dict__[name] = frame
        return frame

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_TABLE_NAMES})
